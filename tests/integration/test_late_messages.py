"""Messages that can't be read in a page of history: asked for singly, set aside by their ids, and read later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.domain import snowflake
from bot.domain.model import Message
from bot.observe.intake import Intake
from bot.observe.messagelog import Said
from bot.observe.unread import UnreadMessages
from bot.storage.schema import set_aside
from bot.storage.set_aside_store import RETRY_MS, SetAside
from cogs.late import LateMessages
from cogs.pages import HistoryReader, RawMessage
from tests.fixtures.memory import Pipeline
from tests.fixtures.payloads import MESSAGE, USER, Json
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS

DAY_SECONDS = RETRY_MS / 1000
ID = snowflake.from_ms(NOW_MS + 1)
NO_TIME = "no time"
"""As the time of an edit: neither discord.py nor anybody else can read it."""


def payload(**changes: Any) -> Json:  # noqa: ANN401 - any field
    return MESSAGE | {"id": str(ID), "channel_id": str(CHANNEL), "author": USER | {"id": str(AUTHOR)}} | changes


def parse(*, channel: Any, data: Json) -> Any:  # noqa: ANN401 - stands in for discord.Message
    if data["edited_timestamp"] == NO_TIME:
        raise ValueError(data["edited_timestamp"])
    return SimpleNamespace(id=int(data["id"]), content=data["content"], author=SimpleNamespace(id=AUTHOR))


def to_said(message: Any) -> Said:  # noqa: ANN401 - stands in for discord.Message
    ids = {"id": message.id, "guild_id": GUILD, "channel_id": CHANNEL, "author_id": message.author.id}
    return Said(Message(content=message.content, **ids), "ben")


@dataclass
class Desk:
    """Discord's answers to requests for single messages, and what reads them.

    Attributes:
        answer: what Discord sends, or fails with.
        asked: ids of the messages that were asked for.
    """

    pipeline: Pipeline
    intake: Intake
    unread: UnreadMessages
    answer: Json | Exception = field(default_factory=lambda: payload(edited_timestamp=NO_TIME))
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.channel: Any = SimpleNamespace(id=CHANNEL, guild=SimpleNamespace(id=GUILD))
        self.late = LateMessages(HistoryReader(self._fetch, self._fetch, parse), self.unread, self.intake)

    async def _fetch(self, channel_id: int, message_id: int) -> Json:
        self.asked.append(message_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def read(self, **changes: Any) -> Said | None:  # noqa: ANN401 - any field
        """Meet a message in a page that can't be read there."""
        entry = RawMessage(ID, payload(edited_timestamp=NO_TIME) | changes, self.channel, parse)
        return await self.late.read_singly(entry, to_said)

    async def read_due(self) -> int:
        """Read what is due; how many messages that were."""
        due = await self.late.due([GUILD])
        for _, _, message_id in due:
            await self.late.read_again(self.channel, message_id, to_said)
        return len(due)

    async def aside(self) -> int:
        return await self.pipeline.rows(set_aside)

    async def logged(self) -> set[int]:
        return set(await self.pipeline.log.get([ID]))


@asynccontextmanager
async def at_desk(pipeline: Pipeline) -> AsyncIterator[Desk]:
    unread = UnreadMessages(pipeline.db, pipeline.log, SetAside(pipeline.db, pipeline.clock))
    intake = Intake(pipeline.log, pipeline.revisions, pipeline.erasure, set_aside=unread.add, group_seconds=0.001)
    writer = asyncio.create_task(intake.run())
    yield Desk(pipeline, intake, unread)
    await intake.stop()
    await writer


@pytest.fixture
async def desk(pipeline: Pipeline) -> AsyncIterator[Desk]:
    async with at_desk(pipeline) as desk:
        yield desk


def gone() -> Exception:
    response: Any = SimpleNamespace(status=404, reason="Not Found")
    return discord.NotFound(response, {"code": 10008, "message": "Unknown Message"})


