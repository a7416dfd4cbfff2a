"""A later export: what it shows to be edited or deleted is said, and taken over where that is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import select

from bot.cli.replay import Update, replay, replay_export
from bot.domain import Message, UserError, snowflake
from bot.forget.later_exports import LaterExports
from bot.llm.loading import load_settings
from bot.observe import Said, open_export
from bot.run import Summary, open_app
from bot.storage.schema import imports, messages
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

ALICE = 123_450_000_000_003_101
FIRST = snowflake.from_ms(NOW_MS - 86_400_000)
EDITED = "2025-06-15T14:00:00+00:00"
LATER = "2025-06-15T14:30:00+00:00"
DAY_SECONDS = 86_400


def record(number: int, content: str | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A message of a DiscordChatExporter file; the numbers give the order."""
    return {
        "id": str(FIRST + number),
        "type": "Default",
        "timestampEdited": None,
        "content": f"line {number}" if content is None else content,
        "author": {"id": str(ALICE), "name": "alice", "isBot": False},
    } | fields


def lines(count: int) -> dict[int, dict[str, Any]]:
    return {number: record(number) for number in range(1, count + 1)}


def without(records: dict[int, dict[str, Any]], *numbers: int) -> dict[int, dict[str, Any]]:
    return {number: each for number, each in records.items() if number not in numbers}


class House:
    """A folder of data, exports of its channel, and what is in its log."""

    def __init__(self, tmp_path: Path) -> None:
        self._folder = tmp_path
        self.settings = load_settings(None, data_dir=tmp_path / "data", mem0_enabled=False)

    async def replay(
        self,
        records: dict[int, dict[str, Any]],
        update: Update | None = None,
        *,
        channel: int = CHANNEL,
        cut: int = 0,
    ) -> tuple[Summary, str]:
        """Replay an export (without its last characters); what it did, and the notes below."""
        file = self._folder / "export.json"
        document = {"guild": {"id": str(GUILD)}, "channel": {"id": str(channel)}, "messages": list(records.values())}
        text = json.dumps(document)
        file.write_text(text[: len(text) - cut])
        export = open_export(file, partial=cut > 0)
        ran = await replay_export(self.settings, export, extract=False, console=Console(quiet=True), update=update)
        return ran[0], "\n".join(ran[1])

    async def said(self, *numbers: int) -> None:
        """The bot reads messages itself."""
        async with open_app(self.settings, extract=False) as app:
            await app.log.append([Said(message(number), "Alice") for number in numbers])

    async def log(self) -> dict[int, str]:
        """The texts of the log by their numbers."""
        async with open_app(self.settings, extract=False) as app, app.db.read() as connection:
            rows = await connection.execute(select(messages.c.id, messages.c.content).order_by(messages.c.id))
            return {row.id - FIRST: row.content for row in rows}


def message(number: int, content: str | None = None, channel: int = CHANNEL) -> Message:
    content = f"line {number}" if content is None else content
    return Message(id=FIRST + number, guild_id=GUILD, channel_id=channel, author_id=ALICE, content=content)


@pytest.fixture
def house(tmp_path: Path, migrated_dir: Path) -> House:
    return House(tmp_path)


# --- what is said and asked ------------------------------------------------------------------------------------------


async def test_a_later_export_says_how_many_messages_were_edited_and_deleted_and_changes_none(house: House) -> None:
    await house.replay(lines(40))
    later = without(lines(40), 7) | {3: record(3, "something else", timestampEdited=EDITED), 4: record(4, "")}
    summary, notes = await house.replay(later)
    assert (summary.messages, summary.doubles, summary.edits) == (0, 38, 2)
    assert "2 edited messages differ" in notes
    assert "the file lacks 1 of 40 messages (2.5%)" in notes
    assert "--update" in notes
    assert await house.log() == {number: f"line {number}" for number in range(1, 41)}


async def test_the_same_export_twice_says_nothing(house: House) -> None:
    await house.replay(lines(5))
    assert (await house.replay(lines(5)))[1] == ""


async def test_a_message_that_stands_in_a_file_twice_is_said_and_no_edit(house: House) -> None:
    await house.replay(lines(3))
    summary, notes = await house.replay(lines(3) | {9: record(2, "an older text"), 10: record(2)})
    assert (summary.doubles, summary.edits) == (3, 0)
    assert notes == "messages that stand in the file more than once: 1; the last of each counts"


