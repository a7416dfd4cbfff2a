"""/digest: what is posted for everybody who reads a channel, when, how often, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import discord
import pytest
import simcord
from sqlalchemy import select

from bot.domain.model import Citation, Doubt, Memory, MemoryKind
from bot.forget import Post
from bot.forget.verification import Verification
from bot.guilds.digests import Digest, Every
from bot.memories import Asker
from bot.operate.waiting import delay_report
from bot.recall.digest import DECISIONS, PLANS, QUESTIONS, TOPICS
from bot.storage.schema import digests, post_people, posts
from cogs.digests import DigestCog
from cogs.lined_posts import digest_text
from tests.fixtures.discord import World, answer_of, shown
from tests.fixtures.languages import ENGLISH
from tests.fixtures.memory import Pipeline
from tests.fixtures.public import posted, take_down

DAY = 86_400
DECISION = MemoryKind.DECISION


class Chat:
    """A server in which a digest is due at nine every day, and what is said there."""

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, world.pipeline.clock

    async def on(self, every: str = "day", at: int = 9, channel: simcord.ChannelHandle | None = None) -> str:
        return shown(await self.world.boss.slash(channel or self.world.general, "digest on", every=every, at=at))

    async def decided(
        self, text: str, channel: simcord.ChannelHandle | None = None, kind: MemoryKind = MemoryKind.DECISION
    ) -> discord.Message:
        """Something that was said, and what a model made of it."""
        place = channel or self.world.general
        message = await self.world.say(self.world.ann, text, place)
        await self.world.pipeline.keep(text, message.id, kind=kind, channel=place.id)
        return message

    async def later(self, **span: float) -> None:
        """Let time pass, and look at what is due."""
        seconds = timedelta(**span).total_seconds()
        self.pass_by(seconds)
        await self.round()

    def pass_by(self, seconds: float) -> None:
        """Time passes while nobody looks."""
        self.world.env.backend.advance_clock(seconds)
        self.clock.advance(seconds)

    async def round(self) -> None:
        cog = self.world.bot.get_cog("Digests")
        assert isinstance(cog, DigestCog)
        with self.world.env._bot_scope():
            await cog.round()
        await self.world.durable()

    def ever_sent(self, text: str) -> bool:
        """Whether the bot ever sent Discord this text."""
        return any(text in str(request.json) for request in self.world.env.http_requests)

    @property
    def posted(self) -> list[str]:
        return posted(self.world)


@pytest.fixture
async def chat(world: World) -> Chat:
    """It is eight in the morning on a Tuesday."""
    now = world.env.now()
    tuesday = (now + timedelta(days=(1 - now.weekday()) % 7 + 7)).replace(hour=8, minute=0, second=0, microsecond=0)
    world.env.backend.advance_clock((tuesday - now).total_seconds())
    world.pipeline.clock.ms = round(tuesday.timestamp() * 1000)
    await world.observe()
    return Chat(world)


# --- what is posted, and when ----------------------------------------------------------------------------------------


async def test_it_tells_what_happened_once_a_day_with_speaker_and_link(chat: Chat) -> None:
    told = await chat.on()
    assert "every day at 9:00 (UTC)" in told
    assert "<t:" + str((chat.clock() + 3_600_000) // 1000) in told
    await chat.world.services.guilds.consents.rules.set_zone(chat.world.guild.id, "America/New_York")
    assert "9:00 (America/New_York)" in shown(await chat.world.boss.slash(chat.world.general, "digest status"))
    await chat.world.services.guilds.consents.rules.set_zone(chat.world.guild.id, None)
    message = await chat.decided("the launch is on Thursday @everyone")
    await chat.decided("who has the key?", kind=MemoryKind.QUESTION)
    await chat.later(minutes=30)
    assert chat.posted == []
    await chat.later(minutes=31)
    (text,) = chat.posted
    decisions, questions = text.split("**Still open**")
    assert "the launch is on Thursday" in decisions
    assert " – ann" in decisions
    assert f"/{message.id})" in decisions
    assert "who has the key?" in questions
    assert "@everyone" not in text.replace("@\u200b", "")
    await chat.round()
    await chat.later(hours=3)
    assert len(chat.posted) == 1


async def test_the_next_one_tells_what_was_said_since(chat: Chat) -> None:
    await chat.on()
    await chat.decided("the door is red")
    await chat.later(hours=2)
    await chat.decided("the gate is green")
    await chat.later(days=1)
    first, second = chat.posted
    assert "door is red" in first
    assert "gate is green" not in first
    assert "gate is green" in second
    assert "door is red" not in second


async def test_none_is_posted_when_nothing_happened(chat: Chat) -> None:
    await chat.on()
    await chat.world.say(chat.world.ann, "good morning")
    await chat.later(days=2)
    assert chat.posted == []


@pytest.mark.slow
async def test_what_the_model_read_too_late_for_one_is_in_the_next(chat: Chat) -> None:
    await chat.on()
    message = await chat.world.say(chat.world.ann, "the door is red")
    await chat.later(hours=2)
    assert chat.posted == []
    chat.pass_by(1)
    cited = (Citation(message.id, chat.world.general.id, chat.world.ann.id),)
    memory = Memory(id="1", guild_id=chat.world.guild.id, kind=DECISION, text="the door is red", citations=cited)
    async with chat.world.pipeline.db.write() as connection:
        await chat.world.pipeline.store.add(connection, memory)
    await chat.later(days=1)
    (text,) = chat.posted
    assert "door is red" in text
    await chat.decided("the gate is green")
    await chat.later(days=1)
    assert "door is red" not in chat.posted[-1]


@pytest.mark.slow
async def test_a_weeks_comes_on_monday(chat: Chat) -> None:
    assert "every Monday at 9:00" in await chat.on("week")
    await chat.decided("the door is red")
    for _ in range(5):
        await chat.later(days=1)
    assert chat.posted == []
    await chat.later(days=1, hours=2)
    assert len(chat.posted) == 1


@pytest.mark.slow
async def test_after_a_downtime_one_is_posted_that_tells_of_all_of_it(chat: Chat) -> None:
    await chat.on()
    await chat.decided("the door is red")
    await chat.later(hours=2)
    for text in ("the gate is green", "the roof is blue"):
        await chat.decided(text)
        chat.pass_by(DAY)
    await chat.round()
    await chat.round()
    _, late = chat.posted
    assert "gate is green" in late
    assert "roof is blue" in late


async def test_it_is_in_the_time_zone_of_the_server_on_both_sides_of_a_change_of_the_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    def ms(text: str) -> int:
        return round(datetime.fromisoformat(text).timestamp() * 1000)

    def due(covered: str, now: str, hour: int = 9) -> str | None:
        digest = Digest(1, 2, Every.DAY, hour, ms(covered), ms(covered))
        at = digest.due_ms(ms(now), berlin)
        return None if at is None else datetime.fromtimestamp(at / 1000, tz=UTC).isoformat(timespec="minutes")

    assert due("2026-03-28T08:00Z", "2026-03-29T06:59Z") is None
    assert due("2026-03-28T08:00Z", "2026-03-29T07:00Z") == "2026-03-29T07:00+00:00"  # nine in summer
    assert due("2026-03-28T01:00Z", "2026-03-29T01:00Z", 2) == "2026-03-29T01:00+00:00"  # two o'clock is left out
    assert due("2026-10-24T00:00Z", "2026-10-25T00:00Z", 2) == "2026-10-25T00:00+00:00"  # two comes twice
    assert due("2026-10-25T00:00Z", "2026-10-25T02:00Z", 2) is None


# --- who may read it -------------------------------------------------------------------------------------------------


async def test_it_tells_of_other_channels_what_everybody_there_may_read_and_no_more(chat: Chat) -> None:
    world = chat.world
    open_, secret = world.guild.create_text_channel("open"), world.secret_channel("secret", world.boss, world.ann)
    await world.observe(open_, secret)
    await chat.on()
    await chat.decided("the door is red", open_)
    await chat.decided("the safe is blue", secret)
    await chat.later(hours=2)
    (text,) = chat.posted
    assert "door is red" in text
    assert f"in <#{open_.id}>" in text
    assert "safe is blue" not in text
    assert str(secret.id) not in text


async def test_in_a_channel_of_few_it_tells_of_that_channel(chat: Chat) -> None:
    world = chat.world
    secret = world.secret_channel("secret", world.boss, world.ann)
    await world.observe(secret)
    await chat.on(channel=secret)
    await chat.decided("the safe is blue", secret)
    await chat.later(hours=2)
    assert chat.posted == []
    (text,) = posted(world, secret)
    assert "safe is blue" in text


async def test_a_line_goes_when_not_everybody_may_read_its_channel_any_more_and_the_others_stay(chat: Chat) -> None:
    world = chat.world
    open_ = world.guild.create_text_channel("open")
    await world.observe(open_)
    await chat.on()
    await chat.decided("the door is red")
    await chat.decided("the gate is green", open_)
    await chat.later(hours=2)
    await hide(world, open_)
    await take_down(world)
    (text,) = chat.posted
    assert "door is red" in text
    assert "gate is green" not in text


async def test_a_name_that_was_replaced_goes_from_its_line_and_a_flag_takes_the_line(chat: Chat) -> None:
    world = chat.world
    await chat.on()
    for text in (f"<@{world.bob.id}> has the key", f"<@{world.bob.id}> paints the door", "the gate is green"):
        await chat.decided(text)
    await chat.later(hours=2)
    key, door, _ = await world.pipeline.memories()
    bob = Asker(world.bob.id, world.guild.id, frozenset({world.general.id}))
    await world.services.named.replace_name(key.id, bob)
    await world.services.named.flag(door.id, bob)
    await take_down(world)
    (text,) = chat.posted
    assert "somebody has the key" in text
    assert "door" not in text
    assert "gate is green" in text


async def hide(world: World, channel: simcord.ChannelHandle) -> None:
    """Keep a role from a channel."""
    real: Any = world.guild_now.get_channel(channel.id)
    await real.set_permissions(world.guild_now.get_role(world.moderators.id), view_channel=False)
    await world.env.settle()


@pytest.mark.slow
async def test_what_was_hidden_between_two_posts_is_not_in_the_second(chat: Chat) -> None:
    world = chat.world
    open_ = world.guild.create_text_channel("open")
    await world.observe(open_)
    await chat.on()
    await chat.decided("the door is red")
    await chat.decided("the gate is green", open_)
    await chat.later(hours=2)
    await chat.decided("the roof is blue", open_)
    await chat.decided("the wall is white")
    await hide(world, open_)
    await chat.later(days=1)
    assert "wall is white" in chat.posted[1]
    assert not chat.ever_sent("roof is blue")


async def test_what_is_hidden_while_it_is_compared_or_noted_is_not_shown(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = chat.world
    one, two = world.guild.create_text_channel("one"), world.guild.create_text_channel("two")
    await world.observe(one, two)
    await chat.on()
    await chat.decided("the door is red")
    await chat.decided("the gate is green", one)
    await chat.decided("the roof is blue", two)
    check, record = Verification.check, world.services.posts.record

    async def check_and_hide(*args: Any) -> frozenset[int]:  # noqa: ANN401
        await hide_now(one)
        return await check(*args)

    async def record_and_hide(*args: Any, **more: Any) -> None:  # noqa: ANN401
        await record(*args, **more)
        await hide_now(two)

    async def hide_now(channel: simcord.ChannelHandle) -> None:
        real: Any = world.guild_now.get_channel(channel.id)
        await real.set_permissions(world.guild_now.get_role(world.moderators.id), view_channel=False)

    monkeypatch.setattr(Verification, "check", check_and_hide)
    monkeypatch.setattr(world.services.posts, "record", record_and_hide)
    await chat.later(hours=2)
    await take_down(world)
    (text,) = chat.posted
    assert "door is red" in text
    assert not chat.ever_sent("gate is green")
    assert not chat.ever_sent("roof is blue")


async def test_who_opted_out_is_not_told_of(chat: Chat) -> None:
    await chat.on()
    await chat.decided("the door is red")
    await chat.world.services.guilds.consents.opt_out(chat.world.ann.id, None)
    await chat.later(hours=2)
    assert chat.posted == []


# --- lines that go ---------------------------------------------------------------------------------------------------


async def two_lines(chat: Chat) -> tuple[discord.Message, discord.Message]:
    await chat.on()
    red, green = await chat.decided("the door is red"), await chat.decided("the gate is green")
    await chat.later(hours=2)
    (text,) = chat.posted
    assert "door is red" in text
    assert "gate is green" in text
    return red, green


async def test_a_line_goes_with_its_message_and_the_post_with_its_last_line(chat: Chat) -> None:
    red, green = await two_lines(chat)
    await chat.world.ann.delete(red)
    await chat.world.durable()
    await take_down(chat.world)
    (text,) = chat.posted
    assert "door is red" not in text
    assert "gate is green" in text
    await chat.world.ann.delete(green)
    await chat.world.durable()
    await take_down(chat.world)
    assert chat.posted == []
    assert await chat.world.pipeline.rows(posts) == 0


@pytest.mark.slow
async def test_a_line_goes_when_its_message_is_edited_or_its_memory_forgotten(chat: Chat) -> None:
    red, _ = await two_lines(chat)
    chat.pass_by(2)
    await chat.world.ann.edit(red, "never mind")
    await chat.world.durable()
    await take_down(chat.world)
    assert "door is red" not in chat.posted[0]
    (green,) = [memory for memory in await chat.world.pipeline.memories() if "green" in memory.text]
    asked = answer_of(await chat.world.ann.slash(chat.world.general, "forget memory", memory=green.id))
    await chat.world.ann.click(asked, label="Forget it")
    await take_down(chat.world)
    assert chat.posted == []


@pytest.mark.slow
async def test_lines_of_a_member_who_is_erased_go_and_nobody_else_names_them(chat: Chat) -> None:
    world = chat.world
    await two_lines(chat)
    await world.say(world.bob, "I am here")
    named = await world.say(world.ann, f"<@{world.bob.id}> paints the wall")
    await world.pipeline.keep(named.content, named.id, channel=world.general.id)
    await chat.later(days=1)
    assert "bob paints the wall" in chat.posted[1]
    receipt = await world.services.personal.delete(world.bob.id, world.guild.id)
    assert receipt.complete
    assert receipt.removed["public posts"] == 1
    assert world.bob.id not in await people(world)
    await take_down(world)
    _, second = chat.posted
    assert "paints the wall" in second
    assert "bob" not in second
    receipt = await world.services.personal.delete(world.ann.id, world.guild.id)
    assert receipt.complete
    await take_down(world)
    assert chat.posted == []
    assert await people(world) == []


async def people(world: World) -> list[int]:
    async with world.pipeline.db.read() as connection:
        return list(await connection.scalars(select(post_people.c.user_id)))


@pytest.mark.slow
async def test_retention_of_messages_takes_no_line(chat: Chat) -> None:
    await two_lines(chat)
    chat.clock.advance(31 * DAY)
    await chat.world.services.erasure.erase_expired(30)
    await take_down(chat.world)
    assert await chat.world.contents() == []
    (text,) = chat.posted
    assert "door is red" in text


@pytest.mark.slow
async def test_what_can_not_be_edited_now_is_edited_later_and_told_to_operators(chat: Chat) -> None:
    red, _ = await two_lines(chat)
    world = chat.world
    await world.ann.delete(red)
    await world.durable()
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=503, times=None)
    await take_down(world)
    assert "door is red" in chat.posted[0]
    report = delay_report(world.pipeline.db, chat.clock, world.pipeline.indexer.changes)
    assert (await report.look()).removals
    world.env.backend.faults.clear()
    chat.clock.advance(10)
    await take_down(world)
    assert "door is red" not in chat.posted[0]
    assert not (await report.look()).removals


@pytest.mark.slow
async def test_a_digest_that_somebody_deleted_is_no_work_any_more(chat: Chat) -> None:
    red, _ = await two_lines(chat)
    (post,) = [m for m in chat.world.general.history() if m.components and not m.content]
    await chat.world.guild_now.get_channel(chat.world.general.id).get_partial_message(post.id).delete()  # type: ignore[union-attr]
    await chat.world.ann.delete(red)
    await chat.world.durable()
    await take_down(chat.world)
    assert await chat.world.pipeline.rows(posts) == 0


# --- switching, and what stands in the way ---------------------------------------------------------------------------


async def test_it_is_off_by_default_and_on_and_off_are_in_the_audit_trail(chat: Chat) -> None:
    world = chat.world
    assert "No channel gets a digest" in shown(await world.boss.slash(world.general, "digest status"))
    await chat.on()
    status = shown(await world.boss.slash(world.general, "digest status"))
    assert f"<#{world.general.id}> gets a digest every day at 9:00" in status
    other = world.guild.create_text_channel("other")
    assert "gets no digest any more" in shown(await world.boss.slash(other, "digest off"))  # there is only one
    assert "gets no digest;" in shown(await world.boss.slash(world.general, "digest off"))
    await chat.decided("the door is red")
    await chat.later(days=2)
    assert chat.posted == []
    trail = shown(await world.boss.slash(world.general, "memory audit"))
    assert "switched a digest on" in trail
    assert "every: day" in trail
    assert "switched a digest off" in trail


async def test_only_who_manages_the_server_may_switch_it(chat: Chat) -> None:
    await chat.world.open_to_everybody("digest")
    for command, options in (("on", {"every": "day", "at": 9}), ("off", {}), ("status", {})):
        refused = await chat.world.bob.slash(chat.world.general, f"digest {command}", **options)
        assert "Manage Server" in shown(refused)
    assert await chat.world.pipeline.rows(digests) == 0


@pytest.mark.slow
async def test_a_permission_that_it_lost_is_told_and_it_is_posted_late(chat: Chat) -> None:
    world = chat.world
    await chat.on()
    await chat.decided("the door is red")
    real: Any = world.guild_now.get_channel(world.general.id)
    await real.set_permissions(world.guild_now.me, send_messages=False)
    await world.env.settle()
    assert "I lack **Send Messages**" in await chat.on()
    assert "I lack **Send Messages**" in shown(await world.boss.slash(world.general, "digest status"))
    await chat.later(hours=2)
    assert chat.posted == []
    await real.set_permissions(world.guild_now.me, send_messages=True)
    await world.env.settle()
    await chat.later(hours=1)
    (text,) = chat.posted
    assert "door is red" in text


async def test_a_channel_that_is_deleted_gets_none_any_more(chat: Chat) -> None:
    world = chat.world
    other = world.guild.create_text_channel("other")
    await chat.on(channel=other)
    real: Any = world.guild_now.get_channel(other.id)
    await real.delete()
    await world.durable()
    await chat.later(days=1)
    assert await world.pipeline.rows(digests) == 0


# --- once ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 403])
@pytest.mark.matrix
async def test_what_discord_declines_is_posted_later_and_once(chat: Chat, status: int) -> None:
    await chat.on()
    await chat.decided("the door is red")
    chat.world.env.inject_error("POST", "/channels/*/messages", status=status, times=None)
    await chat.later(hours=2)
    assert chat.posted == []
    chat.world.env.backend.faults.clear()
    await chat.later(hours=1)
    await chat.later(hours=1)
    assert len(chat.posted) == 1


@pytest.mark.slow
async def test_what_can_not_be_compared_with_discord_is_waited_for_a_while(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = chat.world
    blind = world.guild.create_text_channel("blind")
    await world.observe(blind)
    await chat.on()
    await chat.decided("the door is red")
    await chat.decided("the gate is green", blind)
    check = Verification.check

    async def unsure(self: Verification, guild_id: int, places: Any) -> frozenset[int]:  # noqa: ANN401
        return await check(self, guild_id, places) | frozenset(places.get(blind.id, ()))

    monkeypatch.setattr(Verification, "check", unsure)
    await chat.later(hours=2)
    assert chat.posted == []
    for _ in range(5):
        await chat.later(hours=1)
    (text,) = chat.posted
    assert "door is red" in text
    assert "gate is green" not in text


async def test_of_two_that_look_at_once_one_posts(chat: Chat, pipeline: Pipeline) -> None:
    await chat.on()
    (digest,) = await pipeline.guilds.digests.to_try()
    first, second = [await pipeline.guilds.digests.take(digest) for _ in range(2)]
    assert first is not None
    assert second is None
    assert await pipeline.guilds.digests.to_try() == []
    pipeline.clock.advance(301)  # whoever it was does not come back
    (again,) = await pipeline.guilds.digests.to_try()
    assert (again.attempts, again.tried_ms) == (1, first.tried_ms)


@pytest.mark.parametrize("text", ["_*" * 400, "bring the tables " * 20], ids=["escapes", "words"])
def test_the_longest_digest_fits_into_a_message(text: str) -> None:
    big = 2**63 - 1
    cited = tuple(Citation(big - number, big, big - number) for number in range(4))
    memory = Memory(id="1", guild_id=big, kind=MemoryKind.DECISION, text=text, citations=cited)
    counts = {
        MemoryKind.TOPIC: TOPICS,
        MemoryKind.DECISION: DECISIONS,
        MemoryKind.PLAN: PLANS,
        MemoryKind.QUESTION: QUESTIONS,
    }
    told = [
        replace(memory, kind=kind, doubt=Doubt(big, big, big)) for kind, number in counts.items() for _ in range(number)
    ]
    names = {big - number: "_" * 100 for number in range(4)}
    assert len(digest_text(Post(1, 1, 1, 2**42), told, names, datetime.now(UTC), ENGLISH)) <= 4_000