async def test_a_message_that_comes_readable_when_it_is_asked_for_singly_is_kept(desk: Desk) -> None:
    desk.answer = payload(content="said after all")
    said = await desk.read()
    assert (said.message.content if said else None) == "said after all"
    assert (desk.asked, await desk.aside()) == ([ID], 0)


async def test_one_that_never_comes_readable_is_set_aside_and_read_a_day_later(desk: Desk) -> None:
    assert await desk.read() is None
    assert await desk.aside() == 1
    assert await desk.read_due() == 0
    desk.pipeline.clock.advance(DAY_SECONDS)
    assert await desk.read_due() == 1
    assert (await desk.aside(), await desk.logged()) == (1, set())
    desk.answer = payload(content="said after all")
    desk.pipeline.clock.advance(DAY_SECONDS)
    assert await desk.read_due() == 1
    assert (await desk.aside(), await desk.logged()) == (0, {ID})


@pytest.mark.parametrize(
    "author",
    [
        {"author": USER | {"id": str(AUTHOR), "bot": True}},
        {"author": USER | {"id": str(AUTHOR), "system": True}},
        {"webhook_id": "5"},
        {"author": None},
    ],
)
async def test_of_bots_and_of_nobody_known_nothing_is_set_aside(desk: Desk, author: Json) -> None:
    assert await desk.read(**author) is None
    assert await desk.aside() == 0


async def test_of_a_member_who_opted_out_nothing_is_set_aside(desk: Desk) -> None:
    await desk.pipeline.consents.opt_out(AUTHOR, None)
    assert await desk.read() is None
    assert await desk.aside() == 0


async def test_what_is_deleted_meanwhile_is_forgotten(desk: Desk) -> None:
    await desk.read()
    await desk.pipeline.erasure.erase_messages(GUILD, CHANNEL, [ID])
    assert await desk.aside() == 0


async def test_what_discord_has_no_more_is_forgotten(desk: Desk) -> None:
    await desk.read()
    desk.answer = gone()
    desk.pipeline.clock.advance(DAY_SECONDS)
    await desk.read_due()
    assert await desk.aside() == 0


async def test_what_may_not_be_kept_by_now_is_read_by_nobody(desk: Desk) -> None:
    await desk.read()
    desk.answer = payload(content="said after all")
    await desk.pipeline.erasure.erase_channel(GUILD, CHANNEL, up_to=ID)
    desk.pipeline.clock.advance(DAY_SECONDS)
    await desk.read_due()
    assert (await desk.aside(), await desk.logged()) == (0, set())


async def test_what_discord_does_not_show_now_waits_for_another_day_however_often(desk: Desk) -> None:
    await desk.read()
    desk.answer = aiohttp.ClientError()
    for _ in range(5):  # more often than a message is tried that is at fault itself
        desk.pipeline.clock.advance(DAY_SECONDS)
        assert await desk.read_due() == 1
    assert await desk.aside() == 1
    desk.answer = payload(content="said after all")
    desk.pipeline.clock.advance(DAY_SECONDS)
    assert await desk.read_due() == 1
    assert (await desk.aside(), await desk.logged()) == (0, {ID})


async def test_messages_of_servers_of_other_processes_are_left_to_them(desk: Desk) -> None:
    await desk.read()
    desk.pipeline.clock.advance(DAY_SECONDS)
    assert await desk.late.due([GUILD + 1]) == []
    assert await desk.late.due([GUILD]) == [(GUILD, CHANNEL, ID)]


async def test_a_message_that_the_database_does_not_take_is_read_again_as_well(desk: Desk) -> None:
    said = to_said(parse(channel=None, data=payload()))
    await desk.unread.add(said.message, "OverflowError")
    desk.answer = payload(content="it fits by now")
    desk.pipeline.clock.advance(DAY_SECONDS)
    assert await desk.read_due() == 1
    assert (await desk.aside(), await desk.logged()) == (0, {ID})