@pytest.mark.parametrize("confirmed", [{"yes": True}, {"delete": 3}])
def test_deletions_need_a_whole_file_and_that_is_said_before_it_is_read(
    tmp_path: Path, confirmed: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match="need a file that is whole"):
        replay(tmp_path / "none.json", update=True, partial=True, **confirmed)


async def test_edits_are_taken_over_and_deletions_shown_until_they_are_confirmed(house: House) -> None:
    await house.replay(lines(40))
    later = without(lines(40), 7) | {3: record(3, "something else", timestampEdited=EDITED), 4: record(4, "")}
    _, notes = await house.replay(later, Update())
    assert "2 edited messages were taken over" in notes
    assert "add --yes to delete them" in notes
    log = await house.log()
    assert (log[3], log[4], log[7]) == ("something else", "", "line 7")

    _, notes = await house.replay(later, Update(yes=True))
    assert "they were deleted" in notes
    assert 7 not in await house.log()
    assert (await house.replay(later, Update(yes=True)))[1] == ""


async def test_what_was_deleted_does_not_come_back_by_an_older_export(house: House) -> None:
    await house.replay(lines(40))
    await house.replay(without(lines(40), 7), Update(yes=True))
    summary, _ = await house.replay(lines(40))
    assert summary.refused == {"deleted": 1}
    assert 7 not in await house.log()


@pytest.mark.parametrize("wrong", [Update(yes=True), Update(delete=2), Update(yes=True, delete=4)])
@pytest.mark.matrix
async def test_more_than_a_twentieth_goes_by_its_exact_number_alone(house: House, wrong: Update) -> None:
    await house.replay(lines(40))
    later = without(lines(41), 7, 8, 9) | {3: record(3, "something else", timestampEdited=EDITED)}
    with pytest.raises(UserError, match=r"lacks 3 of 40 messages \(7.5%\).*nothing was done.*--delete 3"):
        await house.replay(later, wrong)
    assert await house.log() == {number: f"line {number}" for number in range(1, 41)}
    assert "add --delete 3" in (await house.replay(later, Update()))[1]
    await house.replay(later, Update(delete=3))
    with pytest.raises(UserError, match="leave --delete out"):
        await house.replay(later, Update(delete=3))
    assert set(await house.log()) == set(range(1, 42)) - {7, 8, 9}


# --- what no export takes away ---------------------------------------------------------------------------------------


async def test_what_the_bot_has_read_itself_stays(house: House) -> None:
    await house.said(2)
    await house.replay(lines(40))
    await house.said(3)  # before or after an export brought it
    later = without(lines(40), 2, 3, 4) | {5: record(5, "something else"), 2: record(2, "not what it has read")}
    _, notes = await house.replay(without(later, 2), Update(delete=1))
    assert "lacks 1 of 38" in notes
    await house.replay(later, Update())
    log = await house.log()
    assert (log[2], log[3], log.get(4), log[5]) == ("line 2", "line 3", None, "something else")


async def test_what_lies_outside_of_the_export_or_in_another_channel_stays(house: House) -> None:
    await house.replay(lines(40))
    elsewhere = {number: record(number) for number in range(100, 120)}
    await house.replay(elsewhere, channel=CHANNEL + 1)
    within = {number: record(number) for number in (10, 12, 200)}
    within[200] |= {"author": {"id": "9", "name": "robot", "isBot": True}}
    _, notes = await house.replay(within, Update(delete=29))
    assert "29 of 31" in notes
    assert set(await house.log()) == {*range(1, 11), 12, *range(100, 120)}


async def test_a_file_that_ends_half_way_takes_nothing_away(house: House) -> None:
    await house.replay(lines(40))
    later = without(lines(40), 7) | {3: record(3, "something else")}
    summary, notes = await house.replay(later, Update(yes=True), cut=20)
    assert summary.doubles == 38
    assert ", after message 38" in notes
    assert "nothing was deleted" in notes
    assert (await house.log())[3] == "something else"
    assert 7 in await house.log()


