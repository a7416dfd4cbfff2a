"""Chat exports: both formats, and one clear line for whatever is wrong with a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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


def forwarding(text: str = "the key  is at Mara's", **reference: str) -> dict[str, Any]:
    return exported_message(
        content="see this",
        reference={"type": "Forward", "messageId": "77", "channelId": "21", "guildId": "10"} | reference,
        forwardedMessage={
            "timestamp": "2026-05-03T17:02:00+00:00",
            "timestampEdited": None,
            "content": text,
            "attachments": [{"fileName": "plan.png"}],
            "embeds": [],
            "stickers": [],
        },
    )


def test_a_forwarded_message_is_a_line_of_its_own_and_no_reply(tmp_path: Path) -> None:
    (only,) = read(tmp_path, json.dumps(chat_exporter(forwarding("two\nlines"))))
    assert only.message.content == "see this\n[forwarded: two lines [attachment: plan.png]]"
    assert (only.quotes, only.without_quote) == (77, "see this\n[forwarded message]")
    assert only.message.reply_to is None


def test_nothing_is_kept_of_what_was_forwarded_from_another_server(tmp_path: Path) -> None:
    (only,) = read(tmp_path, json.dumps(chat_exporter(forwarding(guildId="11"))))
    assert (only.message.content, only.quotes) == ("see this\n[forwarded message]", None)


ANN = {"id": "31", "name": "ann_", "nickname": "Ann"}
ANN_LEE = {"id": "32", "name": "lee", "nickname": "Ann Lee"}
OTHER_ANN = {"id": "33", "name": "ann.b", "nickname": "Ann"}


@pytest.mark.parametrize(
    ("content", "people", "expected"),
    [
        ("@Ann Lee and @Ann", [ANN, ANN_LEE], "<@32> and <@31>"),
        ("@Ann Lee and @Ann", [ANN_LEE, ANN], "<@32> and <@31>"),
        ("@Annabel and @ann_", [ANN], "@Annabel and <@31>"),
        ("@Ann, @Ann Lee", [ANN, OTHER_ANN, ANN_LEE], "@Ann, <@32>"),
        ("@Ann Lee", [ANN, ANN_LEE, ANN_LEE | {"id": "34"}], "@Ann Lee"),
        ("@Ann", [ANN, ANN], "<@31>"),
        ("@31 and @Ann", [ANN, {"id": "35", "name": "31"}], "<@35> and <@31>"),
        ("@A.*", [{"id": "36", "name": "A.*"}], "<@36>"),
        ("me@Ann and (@Ann), \u00e4@Ann", [ANN], "me@Ann and (<@31>), \u00e4@Ann"),
        (
            "@everyone, @here and @Ann",
            [ANN, ANN_LEE | {"name": "everyone"}, ANN | {"name": "here"}],
            "@everyone, @here and <@31>",
        ),
    ],
)
def test_the_longest_name_counts_and_what_two_are_called_stays(
    tmp_path: Path, content: str, people: list[dict[str, Any]], expected: str
) -> None:
    (only,) = read(tmp_path, json.dumps(chat_exporter(exported_message(content=content, mentions=people))))
    assert only.message.content == expected


def numbered(count: int) -> list[dict[str, Any]]:
    return [exported_message(id=str(1500905346170880000 + number)) for number in range(1, count + 1)]


def varied(number: int) -> dict[str, Any]:
    """A message with every kind of value, and text of more than one byte a character."""
    return exported_message(
        id=str(1500905346170880000 + number),
        content='caf\u00e9 "quoted" \U0001f600 back\\slash',
        isPinned=number % 2 == 0,
        embeds=[{"width": -12.5e3, "height": None, "inline": True}],
    )


def documents() -> dict[str, tuple[str, list[str], str, str]]:
    """Two messages in each format, with characters as they are and escaped: what stands before, between, behind."""
    exported = list(map(varied, (1, 2)))
    lines = [neutral(id=message["id"], content=message["content"]) for message in exported]
    head = json.dumps(chat_exporter()).removesuffix("]}")
    return {
        "plain": (head, [json.dumps(each, ensure_ascii=False) for each in exported], ", ", '], "messageCount": 3}'),
        "escaped": (head, [json.dumps(each, indent=2) for each in exported], ",\n", "]\n}\n"),
        "lines": ("", [json.dumps(each, ensure_ascii=False) for each in lines], "\n", "\n"),
        "escaped lines": ("\n", list(map(json.dumps, lines)), "\r\n\r\n", ""),
    }


def refusal(file: Path) -> str:
    """What is said of a file; empty where it is taken whole."""
    try:
        open_export(file).survey()
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", documents())
def test_a_file_that_is_cut_anywhere_ends_half_way_there_and_gives_all_messages_before(
    tmp_path: Path, kind: str
) -> None:
    before, messages, between, behind = documents()[kind]
    document = (before + between.join(messages) + behind).encode()
    ends = [len((before + between.join(messages[:count])).encode()) for count in (1, 2)]
    file = tmp_path / "cut.json"
    for size in range(len(before.encode()) + 1, len(document)):
        file.write_bytes(document[:size])
        whole = sum(end <= size for end in ends)
        rest = document[ends[whole - 1] if whole else 0 : size]
        said = refusal(file)
        if not document[size:].strip() or (kind.endswith("lines") and not rest.strip()):
            assert said == ""
            assert len(list(open_export(file))) == whole
            continue
        assert f"cut.json ends half-way at byte {size:,}" in said
        if whole:
            assert "--partial" in said
            partial = open_export(file, partial=True)
            assert f"ends half-way at byte {size:,}" in partial.survey().fault
            assert not partial.survey().ids
            assert len(list(partial)) == whole


DAMAGE = {
    b"\xff": "not text in UTF-8",
    b"\xc3(": "not text in UTF-8",
    b"\xed\xa0\x80": "not text in UTF-8",
    b'"{': "not JSON",
    b"\x01": "not JSON",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("neutral_lines", [True, False])
@pytest.mark.matrix
def test_all_messages_before_a_damaged_place_are_taken_and_the_place_is_told(
    tmp_path: Path, damage: bytes, neutral_lines: bool
) -> None:
    if neutral_lines:
        text = "".join(json.dumps(neutral(id=message["id"])) + "\n" for message in numbered(2000))
    else:
        text = json.dumps(chat_exporter(*numbered(2000)))
    file = tmp_path / "export.json"
    for number in (2, 300, 1999):
        place = text.index("hello", text.index(f"{1500905346170880000 + number}"))
        file.write_bytes(text[:place].encode() + damage + text[place:].encode())
        with pytest.raises(UserError) as caught:
            open_export(file).survey()
        message = str(caught.value)
        (byte,) = re.findall(rf"{DAMAGE[damage]} at byte ([\d,]+)", message)
        assert place < int(byte.replace(",", "")) <= place + 10
        assert (f"export.json:{number}: " if neutral_lines else f"after message {number - 1:,};") in message
        partial = open_export(file, partial=True)
        assert [exported.message.id % 10_000 for exported in partial] == list(range(1, number))


WRONG: tuple[object, ...] = (None, 7, -1.5, "", "x", True, [], {}, [None], ["x"], {"a": None}, "9" * 30)
PLAIN = re.compile(
    r"([\w.]|\[\d\])+ (is missing|must be (text|true or false|a list|an object|a snowflake.*|a time.*))$"
)


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a record."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def replaced(document: object, path: tuple[str | int, ...], value: object) -> Any:  # noqa: ANN401 - JSON
    copied: Any = json.loads(json.dumps(document))
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied


def test_a_wrong_field_is_named_in_plain_words(tmp_path: Path) -> None:
    full = forwarding() | {
        "content": "@Ed",
        "mentions": [{"id": "31", "name": "ed", "nickname": "Ed"}],
        "attachments": [{"fileName": "plan.png"}],
        "stickers": [{"name": "wave"}],
        "timestampEdited": "2026-05-04T17:03:00+00:00",
    }
    document = chat_exporter(full)
    cases = [
        *(json.dumps(replaced(document, path, value)) for path in paths(document) for value in WRONG),
        *(json.dumps(replaced(neutral(), path, value)) for path in paths(neutral()) for value in WRONG),
    ]
    faults = []
    for case in cases:
        try:
            read(tmp_path, case)
        except UserError as error:
            faults.append(str(error))
    assert len(faults) > len(cases) / 3
    for fault in faults:
        reason = re.sub(r"^.*?export\.json(:1:|, message 1:| is neither.*?\()? ?", "", fault)
        reason = re.sub(r"(; .*|\); export as Json)$", "", reason)
        assert PLAIN.match(reason) or "direct messages" in fault, fault


@pytest.mark.parametrize("neutral_lines", [True, False])
def test_of_a_message_that_stands_in_a_file_twice_the_last_counts(tmp_path: Path, neutral_lines: bool) -> None:
    first, second, other = exported_message(content="old"), exported_message(content="new"), *numbered(2)[1:]
    if neutral_lines:
        text = "\n".join(json.dumps(neutral(id=each["id"], content=each["content"])) for each in (first, other, second))
    else:
        text = json.dumps(chat_exporter(first, other, second))
    file = tmp_path / "export.json"
    file.write_text(text)
    export = open_export(file)
    survey = export.survey()
    assert survey.repeated == {int(first["id"]): 2}
    assert [each.message.content for each in export.of_people(survey.repeated)] == ["hello", "new"]


def test_a_survey_counts_people_and_knows_the_messages_of_bots(tmp_path: Path) -> None:
    bot = exported_message(id="1500905346170880009", author={"id": "31", "name": "robot", "isBot": True})
    file = tmp_path / "export.json"
    file.write_text(json.dumps(chat_exporter(bot, *numbered(2), exported_message(content="")), indent=2))
    survey = open_export(file).survey()
    assert (survey.people, survey.place, survey.fault) == (2, (10, 20), "")
    assert [message_id % 10 for message_id in survey.ids] == [1, 1, 2, 9]


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
        (json.dumps(neutral()) + "\n{broken", ":2: not JSON at byte 220"),
        (json.dumps(neutral()) + "\n" + json.dumps(neutral()) + " {}", ":2: text behind its end at byte 437"),
        (json.dumps(chat_exporter(exported_message())) + "\n {}", "text behind its end at byte 392, after message 1"),
        (json.dumps(neutral()) + '\n{"id": "5"\n', ":2: ends half-way at byte 229"),
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
            (
                json.dumps(chat_exporter(exported_message(timestampEdited=f"{time}T00:00:00"))),
                "timestampEdited must be a time",
            )
            for time in DATES
        ),
        (json.dumps(chat_exporter() | {"messages": None}), "messages must be a list"),
        (json.dumps(neutral()) + "\n" + '{"id":' + "[" * 100_000, ":2: nested too deeply"),
        (json.dumps(neutral()) + "\n" + "[" * 100_000 + "]" * 100_000, ":2: nested too deeply"),
        (json.dumps(neutral()) + "\n" + "[" * 100_000, "ends half-way"),
        ("[" * 100_000, "it does not begin with an object"),
        ('{"guild": ' + "[" * 100_000, "nested too deeply"),
        (json.dumps(chat_exporter(exported_message(embeds=[[[]]])))[:-20], "ends half-way at byte"),
        (json.dumps([1, 2]), "neither JSON Lines nor"),
    ],
)
def test_faults_are_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


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
    with pytest.raises(UserError, match="neither JSON Lines nor"):
        open_export(picture)
