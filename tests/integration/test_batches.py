"""Batches in hand: whose answers of the model are thrown away, and how long they wait after a service failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import RateLimited, ServiceUnavailable
from bot.memories import Asker
from bot.observe import MessageLog, set_batch
from bot.remember.kept import KeptAnswers
from bot.remember.queue import Batch, Queue
from bot.storage import Database, Edited, Erased, Expired, Scope, batches, messages
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock, MessageFactory, SaidFactory

pytestmark = pytest.mark.both_databases

OTHER = CHANNEL + 1
ADA = 3_001

Told = Callable[[KeptAnswers, AsyncConnection], Awaitable[object]]


async def put_in_hand(db: Database, channel_id: int, message_ids: list[int], answer: str | None = "an answer") -> str:
    """A batch of these messages, with an answer of the model that waits to be applied."""
    batch_id = f"00000000-0000-0000-0000-{channel_id:012}"
    row = {"id": batch_id, "guild_id": GUILD, "channel_id": channel_id, "state": "answered", "answer": answer}
    async with db.write() as connection:
        await connection.execute(insert(batches).values({**row, "error": "why it waits", "created_ms": 1}))
        await set_batch(connection, messages.c.id.in_(message_ids), batch_id)
    return batch_id


async def answers(db: Database) -> dict[int, str | None]:
    """Channel to the answer that waits there."""
    async with db.read() as connection:
        rows = await connection.execute(select(batches.c.channel_id, batches.c.answer).order_by(batches.c.channel_id))
        return {row.channel_id: row.answer for row in rows}


TELLING: dict[str, Told] = {
    "erased": lambda kept, connection: kept.erased(
        connection, Erased(scope=Scope(guild_id=GUILD), channel_ids=frozenset({CHANNEL}))
    ),
    "expired": lambda kept, connection: kept.expired(
        connection, Expired(before_ms=1, now_ms=2, channel_ids=frozenset({CHANNEL}))
    ),
}


@pytest.mark.parametrize("event", TELLING)
async def test_answers_of_a_channel_that_messages_go_from_are_asked_for_again_and_others_are_not(
    event: str, database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    here, there = make_said("here"), make_said("there", channel_id=OTHER)
    await log.append([here, there])
    for said in (here, there):
        await put_in_hand(database, said.message.channel_id, [said.message.id])
    async with database.write() as connection:
        assert await TELLING[event](KeptAnswers(database), connection) == {"model answers": 1}
    assert await answers(database) == {CHANNEL: None, OTHER: "an answer"}
    async with database.read() as connection:
        batch = (await connection.execute(select(batches).where(batches.c.channel_id == CHANNEL))).one()
    assert (batch.state, batch.error) == ("open", None)


async def test_an_edit_throws_away_the_answers_of_its_channel(
    database: Database, log: MessageLog, make_message: MessageFactory, make_said: SaidFactory
) -> None:
    said = make_said("here")
    await log.append([said])
    await put_in_hand(database, CHANNEL, [said.message.id])
    kept = KeptAnswers(database)
    async with database.write() as connection:
        unknown = Edited(message_id=5, content="x", edited_ms=1, logged=None)
        assert await kept.edited(connection, unknown) == 0
        known = Edited(message_id=said.message.id, content="x", edited_ms=1, logged=said.message)
        assert await kept.edited(connection, known) == 1
    assert await answers(database) == {CHANNEL: None}


async def test_a_batch_of_which_every_message_is_erased_goes(pipeline: Pipeline) -> None:
    first, second = await pipeline.say_many(["note: one", "note: two"])
    await put_in_hand(pipeline.db, CHANNEL, [first.id, second.id])
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [first.id])
    assert await answers(pipeline.db) == {CHANNEL: None}
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [second.id])
    assert await answers(pipeline.db) == {}


@pytest.mark.parametrize("way", ["forgotten", "corrected"])
async def test_what_a_member_does_to_a_memory_is_done_to_answers_that_wait(pipeline: Pipeline, way: str) -> None:
    said = await pipeline.say("note: the ferry leaves at six", author=ADA)
    memory = await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=ADA, message_id=said.id, text="the ferry leaves at six"
    )
    await put_in_hand(pipeline.db, CHANNEL, [said.id])
    asker = Asker(ADA, GUILD, frozenset({CHANNEL}))
    if way == "forgotten":
        await pipeline.own.forget(memory.id, asker)
    else:
        await pipeline.own.correct(memory.id, asker, "the ferry leaves at seven")
    assert (await answers(pipeline.db)).get(CHANNEL) is None


# --- waits ------------------------------------------------------------------------------------------------------------


def lowest(low: float, high: float) -> float:
    return low


def highest(low: float, high: float) -> float:
    return high


class Waiting:
    """A batch that can't be done, and the queue that has it."""

    def __init__(self, db: Database, clock: FakeClock, queue: Queue) -> None:
        self.db, self.clock, self.queue = db, clock, queue

    async def batch(self) -> Batch:
        (batch,) = await self.queue.batches(CHANNEL)
        return batch

    async def fail(self, error: Exception) -> float:
        """It fails once more; the seconds that it waits."""
        await self.queue.wait(await self.batch(), error)
        return ((await self.batch()).next_try_ms - self.clock()) / 1000


@pytest.fixture
async def waiting(
    database: Database, log: MessageLog, clock: FakeClock, make_said: SaidFactory
) -> Callable[[Queue], Awaitable[Waiting]]:
    said = make_said("here")
    await log.append([said])
    await put_in_hand(database, CHANNEL, [said.message.id], answer=None)

    async def with_queue(queue: Queue) -> Waiting:
        assert await queue.acquire(CHANNEL)
        return Waiting(database, clock, queue)

    return with_queue


@pytest.mark.parametrize(("spread", "factor"), [(lowest, 0.75), (highest, 1.25)])
async def test_waits_double_from_five_seconds_to_ten_minutes_each_spread_by_a_quarter(
    spread: Callable[[float, float], float],
    factor: float,
    database: Database,
    clock: FakeClock,
    waiting: Callable[[Queue], Awaitable[Waiting]],
) -> None:
    scene = await waiting(Queue(database, clock, "one", lease_seconds=1e6, spread=spread))
    waits = [await scene.fail(ServiceUnavailable("ollama", "down")) for _ in range(10)]
    assert waits[:6] == [factor * wait for wait in (5, 10, 20, 40, 80, 160)]
    assert waits[-1] == 600


async def test_two_batches_that_fail_at_once_do_not_come_back_at_once(
    database: Database, clock: FakeClock, waiting: Callable[[Queue], Awaitable[Waiting]]
) -> None:
    scene = await waiting(Queue(database, clock, "one", lease_seconds=1e6))
    first = await scene.batch()
    waits = set()
    for _ in range(8):
        await scene.queue.wait(first, ServiceUnavailable("ollama", "down"))
        waits.add((await scene.batch()).next_try_ms)
    assert len(waits) > 1


async def test_a_service_that_asks_for_a_wait_gets_it(
    database: Database, clock: FakeClock, waiting: Callable[[Queue], Awaitable[Waiting]]
) -> None:
    scene = await waiting(Queue(database, clock, "one", lease_seconds=1e6, spread=highest))
    assert await scene.fail(RateLimited("openai", 90)) == 90
    assert await scene.fail(RateLimited("openai", 1)) == 12.5
    assert await scene.fail(RateLimited("openai")) == 25
