"""What members read is in their own language, what everybody reads in that of the server, and else in English."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import discord
import pytest
import simcord

from cogs.command_list import described
from cogs.views.notice import NoticeButton
from tests.fixtures.answers import Oracle, open_oracle
from tests.fixtures.discord import World, answer_of, buttons_of, open_world, shown
from tests.fixtures.languages import LANGUAGES
from tests.fixtures.memory import Pipeline
from tests.fixtures.public import posted
from tests.integration.test_cogs_digests import Chat

DESCRIPTION_CHARS = 100
"""Of a description, and of the name of a choice
(https://discord.com/developers/docs/interactions/application-commands)."""
COMMAND_CHARS = 8_000
"""Of all names, descriptions and values of a command, of the longest language."""
TRANSLATED = {"de", "fr", "es-ES", "es-419"}


def speak(world: World, locale: str) -> None:
    """Whatever members press or write comes from a Discord in this language from now on."""
    parsers: dict[str, Any] = world.bot._connection.parsers
    read = parsers["INTERACTION_CREATE"]
    parsers["INTERACTION_CREATE"] = lambda data: read({**data, "locale": locale})


@pytest.fixture
async def oracle(pipeline: Pipeline) -> AsyncIterator[Oracle]:
    async with open_oracle(pipeline.db, pipeline.clock, calls_a_second=1000) as oracle:
        oracle.says, oracle.about = "The launch is on Thursday.", "Thursday"
        yield oracle


@pytest.fixture
async def room(pipeline: Pipeline, oracle: Oracle) -> AsyncIterator[World]:
    """An observed channel in which a model answers."""
    async with open_world(pipeline, answers=oracle.answers) as world:
        await world.observe()
        yield world


def labels(result: simcord.InteractionResult) -> list[str]:
    return [button["label"] for button in buttons_of(answer_of(result))]


@pytest.mark.parametrize(
    ("locale", "button", "below"),
    [
        ("en-GB", "What I found", "Written by a language model"),
        ("de", "Was ich gefunden habe", "Von einem Sprachmodell"),
        ("ja", "What I found", "Written by a language model"),
    ],
)
@pytest.mark.matrix
async def test_an_answer_is_shown_in_the_askers_language(room: World, locale: str, button: str, below: str) -> None:
    await room.say(room.ann, "the launch moved to Thursday")
    speak(room, locale)
    result = await room.bob.slash(room.general, "ask", question="When is the launch?")
    assert button in labels(result)
    assert below in shown(result)
    assert "The launch is on Thursday." in shown(result)


async def test_what_was_missed_and_errors_are_told_in_the_members_language(world: World) -> None:
    await world.observe()
    speak(world, "fr")
    message = await world.say(world.ann, "the door is red")
    await world.pipeline.keep("the door is red", message.id, channel=world.general.id)
    text = shown(await world.bob.slash(world.general, "catchup"))
    assert "Je ne connais rien que tu aies dit ici avant" in text
    assert "**Décidé**" in text
    assert "the door is red" in text
    assert "Je ne comprends pas cette date" in shown(await world.bob.slash(world.general, "catchup", since="bananas"))
    found = await world.bob.slash(world.general, "recall", query="door", since="2020-01-01")
    assert "depuis le mercredi 1 janvier 2020" in shown(found)


async def test_a_notice_is_in_the_servers_language_and_its_buttons_answer_in_the_members(world: World) -> None:
    world.guild_now.preferred_locale = discord.Locale.german
    await world.observe()
    (notice,) = [message for message in world.general.history() if "wird von jetzt an beobachtet" in message.content]
    (row,) = notice.components
    assert isinstance(row, discord.ActionRow)
    assert [getattr(child, "label", "") for child in row.children] == [
        "Was von mir da ist",
        "Mich nicht merken",
        "Fakten über mich merken",
    ]
    speak(world, "es-419")
    status = shown(await world.bob.click(notice, custom_id=NoticeButton.STATUS))
    assert "Lo que se guarda sobre ti" in status
    assert status == shown(await world.bob.slash(world.general, "privacy status"))


async def test_a_digest_is_in_the_servers_language_and_its_command_in_the_admins(world: World) -> None:
    morning = (world.env.now() + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    world.env.backend.advance_clock((morning - world.env.now()).total_seconds())
    world.pipeline.clock.ms = round(morning.timestamp() * 1000)
    await world.observe()
    world.guild_now.preferred_locale = discord.Locale.spain_spanish
    speak(world, "de")
    chat = Chat(world)
    assert "bekommt jeden Tag um 9:00 (UTC) eine Zusammenfassung" in await chat.on()
    await chat.decided("the launch is on Thursday")
    await chat.later(minutes=61)
    (text,) = posted(world)
    assert "Lo que pasó desde el" in text
    assert "**Decidido**" in text
    assert "the launch is on Thursday" in text


def described_in(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A command or option, and all that it holds."""
    yield payload
    for part in (*payload.get("options", ()), *payload.get("choices", ())):
        yield from described_in(part)


async def test_discord_is_given_all_descriptions_in_each_language_and_names_in_none(world: World) -> None:
    commands = await described(world.bot.tree, LANGUAGES)
    parts = [part for command in commands for part in described_in(command)]
    assert len(parts) > 80
    for part in parts:
        is_choice = "value" in part
        field = "name_localizations" if is_choice else "description_localizations"
        assert is_choice or not part.get("name_localizations"), part["name"]
        if is_choice or part.get("description"):
            texts = {code: text for code, text in (part.get(field) or {}).items() if text}
            same = {code for code in TRANSLATED if code not in texts}
            assert not same or is_choice, (part["name"], same)
            assert all(0 < len(text) <= DESCRIPTION_CHARS for text in texts.values()), texts
    for command in commands:
        assert sum(map(longest, described_in(command))) <= COMMAND_CHARS, command["name"]


def longest(part: dict[str, Any]) -> int:
    """The characters that Discord counts of a command, option or choice."""
    description = [part.get("description", ""), *(part.get("description_localizations") or {}).values()]
    name = [part["name"], *(part.get("name_localizations") or {}).values()]
    return max(map(len, name)) + max(map(len, description)) + len(str(part.get("value", "")))