async def test_json_lines_take_over_edits_and_no_deletions(house: House, tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"

    async def replay(*contents: str) -> list[str]:
        neutral = [
            {"id": FIRST + number, "guild_id": GUILD, "channel_id": CHANNEL, "author_id": ALICE, "author_name": "Alice"}
            | {"content": content}
            for number, content in enumerate(contents, start=1)
            if content
        ]
        file.write_text("".join(json.dumps(each) + "\n" for each in neutral))
        quiet = Console(quiet=True)
        update = Update(yes=True)
        return (await replay_export(house.settings, open_export(file), extract=False, console=quiet, update=update))[1]

    await replay("one", "two", "three")
    assert "1 edited messages were taken over" in "\n".join(await replay("one", "", "four"))
    assert await house.log() == {1: "one", 2: "two", 3: "four"}


# --- which text is newer ---------------------------------------------------------------------------------------------


async def test_an_older_export_undoes_no_edit(house: House) -> None:
    await house.replay(lines(5))
    newest = lines(5) | {3: record(3, "newest", timestampEdited=LATER)}
    await house.replay(newest, Update())
    for older in (lines(5), lines(5) | {3: record(3, "newer", timestampEdited=EDITED)}):
        assert (await house.replay(older, Update()))[0].edits == 0
    assert (await house.log())[3] == "newest"


async def test_a_mention_that_an_erasure_took_out_is_no_edit(house: House) -> None:
    bob = {"id": "123450000000003102", "name": "bob"}
    records = lines(3) | {2: record(2, "ask @bob", mentions=[bob])}
    await house.replay(records)
    async with open_app(house.settings, extract=False) as app:
        await app.erasure.erase_member(int(bob["id"]))
    assert (await house.log())[2] == "ask @deleted"
    assert (await house.replay(records, Update()))[0].edits == 0
    assert (await house.log())[2] == "ask @deleted"


async def test_a_forwarded_text_is_kept_where_its_source_is_and_is_no_edit_otherwise(house: House) -> None:
    def forwarding(number: int, source: int) -> dict[str, Any]:
        reference = {"type": "Forward", "messageId": str(FIRST + source), "guildId": str(GUILD)}
        return record(number, "look", reference=reference, forwardedMessage={"content": f"line {source}"})

    records = lines(2) | {3: forwarding(3, 2), 4: forwarding(4, 99)}
    await house.replay(records)
    log = await house.log()
    assert (log[3], log[4]) == ("look\n[forwarded: line 2]", "look\n[forwarded message]")
    async with open_app(house.settings, extract=False) as app:
        await app.erasure.erase_messages(GUILD, CHANNEL, [FIRST + 2])
    assert (await house.replay(records, Update()))[0].edits == 0


# --- what was made of it ---------------------------------------------------------------------------------------------


def later_exports(pipeline: Pipeline) -> LaterExports:
    return LaterExports(pipeline.logged.imports, pipeline.revisions, pipeline.erasure)


@pytest.mark.both_databases
async def test_memories_of_what_was_deleted_or_edited_go_with_it(pipeline: Pipeline) -> None:
    told = [message(number, f"note: the key {number} is red") for number in range(1, 4)]
    await pipeline.log.append([Said(each, "Alice") for each in told], from_export=True)
    await pipeline.flush()
    assert len(await pipeline.memories()) == 3

    later = later_exports(pipeline)
    edited = Said(message(2, "note: the key 2 is blue"), "Alice")
    await later.revise(await later.edits([Said(told[0], "Alice"), edited]))
    missing, of = await pipeline.logged.imports.missing(CHANNEL, [FIRST + 1, FIRST + 2, FIRST + 9])
    assert (missing, of) == ([FIRST + 3], 3)
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, missing)
    assert await pipeline.texts() == ["the key 1 is red"]
    assert await pipeline.rows(imports) == 2
    await pipeline.flush()
    assert await pipeline.texts() == ["the key 1 is red", "the key 2 is blue"]


@pytest.mark.both_databases
async def test_what_expired_can_still_be_taken_away_while_it_is_cited(pipeline: Pipeline) -> None:
    told = [message(1, "note: the key is red"), message(2, "hello"), message(3, "note: the door is blue")]
    await pipeline.log.append([Said(each, "Alice") for each in told], from_export=True)
    await pipeline.flush()
    pipeline.clock.advance(31 * DAY_SECONDS)
    await pipeline.erasure.erase_expired(30)
    assert await pipeline.rows(messages) == 0
    assert await pipeline.rows(imports) == 2

    missing, _ = await pipeline.logged.imports.missing(CHANNEL, [FIRST, FIRST + 3])
    assert missing == [FIRST + 1]
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, missing)
    assert await pipeline.texts() == ["the door is blue"]
    await pipeline.erasure.erase_member(ALICE)
    await pipeline.erasure.erase_expired(30)
    assert await pipeline.rows(imports) == 0
