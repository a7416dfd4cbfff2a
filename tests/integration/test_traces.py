"""The last proof of an erasure: its texts are looked for in every column and every file."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.forget import open_without_index
from bot.forget.traces import WITNESSES, Traces, Witnesses
from bot.llm.loading import load_settings
from bot.storage.schema import audit
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import AUTHOR, GUILD
from tests.integration.test_erasure import ALICE, BOB

pytestmark = pytest.mark.both_databases

SECRET = "xqvkzjwp lies under the jwbnqfxy"


@pytest.fixture
def traces(pipeline: Pipeline, data_dir: Path) -> Traces:
    return Traces(pipeline.db, data_dir)


async def test_nothing_is_found_where_nothing_is(traces: Traces) -> None:
    assert await traces.of([SECRET]) == 0
    assert await traces.of([]) == 0


@pytest.mark.parametrize("form", [SECRET, json.dumps({"text": SECRET})])
async def test_a_forgotten_file_is_found(traces: Traces, data_dir: Path, form: str) -> None:
    (data_dir / "exports").mkdir()
    (data_dir / "exports" / "of-a-member.json").write_bytes(b"x" * ((1 << 20) - 5) + form.encode())
    assert await traces.of([SECRET]) == 1


async def test_text_beyond_ascii_is_found_as_json_writes_it(traces: Traces, data_dir: Path) -> None:
    umlauts = "Der Schlüssel liegt unter der Fußmatte"
    (data_dir / "export.json").write_text(json.dumps([umlauts]))
    assert await traces.of([umlauts]) == 1


async def test_a_column_that_no_store_answers_for_is_found(pipeline: Pipeline, tmp_path: Path) -> None:
    async with pipeline.db.write() as connection:
        row = {"guild_id": GUILD, "at_ms": 1, "action": "settings", "details": json.dumps({"why": SECRET})}
        await connection.execute(insert(audit).values(row))
    nowhere = tmp_path / "no files here"
    nowhere.mkdir()
    assert await Traces(pipeline.db, nowhere).of([SECRET]) == 1


async def test_what_somebody_else_said_too_is_no_trace(pipeline: Pipeline, traces: Traces) -> None:
    await pipeline.say(f"He told me that {SECRET}, honestly.")
    assert await traces.of([SECRET]) == 0


async def test_the_receipt_tells_of_a_text_that_is_left(pipeline: Pipeline, data_dir: Path) -> None:
    await pipeline.say(SECRET, author=ALICE)
    await pipeline.say("nothing to see here, really", author=BOB)
    (data_dir / "forgotten.txt").write_text(f"...{SECRET}...")
    receipt = await pipeline.erasure.erase_member(ALICE, GUILD)
    assert (receipt.complete, receipt.remaining["texts"]) == (False, 1)
    (data_dir / "forgotten.txt").unlink()
    await pipeline.say(SECRET, author=AUTHOR)
    assert (await pipeline.erasure.erase_member(AUTHOR, GUILD)).complete


async def test_an_erasure_without_an_index_looks_into_the_files_too(pipeline: Pipeline, data_dir: Path) -> None:
    await pipeline.say(SECRET, author=ALICE)
    (data_dir / "forgotten.txt").write_text(f"...{SECRET}...")
    settings = load_settings(None, data_dir=data_dir, mem0_enabled=False)
    parts = await open_without_index(settings, data_dir, pipeline.db, pipeline.clock)
    assert (await parts.forget.erasure.erase_member(ALICE, GUILD)).remaining["texts"] == 1


LOCKED = """
import fcntl, sys

with open(sys.argv[1], "r+b") as shared_memory:
    try:
        fcntl.lockf(shared_memory, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)  # held while somebody has the database open
    except OSError:
        print("locked")
"""


@pytest.mark.embedded
async def test_the_search_leaves_the_database_its_locks(pipeline: Pipeline, traces: Traces, data_dir: Path) -> None:
    await pipeline.say("the harbour opens")
    assert await traces.of([SECRET]) == 0
    search = [sys.executable, "-c", LOCKED, str(data_dir / f"{DATABASE_FILE}-shm")]
    looked = await asyncio.to_thread(subprocess.run, search, capture_output=True, text=True, check=True)
    assert looked.stdout == "locked\n", looked.stderr


def test_the_longest_lines_are_chosen_and_short_ones_never() -> None:
    witnesses = Witnesses()
    witnesses.saw(["ok", "yes\nno", "short\nthe longest line of them all"])
    witnesses.saw(f"line number {number} is like its neighbour" for number in range(3 * WITNESSES))
    assert len(witnesses.texts) == WITNESSES
    assert min(map(len, witnesses.texts)) > len("line number 1 is like its neighbour")


async def test_the_receipt_looks_for_the_words_of_memories_too(pipeline: Pipeline, data_dir: Path) -> None:
    said = await pipeline.say("the harbour opens", author=ALICE)
    await pipeline.own.remember(
        guild_id=GUILD, channel_id=said.channel_id, author_id=ALICE, message_id=said.id, text=SECRET
    )
    (data_dir / "forgotten.txt").write_text(f"...{SECRET}...")
    assert (await pipeline.erasure.erase_member(ALICE, GUILD)).remaining["texts"] == 1
