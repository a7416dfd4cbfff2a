"""Chat exports: both formats, and one clear line for whatever is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import UserError
from bot.domain.model import MAX_CONTENT
from bot.observe.exports import Exported, open_export
from tests.fixtures.hostile import DATES, NO_IDS


def neutral(**changes: object) -> dict[str, Any]:
    line: dict[str, Any] = {
        "id": "1500905346170880001",
        "guild_id": "10",
        "channel_id": "20",
        "channel_name": "general",
        "author_id": "30",
        "author_name": "Mara",
        "created_at": "2026-05-04T17:02:00+00:00",
        "content": "hello",
        "reply_to": None,
    }
    return line | changes


def chat_exporter(*messages: dict[str, Any], guild_id: str = "10") -> dict[str, Any]:
    return {
        "guild": {"id": guild_id, "name": "Makers"},
        "channel": {"id": "20", "type": "GuildTextChat", "name": "general"},
        "messages": list(messages),
    }


def exported_message(**changes: object) -> dict[str, Any]:
    message: dict[str, Any] = {
        "id": "1500905346170880001",
        "type": "Default",
        "timestamp": "2026-05-04T17:02:00+00:00",
        "timestampEdited": None,
        "content": "hello",
        "author": {"id": "30", "name": "mara_", "nickname": "Mara", "isBot": False},
        "attachments": [],
        "stickers": [],
        "mentions": [],
    }
    return message | changes


def read(tmp_path: Path, text: str) -> list[Exported]:
    file = tmp_path / "export.json"
    file.write_text(text, encoding="utf-8")
    return list(open_export(file))


def test_neutral_lines(tmp_path: Path) -> None:
    text = (
        json.dumps(neutral()) + "\n\n" + json.dumps(neutral(id="1500905346170880002", reply_to="1500905346170880001"))
    )
    first, second = read(tmp_path, "\ufeff" + text)
    assert (first.message.id, first.message.author_id, first.author_name) == (1500905346170880001, 30, "Mara")
    assert first.channel_name == "general"
    assert first.message.reply_to is None
    assert second.message.reply_to == first.message.id


def test_chat_exporter_file(tmp_path: Path) -> None:
    document = chat_exporter(
        exported_message(
            content="ask @Tobi about it",
            mentions=[{"id": "31", "name": "tobias", "nickname": "Tobi"}],
            attachments=[{"fileName": "plan.png"}],
            stickers=[{"name": "wave"}],
            timestampEdited="2026-05-04T17:03:00+00:00",
            type="Reply",
            reference={"messageId": "77"},
        )
    )
    (only,) = read(tmp_path, json.dumps(document, indent=2))
    assert only.message.content == "ask <@31> about it\n[attachment: plan.png]\n[sticker: wave]"
    assert only.message.reply_to == 77
    assert only.message.edited_at is not None
    assert (only.author_name, only.guild_name, only.message.guild_id, only.message.channel_id) == (
        "Mara",
        "Makers",
        10,
        20,
    )


def test_bots_and_system_messages_are_left_out(tmp_path: Path) -> None:
    bot = exported_message(author={"id": "31", "name": "robot", "isBot": True})
    join = exported_message(type="GuildMemberJoin")
    assert read(tmp_path, json.dumps(chat_exporter(bot, join))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("hello", "neither JSON Lines nor a DiscordChatExporter file"),
        ('{"messages": []}', "guild is missing"),
        (json.dumps(neutral()) + "\n{broken", ":2: not JSON at column"),
        (json.dumps(neutral(id="x")), ":1: id must be a snowflake"),
        (json.dumps(neutral(id=True)), ":1: id must be a snowflake"),
        (json.dumps(neutral(author_id="99999999999999999999")), "author_id must be a snowflake"),
        *((json.dumps(neutral(id=number)), ":1: id must be a snowflake") for number in NO_IDS),
        *((json.dumps(neutral(reply_to=number)), ":1: reply_to must be a snowflake") for number in NO_IDS),
        (json.dumps(neutral()) + '\n{"id": ' + "9" * 5_000 + "}", ":2: "),
        (json.dumps(neutral(content=None)), "content must be text"),
        (json.dumps({"id": "5"}), "guild_id is missing"),
        (json.dumps(chat_exporter(guild_id="0")), "direct messages"),
        (json.dumps(chat_exporter(exported_message(id=None))), "message 1: id must be a snowflake"),
        (json.dumps(chat_exporter(exported_message(reference={"messageId": "9" * 25}))), "must be a snowflake"),
        *(
            (
                json.dumps(chat_exporter(exported_message(content="@Ed", mentions=[{"id": n, "name": "Ed"}]))),
                "snowflake",
            )
            for n in NO_IDS
        ),
        (json.dumps(chat_exporter(exported_message(author={"id": "3", "name": 7}))), "name must be text"),
        *(
            (json.dumps(chat_exporter(exported_message(timestampEdited=f"{time}T00:00:00"))), "no time")
            for time in DATES
        ),
        (json.dumps(chat_exporter() | {"messages": None}), "messages must be a list"),
        (json.dumps(neutral()) + "\n" + "[" * 100_000, ":2: nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps([1, 2]), "neither JSON Lines nor"),
    ],
)
def test_faults_are_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_in_the_middle_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    lines = "".join(json.dumps(neutral(id=str(10**18 + number))) + "\n" for number in range(200))
    file.write_bytes(lines.encode() + b"\xff\xfe\n")
    with pytest.raises(UserError, match="not text in UTF-8"):
        list(open_export(file))


def test_messages_are_clipped_and_empty_ones_left_out(tmp_path: Path) -> None:
    text = json.dumps(neutral(content="  ")) + "\n" + json.dumps(neutral(content="word " * 400_000))
    (only,) = read(tmp_path, text)
    assert len(only.message.content) == MAX_CONTENT
    assert read(tmp_path, json.dumps(chat_exporter(exported_message(content="")))) == []


def test_a_missing_file_and_a_picture(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        open_export(tmp_path / "nothing.json")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(UserError, match="UTF-8"):
        open_export(picture)
