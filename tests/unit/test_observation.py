from __future__ import annotations

import pytest

from bot.guilds.observation import ChannelRef, Observations
from bot.observe.messagelog import MessageLog
from bot.storage.engine import Database
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock, SaidFactory

pytestmark = pytest.mark.both_databases

THREAD = CHANNEL + 1
ADMIN = 5


async def _on(observations: Observations, channel_id: int = CHANNEL, *, from_id: int = 100) -> bool:
    return await observations.switch_on(
        guild_id=GUILD, channel_id=channel_id, parent_id=None, name="general", by=ADMIN, from_id=from_id
    )


async def _off(observations: Observations, channel_id: int = CHANNEL) -> bool:
    return await observations.switch_off(
        guild_id=GUILD, channel_id=channel_id, parent_id=None, name="general", by=ADMIN
    )


async def test_nothing_is_observed_until_somebody_decides(observations: Observations) -> None:
    assert not observations.observed(CHANNEL)
    assert not observations.observed(THREAD, CHANNEL)
    assert observations.channels(GUILD) == []


async def test_on_and_off_tell_whether_they_changed_anything(observations: Observations) -> None:
    assert await _on(observations)
    assert observations.observed(CHANNEL)
    assert observations.observed_from(CHANNEL) == 100
    assert not await _on(observations, from_id=50)
    assert observations.observed_from(CHANNEL) == 100
    assert await _off(observations)
    assert not observations.observed(CHANNEL)
    assert not await _off(observations)
    assert observations.channels(GUILD) == []


async def test_threads_follow_their_channel_unless_private_or_decided_on(observations: Observations) -> None:
    await _on(observations)
    assert observations.observed(THREAD, CHANNEL)
    assert observations.observed_from(THREAD, CHANNEL) == 100
    assert not observations.observed(THREAD, CHANNEL, private=True)
    await _off(observations, THREAD)
    assert not observations.observed(THREAD, CHANNEL)
    await _on(observations, THREAD)
    await _off(observations)
    assert observations.observed(THREAD, CHANNEL)
    assert observations.observed(THREAD, CHANNEL, private=True)
    assert not observations.observed(THREAD + 1, CHANNEL)


async def test_decisions_outlive_the_process(database: Database, observations: Observations, clock: FakeClock) -> None:
    await _on(observations)
    await _off(observations, THREAD)
    await observations.set_notice(CHANNEL, CHANNEL, 77)
    restarted = Observations(database, clock)
    await restarted.load()
    assert restarted.observed(CHANNEL)
    assert not restarted.observed(THREAD, CHANNEL)
    assert restarted.list(GUILD) == observations.list(GUILD)
    decision = await restarted.status(CHANNEL)
    assert decision is not None
    assert (decision.decided_by, decision.decided_ms, decision.notice_message_id) == (ADMIN, NOW_MS, 77)


async def test_a_channel_with_messages_and_no_decision_follows_its_parent(
    observations: Observations, database: Database, log: MessageLog, clock: FakeClock, make_said: SaidFactory
) -> None:
    await _on(observations)
    await log.append([make_said(channel_id=THREAD)])
    restarted = Observations(database, clock)
    await restarted.load()
    assert restarted.observed(THREAD, CHANNEL)
    assert restarted.channels(GUILD) == [CHANNEL]
    assert [decision.channel_id for decision in restarted.list(GUILD)] == [CHANNEL]


async def test_settings_switch_on_only_what_nobody_has_decided(observations: Observations) -> None:
    await _off(observations)
    wanted = [ChannelRef(guild_id=GUILD, channel_id=channel_id, name="a") for channel_id in (CHANNEL, THREAD)]
    assert await observations.seed(wanted, from_id=100) == [wanted[1]]
    assert not observations.observed(CHANNEL)
    assert observations.observed(THREAD)
    assert await observations.seed(wanted, from_id=200) == []
    assert observations.observed_from(THREAD) == 100


@pytest.mark.parametrize("parent_id", [None, CHANNEL])
async def test_a_channel_is_read_from_its_checkpoint_and_never_from_before_it_was_switched_on(
    parent_id: int | None, observations: Observations, log: MessageLog, make_said: SaidFactory
) -> None:
    place = CHANNEL if parent_id is None else THREAD
    said = make_said(channel_id=place)
    await _on(observations, from_id=said.message.id)
    assert await observations.last_seen(place, parent_id) == said.message.id - 1
    await log.append([said], checkpoints={place: said.message.id})
    assert await observations.last_seen(place, parent_id) == said.message.id


async def test_what_was_said_while_observation_was_off_is_not_read_later(
    observations: Observations, log: MessageLog, make_said: SaidFactory
) -> None:
    kept, unobserved, now = make_said(), make_said(), make_said()
    await _on(observations, from_id=kept.message.id)
    await log.append([kept], checkpoints={CHANNEL: kept.message.id})
    await _off(observations)
    await _on(observations, from_id=now.message.id)
    assert await observations.last_seen(CHANNEL) >= unobserved.message.id


async def test_reading_back_starts_before_what_was_read_before(
    observations: Observations, log: MessageLog, make_said: SaidFactory
) -> None:
    early, kept = make_said(), make_said()
    await _on(observations, from_id=kept.message.id)
    await log.append([kept], checkpoints={CHANNEL: kept.message.id})
    await _off(observations)
    await _on(observations, from_id=early.message.id)
    assert await observations.last_seen(CHANNEL) == early.message.id - 1
    assert (await log.append([early, kept])).stored == 1
