"""What is taken away becomes a line, in the same transaction, and from there it comes into the file of erasures."""

from __future__ import annotations

import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.domain import snowflake
from bot.forget import Requests
from bot.guilds import ConsentRule
from bot.memories import Asker
from bot.operate.waiting import delay_report
from bot.storage import ErasureLines, ErasuresFile, ErasuresWriter, Installation, LineKind, hashed_id
from bot.storage.erasure_lines import LINES_KEPT_MS
from bot.storage.erasures_file import UnusableErasures
from bot.storage.schema import citations, messages
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

ALICE = 123_450_000_000_003_101
UP_TO = snowflake.from_ms(NOW_MS)


@pytest.fixture
def lines(pipeline: Pipeline) -> ErasureLines:
    return ErasureLines(pipeline.db, pipeline.clock)


@pytest.fixture
def file(data_dir: Path) -> ErasuresFile:
    return ErasuresFile(data_dir / "elsewhere" / "erasures.jsonl")


@pytest.fixture
def writer(pipeline: Pipeline, lines: ErasureLines, file: ErasuresFile) -> ErasuresWriter:
    identity = pipeline.hasher.installation
    return ErasuresWriter(lines, Installation(pipeline.db), file, identity, pipeline.clock)


async def a_memory(pipeline: Pipeline) -> tuple[str, int]:
    """The id of a memory of Alice, and the message that it is of."""
    said = await pipeline.say("note: the gate is green", author=ALICE)
    await pipeline.flush()
    async with pipeline.db.read() as connection:
        memory_id = await connection.scalar(select(citations.c.memory_id).where(citations.c.message_id == said.id))
    assert memory_id is not None
    return memory_id, said.id


def herself() -> Asker:
    return Asker(ALICE, GUILD, frozenset({CHANNEL}), frozenset())


