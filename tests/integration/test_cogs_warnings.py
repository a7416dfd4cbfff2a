"""Warnings for admins, in the channel that they chose: one message a matter, edited when it is over."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest
import simcord
from sqlalchemy import delete, insert, update

from bot.domain.model import MessageState
from bot.forget.requests import RequestState
from bot.guilds.audit import Action
from bot.storage.schema import batches, messages, requests, warnings
from cogs.warnings import WarningsCog
from tests.fixtures.discord import World, answer_of, shown

AWAY = "Messages here have been waiting for an hour or more"
BACK = "Messages don't wait for the language model any more."
HOUR_MS = 60 * 60 * 1000


class Watch:
    """A server with a channel for warnings."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.place = world.guild.create_text_channel("for-admins")

    async def choose(self, *channels: simcord.ChannelHandle) -> str:
        """Choose in the panel of the rules; what is said then."""
        panel = answer_of(await self.world.boss.slash(self.world.general, "memory settings"))
        return shown(await self.world.boss.select(panel, channels, custom_id=_channel_menu(panel.components)))

    async def later(self, **span: float) -> list[str]:
        """Let time pass and look; what stands in the channel for warnings then."""
        seconds = timedelta(**span).total_seconds()
        self.world.env.backend.advance_clock(seconds)
        self.world.pipeline.clock.advance(seconds)
        await self.look()
        return self.posted()

    async def look(self) -> None:
        cog = self.world.bot.get_cog("Warnings")
        assert isinstance(cog, WarningsCog)
        with self.world.env._bot_scope():
            await cog.round()

    def posted(self) -> list[str]:
        return [message.content for message in self.place.history()]

    async def fails(self, *, hours: int = 0) -> None:
        """The model has not answered for so long: a message waits."""
        await self.world.say(self.world.ann, "we meet at six")
        values = {
            "id": "one",
            "guild_id": self.world.guild.id,
            "channel_id": self.world.general.id,
            "state": "open",
            "error": "ServiceUnavailable: no",
            "created_ms": self.world.pipeline.clock() - hours * HOUR_MS,
        }
        async with self.world.pipeline.db.write() as connection:
            await connection.execute(insert(batches).values(values))
            await connection.execute(update(messages).values(batch_id="one"))

    async def answers(self) -> None:
        """It answers again, and the message is read."""
        async with self.world.pipeline.db.write() as connection:
            await connection.execute(update(messages).values(batch_id=None, state=MessageState.EXTRACTED))
            await connection.execute(delete(batches))


def _channel_menu(components: object) -> str:
    """The custom id of the menu of channels."""
    parts = components if isinstance(components, list) else []
    for part in parts:
        if part.get("type") == 8:
            return str(part["custom_id"])
        if inner := _channel_menu(part.get("components", [])):
            return inner
    return ""


@pytest.fixture
async def watch(world: World) -> Watch:
    watch = Watch(world)
    await world.observe()
    await watch.choose(watch.place)
    return watch


async def test_a_model_that_is_away_for_an_hour_is_told_once_and_then_that_it_is_back(watch: Watch) -> None:
    await watch.fails()
    assert await watch.later(minutes=59) == []
    (warning,) = await watch.later(minutes=2)
    assert warning.startswith(f"⚠️ {AWAY}")
    assert "we meet" not in warning
    assert await watch.later(minutes=30) == [warning]
    await watch.answers()
    (over,) = await watch.later(minutes=1)
    assert over.startswith(f"✅ {BACK}")
    assert await watch.later(hours=2) == [over]


@pytest.mark.parametrize(("after", "number"), [(timedelta(minutes=50), 1), (timedelta(minutes=70), 2)])
@pytest.mark.matrix
async def test_what_comes_back_within_an_hour_is_told_in_the_same_message(
    watch: Watch, after: timedelta, number: int
) -> None:
    await watch.fails()
    await watch.later(minutes=61)
    await watch.answers()
    await watch.later(minutes=1)
    async with watch.world.pipeline.db.write() as connection:
        await connection.execute(delete(messages))
    await watch.fails(hours=2)
    posted = await watch.later(seconds=after.total_seconds())
    assert len(posted) == number
    assert posted[-1].startswith("⚠️")


async def test_a_warning_that_was_deleted_is_posted_anew_when_it_says_something_new(watch: Watch) -> None:
    await watch.fails(hours=2)
    await watch.later(minutes=1)
    (message,) = watch.place.history()
    with watch.world.env._bot_scope():
        await message.delete()
    assert await watch.later(minutes=1) == []
    await watch.world.say(watch.world.ann, "at the pier")
    (again,) = await watch.later(minutes=1)
    assert "2 messages are waiting" in again


