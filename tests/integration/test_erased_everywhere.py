"""Each way of erasing, with the real embedded index: neither words nor ids are left in any file under DATA_DIR."""

from __future__ import annotations

import random
import string
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.domain.model import MemoryKind, Message
from bot.forget.accounts import DeletedAccounts
from bot.forget.requests import Requests
from bot.guilds.consent import SubjectHasher
from bot.guilds.servers import Guilds
from bot.llm.costs import Ledger
from bot.memories import Asker
from bot.operate.housekeeping import LEFT_GUILD_KEPT, Housekeeping
from bot.storage.engine import Database
from bot.storage.installation import Installation
from bot.storage.schema import channels
from tests.fixtures.index import IndexOpener
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock
from tests.integration.test_erasure import ALICE, CANARIES, ERASURES, fill

DAY_SECONDS = 86_400
PARENT = 2_009

Way = Callable[[Pipeline, Sequence[Message]], Awaitable[object]]


def files_with(folder: Path, needle: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


class EverybodyGone:
    """A Discord that knows none of the accounts any more."""

    async def is_deleted(self, user_id: int, guild_ids: object) -> bool:
        return user_id == ALICE


def housekeeping(pipeline: Pipeline, *, retention_days: int = 30) -> Housekeeping:
    return Housekeeping(
        erasure=pipeline.erasure,
        guilds=Guilds(pipeline.db, pipeline.clock),
        log=pipeline.log,
        ledger=Ledger(pipeline.db, pipeline.clock),
        named=pipeline.named,
        clock=pipeline.clock,
        retention_days=retention_days,
    )


async def each_by_hand(pipeline: Pipeline, said: Sequence[Message]) -> None:
    """One delete event after another, and the first again."""
    for message in [*said, said[0]]:
        await pipeline.erasure.erase_messages(GUILD, CHANNEL, [message.id])


async def operator(pipeline: Pipeline, _: Sequence[Message]) -> None:
    """`erase` beside a running bot: left in the database for the bot to carry out."""
    requests = Requests(pipeline.db, pipeline.clock)
    await requests.ask(user_id=ALICE)

    async def nothing_waits() -> None:
        pass

    await pipeline.clerk_after(nothing_waits).round()


async def account(pipeline: Pipeline, _: Sequence[Message]) -> None:
    """The account is no more, and the search comes by."""
    installation = Installation(pipeline.db)
    search = DeletedAccounts(EverybodyGone(), pipeline.directory, pipeline.personal, installation, pipeline.clock)
    while await search.sweep():
        pass


async def server_left(pipeline: Pipeline, _: Sequence[Message]) -> None:
    """The bot was removed a week ago, and was off when the week was over."""
    guilds = Guilds(pipeline.db, pipeline.clock)
    await guilds.joined(GUILD, "Workshop")
    await guilds.left(GUILD)
    pipeline.clock.advance(LEFT_GUILD_KEPT.total_seconds() + 1)
    pipeline.restart()
    await housekeeping(pipeline, retention_days=365).round()


async def opted_out(pipeline: Pipeline, _: Sequence[Message]) -> None:
    """From every server."""
    await pipeline.consents.opt_out(ALICE, None)
    await pipeline.personal.delete(ALICE)


async def parent_channel(pipeline: Pipeline, said: Sequence[Message]) -> None:
    """The channel in which the thread hangs that all of it was said in."""
    async with pipeline.db.write() as connection:
        await connection.execute(update(channels).where(channels.c.channel_id == CHANNEL).values(parent_id=PARENT))
    await pipeline.erasure.erase_channel(GUILD, PARENT)


WAYS: dict[str, Way] = {
    **ERASURES,
    "one by one": each_by_hand,
    "operator": operator,
    "account": account,
    "server left": server_left,
    "opt-out": opted_out,
    "channel with its threads": parent_channel,
}


def as_bytes(number: int) -> list[bytes]:
    """An id as text, as SQLite's rows and as the index's payload hold it."""
    return [str(number).encode(), number.to_bytes(8, "big"), number.to_bytes(8, "little")]


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ERASURES])
@pytest.mark.matrix
async def test_no_file_holds_words_or_ids_of_what_was_erased(way: str, pipeline: Pipeline, data_dir: Path) -> None:
    await _erased(way, pipeline, data_dir)


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[] if way == "messages" else pytest.mark.slow) for way in WAYS]
)
@pytest.mark.slow
async def test_no_file_holds_words_memories_or_vectors_of_what_was_erased(
    way: str, database: Database, open_edge: IndexOpener, clock: FakeClock, data_dir: Path
) -> None:
    async with open_edge() as index:
        pipeline = await _over(index, database, clock, data_dir)
        await _erased(way, pipeline, data_dir)
        assert await index.count_citing(ALICE, None) == 0


