"""The process that keeps a database's number on its Qdrant server: what is committed when, and who keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from bot.domain import ServiceUnavailable
from bot.index.claim import LOOK_MS, MINUTE_MS, ClaimNumber, Numbers, Standing
from bot.index.generations import Generation, Made
from bot.index.keeper import Keeper
from bot.index.owner import IndexOwner, ask_to_take_over
from bot.storage.engine import Database
from tests.fixtures.storage import FakeClock

IN_USE = Generation(1, Made("openai", "model", 8, "http://qdrant:6333"))
EMBEDDED = Generation(1, Made("openai", "model", 8))
DOWN = ServiceUnavailable("qdrant", "no answer")


@dataclass
class Collection:
    """What is on the server.

    Attributes:
        number: in the collection.
        elsewhere: in other collections of the installation.
        exists: whether the collection does.
        answers: whether a write is confirmed; it arrives all the same.
    """

    number: ClaimNumber | None = None
    elsewhere: dict[int, ClaimNumber | None] = field(default_factory=dict)
    exists: bool = False
    answers: bool = True
    writes: list[ClaimNumber] = field(default_factory=list)

    async def read(self, _: Generation) -> Numbers:
        return {**self.elsewhere, **({IN_USE.number: self.number} if self.exists else {})}

    async def make(self, _: Generation) -> None:
        self.exists = True

    async def write(self, _: Generation, number: ClaimNumber) -> None:
        self.number = number
        self.writes.append(number)
        if not self.answers:
            raise DOWN


def keeper(database: Database, collection: Collection, clock: FakeClock, *, keeps: bool = True) -> Keeper:
    return Keeper(
        database,
        IndexOwner(database),
        read=collection.read,
        make=collection.make,
        write=collection.write,
        clock=clock,
        keeps=keeps,
    )


async def test_a_number_is_the_databases_before_it_is_anywhere_else(database: Database, clock: FakeClock) -> None:
    collection = Collection(answers=False)
    with pytest.raises(ServiceUnavailable):
        await keeper(database, collection, clock).refresh(IN_USE)
    (number,) = collection.writes
    assert await IndexOwner(database).knows(number)
    collection.answers = True
    again = keeper(database, collection, clock)
    await again.refresh(IN_USE)
    assert again.standing is Standing.HOLDING, "it is no strange number"


async def test_every_number_is_kept_for_good_and_no_later_one_is_known(database: Database, clock: FakeClock) -> None:
    collection = Collection()
    for _ in range(3):
        process = keeper(database, collection, clock)
        for _ in range(3):
            await process.refresh(IN_USE)
            clock.advance(LOOK_MS / 1_000)
    owner = IndexOwner(database)
    assert len({number.run for number in collection.writes}) == 3
    assert [await owner.knows(number) for number in collection.writes] == [True] * 9
    last = collection.writes[-1]
    assert not await owner.knows(last._replace(counter=last.counter + 1))
    assert not await owner.knows(ClaimNumber(0, "another", 1))


async def test_it_writes_every_twenty_seconds(database: Database, clock: FakeClock) -> None:
    collection = Collection()
    process = keeper(database, collection, clock)
    for _ in range(60):
        await process.refresh(IN_USE)
        clock.advance(1)
    assert [number.counter for number in collection.writes] == [1, 2, 3]


async def test_who_only_reads_writes_no_number_and_asks_the_database(database: Database, clock: FakeClock) -> None:
    collection = Collection()
    reader = keeper(database, collection, clock, keeps=False)
    await reader.refresh(IN_USE)
    assert (reader.standing, reader.compares, reader.removes) == (Standing.WATCHING, False, False)
    process = keeper(database, collection, clock)
    await process.refresh(IN_USE)
    await reader.refresh(IN_USE)
    assert (reader.standing, reader.removes) == (Standing.HOLDING, False), "not in the first minute"
    for _ in range(4):
        clock.advance(LOOK_MS / 1_000)
        await process.refresh(IN_USE)
    await reader.refresh(IN_USE)
    assert (reader.standing, reader.compares, reader.removes) == (Standing.HOLDING, False, True)
    assert len({number.run for number in collection.writes}) == 1


async def test_what_an_earlier_process_found_counts_no_more_when_another_begins(
    database: Database, clock: FakeClock
) -> None:
    collection = Collection()
    process = keeper(database, collection, clock)
    for _ in range(5):
        await process.refresh(IN_USE)
        clock.advance(LOOK_MS / 1_000)
    assert (await IndexOwner(database).load()).settled
    collection.number = ClaimNumber(0, "another", 1)  # this is the copy
    copy = keeper(database, collection, clock)
    await copy.refresh(IN_USE)
    assert (await IndexOwner(database).load()).standing is Standing.WATCHING
    assert (copy.standing, copy.compares, copy.removes) == (Standing.WATCHING, False, False)


async def test_an_embedded_index_has_no_number_and_leaves_nothing_to_take_over(
    database: Database, clock: FakeClock
) -> None:
    await ask_to_take_over(database)
    collection = Collection()
    process = keeper(database, collection, clock)
    await process.refresh(EMBEDDED)
    assert (process.standing, process.compares, process.removes) == (Standing.HOLDING, True, True)
    assert collection.writes == []
    assert not (await IndexOwner(database).load()).take_over


async def test_the_term_stays_from_a_server_to_the_folder_and_back(database: Database, clock: FakeClock) -> None:
    await IndexOwner(database).load()
    await IndexOwner(database).commit(ClaimNumber(3, "earlier", 1))
    collection = Collection()
    process = keeper(database, collection, clock)
    for generation in (EMBEDDED, IN_USE):
        await process.refresh(generation)
    assert collection.writes[-1].term == 3


async def test_the_claim_to_one_server_is_none_to_another(database: Database, clock: FakeClock) -> None:
    collection = Collection()
    process = keeper(database, collection, clock)
    for _ in range(5):
        await process.refresh(IN_USE)
        clock.advance(LOOK_MS / 1_000)
    collection.number = ClaimNumber(0, "another", 1)
    await process.refresh(Generation(2, replace(IN_USE.made, server="http://elsewhere:6333")))
    assert (process.standing, process.removes) == (Standing.WATCHING, False)


async def test_nothing_is_made_while_a_number_in_another_collection_is_watched(
    database: Database, clock: FakeClock
) -> None:
    collection = Collection(elsewhere={2: ClaimNumber(0, "another", 1)})
    process = keeper(database, collection, clock)
    for _ in range(MINUTE_MS // LOOK_MS):
        await process.refresh(IN_USE)
        clock.advance(LOOK_MS / 1_000)
        assert (process.standing, collection.exists) == (Standing.WATCHING, False)
    await process.refresh(IN_USE)
    assert (process.standing, collection.exists) == (Standing.HOLDING, True)
    assert await IndexOwner(database).knows(ClaimNumber(0, "another", 1)), "it stood still"
    assert not await IndexOwner(database).knows(ClaimNumber(0, "another", 2))


async def test_it_counts_each_time_the_index_was_another_state_of_itself(database: Database, clock: FakeClock) -> None:
    collection = Collection()
    process = keeper(database, collection, clock)
    await process.refresh(IN_USE)
    first = collection.number
    for _ in range(3):
        clock.advance(LOOK_MS / 1_000)
        await process.refresh(IN_USE)
    assert process.mendings == 0
    collection.number = first
    clock.advance(LOOK_MS / 1_000)
    await process.refresh(IN_USE)
    assert process.mendings == 1, "an older number"
    collection.number = None
    clock.advance(LOOK_MS / 1_000)
    await process.refresh(IN_USE)
    assert process.mendings == 2, "no number any more"


async def test_the_id_stays_until_there_is_a_new_one(database: Database) -> None:
    owner = IndexOwner(database)
    first = (await owner.load()).installation
    assert (await IndexOwner(database).load()).installation == first
    before, now = await owner.become_new()
    assert (before, (await owner.load()).installation) == (first, now)
    assert first != now
    assert len(now) == 12


async def test_a_mending_is_not_lost_with_the_answer_to_a_write(database: Database, clock: FakeClock) -> None:
    collection = Collection()
    process = keeper(database, collection, clock)
    for _ in range(2):
        await process.refresh(IN_USE)
        clock.advance(LOOK_MS / 1_000)
    mendings = process.mendings
    collection.number, collection.answers = collection.writes[0], False  # a snapshot is restored just now
    with pytest.raises(ServiceUnavailable):
        await process.refresh(IN_USE)
    collection.answers = True
    clock.advance(LOOK_MS / 1_000)
    await process.refresh(IN_USE)
    assert process.mendings > mendings