async def member(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_member(ALICE, GUILD, up_to=UP_TO)


async def channel(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_channel(GUILD, CHANNEL, up_to=UP_TO)


async def server(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_guild(GUILD, up_to=UP_TO, left=True)


async def deleted(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [UP_TO])


async def opted_out(pipeline: Pipeline) -> None:
    await pipeline.consents.opt_out(ALICE, None)


async def withdrawn(pipeline: Pipeline) -> None:
    await pipeline.consents.set_facts(ALICE, GUILD, False)


async def stricter(pipeline: Pipeline) -> None:
    await pipeline.consents.rules.decide(GUILD, consent=ConsentRule.OPTED_IN)


async def not_observed(pipeline: Pipeline) -> None:
    observations = pipeline.guilds.observations
    await observations.switch_off(guild_id=GUILD, channel_id=CHANNEL, parent_id=None, name="general", by=ALICE)


@pytest.mark.parametrize(
    ("take_away", "kind", "guild_id", "value"),
    [
        (member, LineKind.MEMBER, GUILD, None),
        (channel, LineKind.CHANNEL, GUILD, None),
        (server, LineKind.SERVER, GUILD, "left"),
        (deleted, LineKind.MESSAGE, GUILD, None),
        (opted_out, LineKind.CHOICE, 0, '{"out": true, "in": false}'),
        (withdrawn, LineKind.CHOICE, GUILD, '{"out": false, "in": false, "facts": false}'),
        (stricter, LineKind.RULES, GUILD, "opted_in asked"),
        (not_observed, LineKind.OBSERVATION, GUILD, "off"),
    ],
)
@pytest.mark.matrix
async def test_what_is_taken_away_is_one_line_without_the_member(
    pipeline: Pipeline,
    lines: ErasureLines,
    take_away: Callable[[Pipeline], Awaitable[None]],
    kind: LineKind,
    guild_id: int,
    value: str | None,
) -> None:
    for number in range(3):
        await pipeline.say(f"note: the gate is green, {number}", author=ALICE)
    await pipeline.flush()
    await take_away(pipeline)
    (line,) = await lines.all()
    assert (line.kind, line.guild_id, line.value, line.at_ms) == (kind, guild_id, value, pipeline.clock())
    whose = pipeline.hasher.subject(ALICE) if kind in (LineKind.MEMBER, LineKind.CHOICE) else None
    assert line.subject == whose
    assert line.up_to == (UP_TO if kind in (LineKind.MEMBER, LineKind.CHANNEL, LineKind.SERVER) else None)
    assert str(ALICE) not in str(line)


async def test_a_memory_that_is_forgotten_or_put_right_is_a_line_of_each_message(
    pipeline: Pipeline, lines: ErasureLines
) -> None:
    memory_id, message_id = await a_memory(pipeline)
    await pipeline.own.correct(memory_id, herself(), "the gate is blue")
    pipeline.clock.advance(1)
    await pipeline.own.forget(memory_id, herself())
    noted = await lines.all()
    assert [(x.kind, x.memory_id, x.message_id, x.value) for x in noted] == [
        (LineKind.MEMORY, hashed_id(memory_id), message_id, "states")
    ] * 2, "put right, and forgotten later"
    assert "gate" not in str(noted)


async def test_a_line_stands_as_soon_as_anything_is_gone(pipeline: Pipeline, lines: ErasureLines) -> None:
    """The program dies before each portion of an erasure: what went until then has its line."""
    for number in range(3):
        await pipeline.say(f"note: the gate is green, {number}", author=ALICE)
    for die_at in range(4):
        pipeline.restart()
        pipeline.erasing.die_at = die_at
        with pytest.raises(BaseException, match="eras"):
            await pipeline.erasure.erase_member(ALICE, GUILD, up_to=UP_TO)
        async with pipeline.db.read() as connection:
            left = await connection.scalar(select(func.count()).select_from(messages))
        assert left == 3 or await lines.all(), f"gone at {die_at} without a line"
        if not left:
            return


async def test_lines_come_into_the_file_once_and_it_holds_no_id_of_a_member(
    pipeline: Pipeline, file: ErasuresFile, writer: ErasuresWriter
) -> None:
    await member(pipeline)
    await writer.round()
    await opted_out(pipeline)
    await writer.round()
    await writer.round()
    content = file.path.read_text()
    head, *rest = map(json.loads, content.splitlines())
    assert head == {"erasures": 1, "installation": pipeline.hasher.subject(0), "since_ms": NOW_MS}
    assert [each["kind"] for each in rest] == ["member", "choice"]
    assert str(ALICE) not in content
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    read = file.read()
    assert read is not None
    assert list(read.lines) == await ErasureLines(pipeline.db, pipeline.clock).all()


async def test_a_line_that_was_cut_off_is_written_again(
    pipeline: Pipeline, file: ErasuresFile, writer: ErasuresWriter
) -> None:
    await member(pipeline)
    await writer.round()
    whole = file.path.read_bytes()
    file.path.write_bytes(whole + b'{"kind": "choi')
    await opted_out(pipeline)
    await writer.round()
    assert file.path.read_bytes().startswith(whole)
    read = file.read()
    assert read is not None
    assert [line.kind for line in read.lines] == [LineKind.MEMBER, LineKind.CHOICE]


async def test_a_file_that_is_lost_is_written_anew_and_one_of_others_is_left_alone(
    pipeline: Pipeline, file: ErasuresFile, writer: ErasuresWriter, lines: ErasureLines
) -> None:
    await member(pipeline)
    await writer.round()
    whole = file.path.read_bytes()
    file.path.unlink()
    await writer.round()
    assert file.path.read_bytes() == whole
    file.path.write_bytes(whole.replace(pipeline.hasher.installation.encode(), b"f" * 64))
    other = ErasuresWriter(lines, Installation(pipeline.db), file, pipeline.hasher.installation, pipeline.clock)
    with pytest.raises(UnusableErasures, match="another installation's and left alone"):
        await other.round()
    assert b"f" * 64 in file.path.read_bytes()


async def test_a_file_that_is_emptied_or_exchanged_is_written_anew(
    pipeline: Pipeline, file: ErasuresFile, writer: ErasuresWriter
) -> None:
    await member(pipeline)
    await writer.round()
    whole = file.path.read_bytes()
    file.path.write_bytes(b"")
    await opted_out(pipeline)
    await writer.round()
    assert file.path.read_bytes().startswith(whole)
    older = file.path.with_name("older")
    older.write_bytes(whole)
    older.replace(file.path)
    await writer.round()
    read = file.read()
    assert read is not None
    assert [line.kind for line in read.lines] == [LineKind.MEMBER, LineKind.CHOICE]


async def test_an_erasure_waits_for_no_file_and_says_what_is_not_written(
    pipeline: Pipeline, file: ErasuresFile, writer: ErasuresWriter
) -> None:
    await pipeline.say("note: the gate is green", author=ALICE)
    file.path.mkdir(parents=True)  # a folder: nothing can be written
    with pytest.raises(OSError, match=r"folder|directory"):
        await writer.round()
    receipt = await pipeline.erasure.erase_member(ALICE, GUILD, up_to=UP_TO)
    assert (receipt.complete, receipt.unwritten) == (True, 1)
    report = delay_report(pipeline.db, pipeline.clock, pipeline.indexer.changes)
    assert (await report.look()).waiting == [], "it has a minute"
    pipeline.clock.advance(600)
    (line,) = (await report.look()).waiting
    assert line.startswith("1 erasure waits to be noted in ERASURES_FILE, the oldest for 10 min")
    file.path.rmdir()
    await writer.round()
    assert (await report.look()).waiting == []
    receipt = await pipeline.erasure.erase_channel(GUILD, CHANNEL)
    assert receipt.unwritten == 1
    await writer.round()
    assert (await pipeline.erasure.erase_messages(GUILD, CHANNEL, [])).unwritten == 0


async def test_who_asked_is_told_too(pipeline: Pipeline, writer: ErasuresWriter) -> None:
    async def nothing() -> None:
        pass

    clerk = pipeline.clerk_after(nothing)
    receipt = await clerk.erase_member(ALICE, GUILD, up_to=UP_TO)
    assert receipt.unwritten == 1
    await writer.round()
    assert await Requests(pipeline.db, pipeline.clock).open() is False


async def test_lines_are_kept_for_400_days(pipeline: Pipeline, lines: ErasureLines, file: ErasuresFile) -> None:
    def writer() -> ErasuresWriter:
        return ErasuresWriter(lines, Installation(pipeline.db), file, pipeline.hasher.installation, pipeline.clock)

    await opted_out(pipeline)
    await writer().round()
    pipeline.clock.advance(LINES_KEPT_MS / 1000)
    await withdrawn(pipeline)
    await pipeline.erasure.erase_expired(30)
    await writer().round()
    assert len(await lines.all()) == 2
    pipeline.clock.advance(1)
    await pipeline.erasure.erase_expired(30)
    await writer().round()
    (line,) = await lines.all()
    read = file.read()
    assert read is not None
    assert list(read.lines) == [line]
