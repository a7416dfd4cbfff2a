"""The wired program over real stores: what holds whichever settings are in force."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.cli.recall import CommandLineQuestion, find
from bot.domain import UserError, snowflake
from bot.domain.model import Message
from bot.llm.loading import load_settings
from bot.observe.messagelog import Said
from bot.recall import RecallQuery
from bot.run.app import App, open_app
from bot.settings.config import Settings
from bot.storage.schema import memories, outbox
from tests.loopback.openai import LoopbackOpenAI

GUILD, CHANNEL, ADA = 10, 20, 30
TEXT = "The qzvault key lies behind the drill press"


def settings_for(folder: Path, server: LoopbackOpenAI, **overrides: object) -> Settings:
    return load_settings(
        None, data_dir=folder, openai_base_url=server.api_url, openai_api_key="k-for-loopback", **overrides
    )


async def kept(app: App) -> tuple[int, int]:
    """How many memories there are, and how many changes the index has yet to take."""
    async with app.db.read() as connection:
        there = await connection.scalar(select(func.count()).select_from(memories))
        waiting = await connection.scalar(select(func.count()).select_from(outbox))
    return there or 0, waiting or 0


async def remember(app: App) -> int:
    message_id = snowflake.from_ms(app.services.clock())
    await app.services.own.remember(guild_id=GUILD, channel_id=CHANNEL, author_id=ADA, message_id=message_id, text=TEXT)
    await app.indexer.drain()
    return message_id


async def test_what_was_indexed_before_is_forgotten_with_memories_switched_off(
    tmp_path: Path, openai_server: LoopbackOpenAI
) -> None:
    async with open_app(settings_for(tmp_path, openai_server), extract=False, patient=True) as app:
        message_id = await remember(app)
        assert await kept(app) == (1, 0)
        assert await app.index.count() == 1
    asked = len(openai_server.requests)

    off = settings_for(tmp_path, openai_server, mem0_enabled=False)
    async with open_app(off, extract=False, patient=True) as app:
        await app.erasure.erase_messages(GUILD, CHANNEL, [message_id])
        await app.indexer.drain()
        assert await kept(app) == (0, 0)
        assert await app.index.count() == 0
    assert len(openai_server.requests) == asked


async def test_what_is_remembered_with_memories_switched_off_is_indexed_when_they_are_on_again(
    tmp_path: Path, openai_server: LoopbackOpenAI
) -> None:
    off = settings_for(tmp_path, openai_server, mem0_enabled=False)
    async with open_app(off, extract=False, patient=True) as app:
        await remember(app)
        assert await kept(app) == (1, 1)
    async with open_app(settings_for(tmp_path, openai_server), extract=False, patient=True) as app:
        async with asyncio.timeout(20):
            while await kept(app) != (1, 0):  # the row was put off for a second or two
                await app.indexer.drain()
                await asyncio.sleep(0.1)
        assert await app.index.count() == 1


@pytest.mark.parametrize(
    ("zone", "chosen", "said"),
    [("UTC", None, "early"), ("Pacific/Auckland", None, "late"), ("UTC", "Pacific/Auckland", "late")],
)
@pytest.mark.matrix
async def test_a_question_means_days_of_the_members_zone(
    tmp_path: Path, openai_server: LoopbackOpenAI, zone: str, chosen: str | None, said: str
) -> None:
    """Asked half an hour after midnight in Auckland, where UTC has noon of the day before."""
    asked, early, late = (
        snowflake.from_datetime(datetime(2026, 3, day, hour, 30, tzinfo=UTC))
        for day, hour in ((10, 11), (9, 5), (10, 5))
    )
    settings = settings_for(tmp_path, openai_server, mem0_enabled=False, time_zone=zone)
    async with open_app(settings, extract=False, patient=True) as app:
        await app.services.guilds.consents.rules.set_zone(GUILD, chosen)
        for channel, (when, message_id) in enumerate((("early", early), ("late", late)), start=CHANNEL):
            text = f"bought plywood {when} in the day"
            message = Message(id=message_id, guild_id=GUILD, channel_id=channel, author_id=ADA, content=text)
            await app.log.append([Said(message, "Ada")])
        query = RecallQuery(guild_id=GUILD, text="who bought plywood yesterday?", channel_ids=None, until=asked)
        first, *_ = (await app.recall.search(query)).hits
        assert said in first.text


async def test_the_command_line_takes_times_in_words_and_says_how_it_understood_them(
    tmp_path: Path, openai_server: LoopbackOpenAI
) -> None:
    said = snowflake.from_datetime(datetime(2026, 3, 9, 12, tzinfo=UTC))
    asked = snowflake.from_datetime(datetime(2026, 3, 11, 12, tzinfo=UTC))
    settings = settings_for(tmp_path, openai_server, mem0_enabled=False)
    async with open_app(settings, extract=False) as app:
        message = Message(id=said, guild_id=GUILD, channel_id=CHANNEL, author_id=ADA, content="plywood is bought")
        await app.log.append([Said(message, "Ada")])

        async def recalled(since: str | None = None, until: str | None = None) -> tuple[int, list[str]]:
            question = CommandLineQuestion(id="1", query="plywood?", as_of=asked, since=since, until=until)
            record = await find(app, question, 5)
            return len(record.hits), record.notes

        assert await recalled(since="Montag") == (1, ["Searched only what was said since Monday 9 March 2026."])
        assert await recalled(since="hier") == (0, ["Searched only what was said since Tuesday 10 March 2026."])
        assert await recalled(until="la semana pasada") == (
            0,
            ["Searched only what was said until Sunday 8 March 2026."],
        )
        with pytest.raises(UserError, match="last week"):
            await recalled(since="soonish")