async def _over(index: object, database: Database, clock: FakeClock, data_dir: Path) -> Pipeline:
    pipeline = Pipeline(database, await SubjectHasher.load(database), clock, data_dir)
    pipeline.index = index  # type: ignore[assignment] # the real one
    await pipeline.message_vectors.load(wanted=True, remove=False)
    pipeline.restart()
    return pipeline


async def _erased(way: str, pipeline: Pipeline, data_dir: Path) -> None:
    """Everything of Alice is found before, and nothing after."""
    said = await fill(pipeline)
    await pipeline.indexer.drain()
    words = [word.encode() for word in CANARIES]
    ids = [memory.id.encode() for memory in await pipeline.memories() if ALICE in memory.author_ids]
    assert ids
    assert all(files_with(data_dir, needle) for needle in [*words, *ids])
    assert any(files_with(data_dir, needle) for needle in as_bytes(ALICE))
    embedded = [message for message in said if message.author_id == ALICE] if pipeline.message_vectors.held else []
    assert await pipeline.index.count_citing(ALICE, None) == len(ids) + len(embedded)
    await WAYS[way](pipeline, said)
    await pipeline.indexer.drain()
    await pipeline.db.sweep()
    for needle in [*words, *ids, *as_bytes(ALICE)]:
        assert files_with(data_dir, needle) == [], needle


async def forgotten(pipeline: Pipeline, memory_id: str) -> None:
    await pipeline.own.forget(memory_id, Asker(ALICE, GUILD, frozenset({CHANNEL})))


async def outlived(pipeline: Pipeline, _: str) -> None:
    for kind in MemoryKind:
        await pipeline.consents.rules.set_lifetime(GUILD, kind, 10)
    pipeline.clock.advance(11 * DAY_SECONDS)
    pipeline.restart()
    await housekeeping(pipeline).round()


@pytest.mark.parametrize("way", [forgotten, outlived])
async def test_no_file_holds_the_words_of_a_memory_that_went_while_its_message_stays(
    way: Callable[[Pipeline, str], Awaitable[None]], pipeline: Pipeline, data_dir: Path
) -> None:
    word = "".join(random.choices(string.ascii_lowercase, k=16))
    said = await pipeline.say("the harbour opens at nine", author=ALICE)
    memory = await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, message_id=said.id, text=f"{word} is what I make of it"
    )
    await pipeline.indexer.drain()
    assert files_with(data_dir, word.encode())
    assert await pipeline.index.count() == 1
    await way(pipeline, memory.id)
    await pipeline.indexer.drain()
    await pipeline.db.sweep()
    for needle in (word, memory.id):
        assert files_with(data_dir, needle.encode()) == [], needle
    assert await pipeline.index.count() == 0
    assert set(await pipeline.states()) == {said.id}


async def test_no_file_holds_the_words_of_messages_that_retention_took(pipeline: Pipeline, data_dir: Path) -> None:
    """Pending or dead, and though the bot was off when their time was over; what was made of them stays."""
    await fill(pipeline)
    pipeline.clock.advance(45 * DAY_SECONDS)
    pipeline.restart()
    kept = set(await pipeline.texts())
    await housekeeping(pipeline).round()
    await pipeline.db.sweep()
    assert await pipeline.states() == {}
    assert set(await pipeline.texts()) == kept
    assert files_with(data_dir, CANARIES[1].encode()) == []
    assert files_with(data_dir, CANARIES[2].encode())
