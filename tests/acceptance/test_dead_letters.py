"""`python -m bot deadletters`: what the model could not read is listed, tried again or dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from bot.domain.model import MessageState
from bot.storage.engine import open_database
from bot.storage.schema import messages
from tests.acceptance.stores import rows, states
from tests.fixtures.commandline import CommandLine, Lines

GUILD, CHANNEL = "100000000000000001", "100000000000000002"
IDS = [str(300000000000000000 + number) for number in range(3)]


async def with_letters(command_line: CommandLine, json_lines: Lines) -> Path:
    """A log of three messages of which two are dead letters; returns the database file."""
    chat = [
        {
            "id": i,
            "guild_id": GUILD,
            "channel_id": CHANNEL,
            "author_id": "7",
            "author_name": "Ada",
            "content": f"word {i}",
        }
        for i in IDS
    ]
    ran = await command_line("replay", json_lines("chat.jsonl", chat), "--no-extract")
    assert ran.code == 0, ran.err
    folder = command_line.folder / "data"
    async with open_database(None, folder) as db, db.write() as connection:
        dead = update(messages).where(messages.c.id.in_([int(i) for i in IDS[:2]]))
        await connection.execute(dead.values(state=MessageState.DEAD, reason="AnswerInvalid: not JSON"))
    (database,) = folder.glob("*.db")
    return database


@pytest.mark.slow
async def test_they_are_listed_with_their_error_and_without_their_text(
    command_line: CommandLine, json_lines: Lines
) -> None:
    assert "No dead letters" in (await command_line("deadletters", "list")).out
    await with_letters(command_line, json_lines)
    listed = (await command_line("deadletters", "list", "--json")).records()
    assert [letter["message_id"] for letter in listed] == IDS[:2]
    assert {letter["error"] for letter in listed} == {"AnswerInvalid: not JSON"}
    shown = (await command_line("deadletters", "list")).out
    assert f"https://discord.com/channels/{GUILD}/{CHANNEL}/{IDS[0]}" in shown
    assert "AnswerInvalid" in shown
    assert "word" not in shown
    assert (await command_line("deadletters", "list", "--guild", "5", "--json")).out == ""


@pytest.mark.slow
async def test_they_are_tried_again_or_dropped(command_line: CommandLine, json_lines: Lines) -> None:
    database = await with_letters(command_line, json_lines)
    ran = await command_line("deadletters", "retry", IDS[0])
    assert (ran.code, ran.out) == (0, "1 messages wait again\n")
    assert states(database) == {"pending": 2, "dead": 1}
    assert (await command_line("deadletters", "drop")).out == "1 messages dropped\n"
    assert rows(database, "SELECT state, reason FROM messages WHERE id = ?", int(IDS[1])) == [("skipped", "dropped")]
    ran = await command_line("deadletters", "retry", IDS[2])
    assert ran.code == 1
    assert "None of these messages is a dead letter" in ran.err