async def test_messages_near_the_end_of_their_time_are_told(watch: Watch) -> None:
    await watch.world.say(watch.world.ann, "we meet at six")
    assert await watch.later(days=26) == []
    (warning,) = await watch.later(days=2)
    assert "At least 1 message has not been read yet and is deleted within 3 days" in warning


async def test_an_erasure_that_could_not_be_finished_is_told(watch: Watch) -> None:
    now = watch.world.pipeline.clock()
    request = {"guild_id": watch.world.guild.id, "state": RequestState.ASKED, "asked_ms": now}
    async with watch.world.pipeline.db.write() as connection:
        await connection.execute(insert(requests).values(request))
    (warning,) = await watch.later(minutes=2)
    assert "1 deletion could not be finished" in warning


async def test_a_lost_permission_is_told_by_channel(watch: Watch) -> None:
    me = watch.world.guild.me
    assert me is not None
    blind = discord.PermissionOverwrite(read_message_history=False)
    news = watch.world.guild.create_text_channel("news", overwrites={me: blind})
    await watch.world.services.guilds.observations.switch_on(
        guild_id=watch.world.guild.id,
        channel_id=news.id,
        parent_id=None,
        name="news",
        by=watch.world.boss.id,
        from_id=1,
    )
    (warning,) = await watch.later(minutes=1)
    assert f"<#{news.id}>: I lack **Read Message History**" in warning


async def test_a_channel_in_which_i_may_not_write_is_refused(world: World) -> None:
    me = world.guild.me
    assert me is not None
    mute = discord.PermissionOverwrite(send_messages=False)
    place = world.guild.create_text_channel("mute", overwrites={me: mute})
    assert "I lack **Send Messages**" in await Watch(world).choose(place)
    assert await world.services.guilds.warnings.channels() == {}


async def test_a_channel_that_is_no_more_ends_the_warnings_and_the_trail_says_so(watch: Watch) -> None:
    place = watch.world.guild_now.get_channel(watch.place.id)
    assert place is not None
    with watch.world.env._bot_scope():
        await place.delete()
    await watch.look()
    assert await watch.world.services.guilds.warnings.channels() == {}
    entry, *_ = await watch.world.services.guilds.audit.newest(watch.world.guild.id, 10)
    assert (entry.action, entry.actor_id) == (Action.WARNINGS_ENDED, None)


async def test_nothing_chosen_in_the_panel_ends_the_warnings(watch: Watch) -> None:
    await watch.choose()
    await watch.fails()
    assert await watch.later(hours=2) == []


async def test_what_waited_for_its_turn_is_not_blamed_on_the_model(watch: Watch) -> None:
    await watch.world.say(watch.world.ann, "at the pier")
    await watch.later(hours=3)
    await watch.fails()
    assert await watch.later(minutes=2) == []


async def test_what_was_posted_and_not_noted_is_found_again_even_when_it_is_over(watch: Watch) -> None:
    await watch.fails(hours=2)
    await watch.later(minutes=1)
    async with watch.world.pipeline.db.write() as connection:
        await connection.execute(update(warnings).values(message_id=None, text=""))
    await watch.answers()
    (over,) = await watch.later(hours=5)
    assert over.startswith(f"✅ {BACK}")


async def test_after_a_change_of_channel_nothing_counts_as_posted_there(watch: Watch) -> None:
    await watch.fails(hours=2)
    await watch.later(minutes=1)
    async with watch.world.pipeline.db.write() as connection:
        await connection.execute(update(warnings).values(channel_id=1))  # noted while another one was chosen
    assert len(await watch.later(minutes=1)) == 1
    (known,) = (await watch.world.services.guilds.warnings.noted())[watch.world.guild.id].values()
    assert known.channel_id == watch.place.id


@pytest.mark.parametrize("ends", [False, True])
async def test_a_404_of_an_outage_neither_doubles_nor_forgets_a_warning(watch: Watch, ends: bool) -> None:
    await watch.fails(hours=2)
    await watch.later(minutes=1)
    await (watch.answers() if ends else watch.world.say(watch.world.ann, "at the pier"))
    watch.world.env.inject_error("PATCH", "/channels/*/messages/*", status=404)
    assert len(await watch.later(minutes=1)) == 1
    (told,) = await watch.later(minutes=6)
    assert told.startswith("✅") if ends else "2 messages" in told
