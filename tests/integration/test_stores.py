"""Whatever is kept is erased, edited, expired, exported and counted, by what its columns say that they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import snowflake
from bot.forget.erasure import Erasure
from bot.forget.personal import PersonalData
from bot.forget.revisions import Revisions
from bot.forget.traces import Traces
from bot.llm.loading import load_settings
from bot.run.app import open_app
from bot.storage.columns import (
    CHANNEL_ID,
    GUILD_ID,
    MESSAGE_ID,
    NOTHING,
    SAID,
    TAKEN_IN,
    USER_HASH,
    USER_ID,
    Holds,
    holding,
)
from bot.storage.schema import metadata
from bot.storage.stores import Scope, Store
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

ALICE, BOB = 123_450_000_000_003_101, 123_450_000_000_003_102
OTHER_GUILD, OTHER_CHANNEL = GUILD + 1, CHANNEL + 1
MESSAGE = snowflake.from_ms(NOW_MS - 60_000)
OTHER_MESSAGE = MESSAGE + 1
CANARY = "xqvkzjwp under the doormat"
DAY_SECONDS = 86_400


# --- registration ----------------------------------------------------------------------------------------------------


def faults(tables: MetaData, stores: Iterable[Store]) -> dict[str, int]:
    """Tables that not exactly one store has registered for, with how many have."""
    registered = Counter(table.name for store in stores for table in store.tables)
    return {name: registered[name] for name in {*tables.tables, *registered} if registered[name] != 1}


@pytest.fixture
async def stores(data_dir: Path) -> AsyncIterator[Sequence[Store]]:
    """Those that the program registers."""
    async with open_app(load_settings(None, data_dir=data_dir, mem0_enabled=False), extract=False) as app:
        yield app.stores


@pytest.mark.embedded
async def test_every_table_has_one_store(stores: Sequence[Store]) -> None:
    assert faults(metadata, stores) == {}
    assert len({store.name for store in stores}) == len(stores)


@pytest.mark.embedded
async def test_a_table_without_a_registered_store_is_noticed_whatever_it_is_called(stores: Sequence[Store]) -> None:
    grown = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(grown)
    Table("oughts", grown, Column("size", Integer, info=NOTHING))
    assert faults(grown, stores) == {"oughts": 0}


# --- a store that is added -------------------------------------------------------------------------------------------

added = MetaData()
badges = Table(
    "badges",
    added,
    Column("id", Integer, primary_key=True, info=NOTHING),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("channel_id", BigInteger, nullable=False, info=CHANNEL_ID),
    Column("message_id", BigInteger, nullable=False, info=MESSAGE_ID),
    Column("holder", BigInteger, nullable=False, info=USER_ID),
    Column("engraving", Text, nullable=False, info=SAID),
    Column("given_ms", BigInteger, nullable=False, info=NOTHING),
)
verdicts = Table(
    "verdicts",
    added,
    Column("guild_id", BigInteger, primary_key=True, info=GUILD_ID),
    Column("judge", BigInteger, info=USER_ID),
    Column("text", String(8), nullable=False, info=NOTHING),
)
summaries = Table(
    "summaries",
    added,
    Column("channel_id", BigInteger, primary_key=True, info=CHANNEL_ID),
    Column("guild_id", BigInteger, nullable=False, info=GUILD_ID),
    Column("text", Text, nullable=False, info=SAID),
    Column("made_ms", BigInteger, nullable=False, info=TAKEN_IN),
)
promises = Table(
    "promises",
    added,
    Column("guild_id", BigInteger, primary_key=True, info=GUILD_ID),
    Column("subject", String(64), primary_key=True, info=USER_HASH),
)


class Badges(Store):
    """A store as somebody would add it: it says its name and its tables."""

    name = "badges"
    tables = (badges,)


class Verdicts(Store):
    name = "verdicts"
    tables = (verdicts,)
    of_server = True


class Summaries(Store):
    name = "summaries"
    tables = (summaries,)


class Promises(Store):
    name = "promises"
    tables = (promises,)


class House:
    """The program with stores that were added to it."""

    def __init__(self, pipeline: Pipeline, data_dir: Path) -> None:
        db = pipeline.db
        self.pipeline = pipeline
        stores = (*pipeline.stores, Badges(db), Verdicts(db), Summaries(db), Promises(db))
        traces = Traces(db, data_dir)
        self.erasure = Erasure(db, stores, pipeline.indexer, pipeline.hasher, pipeline.clock, traces)
        self.personal = PersonalData(self.erasure, stores)
        self.revisions = Revisions(db, stores, pipeline.indexer, pipeline.consents)
        self.said: list[int] = []

    async def fill(self) -> None:
        """A badge, verdict and promise of Alice here, of Bob here, of Alice elsewhere, and summaries."""
        places = ((ALICE, GUILD, CHANNEL), (BOB, GUILD, OTHER_CHANNEL), (ALICE, OTHER_GUILD, CHANNEL + 2))
        for user_id, guild_id, channel_id in places:
            said = await self.pipeline.say(CANARY, author=user_id, guild=guild_id, channel=channel_id)
            self.said.append(said.id)
            where = {"guild_id": guild_id, "channel_id": channel_id}
            badge = {**where, "message_id": said.id, "holder": user_id, "engraving": CANARY, "given_ms": NOW_MS}
            promise = {"guild_id": guild_id, "subject": self.pipeline.hasher.subject(user_id)}
            async with self.pipeline.db.write() as connection:
                await connection.execute(insert(badges).values(badge))
                await connection.execute(insert(promises).values(promise))
                summary = {**where, "text": CANARY, "made_ms": self.pipeline.clock()}
                await connection.execute(insert(summaries).values(summary))
        async with self.pipeline.db.write() as connection:
            rows = [{"guild_id": guild, "judge": ALICE, "text": "guilty"} for guild in (GUILD, OTHER_GUILD)]
            await connection.execute(insert(verdicts), rows)

    async def holders(self) -> list[tuple[int, int]]:
        """Who has badges where."""
        async with self.pipeline.db.read() as connection:
            query = select(badges.c.guild_id, badges.c.holder).order_by(badges.c.guild_id, badges.c.holder)
            return [(guild, holder) for guild, holder in await connection.execute(query)]

    async def judges(self) -> dict[int, int | None]:
        """Who spoke the verdict of each server."""
        async with self.pipeline.db.read() as connection:
            return {row.guild_id: row.judge for row in await connection.execute(select(verdicts))}

    async def summarised(self) -> set[int]:
        """The channels that have a summary."""
        async with self.pipeline.db.read() as connection:
            return set(await connection.scalars(select(summaries.c.channel_id)))


@pytest.fixture
async def house(pipeline: Pipeline, data_dir: Path) -> House:
    async with pipeline.db.write() as connection:
        await connection.run_sync(added.create_all)
    house = House(pipeline, data_dir)
    await house.fill()
    return house


async def test_an_added_store_is_erased_counted_and_in_the_receipt(house: House) -> None:
    receipt = await house.erasure.erase_member(ALICE, GUILD)
    assert (receipt.removed["badges"], receipt.removed["verdicts"], receipt.removed["summaries"]) == (1, 1, 1)
    assert receipt.complete
    assert receipt.remaining.keys() >= {"badges", "verdicts", "summaries"}
    assert await house.holders() == [(GUILD, BOB), (OTHER_GUILD, ALICE)]
    assert await house.judges() == {GUILD: None, OTHER_GUILD: ALICE}  # the server's decision stays, without a name
    assert await house.summarised() == {OTHER_CHANNEL, CHANNEL + 2}
    assert await house.pipeline.rows(promises) == 3, "a keyed hash outlives the erasure, so that it lasts"


async def test_what_an_added_store_still_has_is_counted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgetful(self: Store, connection: AsyncConnection, erased: object) -> Counter[str]:
        return Counter()

    monkeypatch.setattr(Badges, "erased", forgetful)
    receipt = await house.erasure.erase_member(ALICE, GUILD)
    assert not receipt.complete
    assert receipt.remaining["badges"] == 1


async def test_an_added_store_goes_with_its_channel_its_server_and_its_message(house: House) -> None:
    await house.erasure.erase_messages(GUILD, CHANNEL, [house.said[0]])
    assert await house.holders() == [(GUILD, BOB), (OTHER_GUILD, ALICE)]
    assert await house.summarised() == {OTHER_CHANNEL, CHANNEL + 2}
    await house.erasure.erase_channel(GUILD, OTHER_CHANNEL)
    assert await house.holders() == [(OTHER_GUILD, ALICE)]
    await house.erasure.erase_guild(OTHER_GUILD)
    assert await house.holders() == []
    assert await house.summarised() == set()
    assert await house.judges() == {GUILD: ALICE, OTHER_GUILD: ALICE}
    await house.erasure.erase_guild(OTHER_GUILD, left=True)
    assert await house.judges() == {GUILD: ALICE}


async def test_an_added_store_is_told_of_edits(house: House) -> None:
    assert await house.revisions.edited(house.said[0], "something else", datetime.fromtimestamp(NOW_MS / 1000, UTC))
    assert await house.holders() == [(GUILD, BOB), (OTHER_GUILD, ALICE)]
    assert await house.summarised() == {OTHER_CHANNEL, CHANNEL + 2}


async def test_an_added_store_is_told_of_retention(house: House) -> None:
    house.pipeline.clock.advance(29 * DAY_SECONDS)
    kept = await house.pipeline.say("this is new", author=BOB)
    async with house.pipeline.db.write() as connection:
        badge = {"guild_id": GUILD, "channel_id": 7, "holder": BOB, "engraving": "new", "given_ms": NOW_MS}
        await connection.execute(insert(badges).values(message_id=kept.id, **badge))
    house.pipeline.clock.advance(2 * DAY_SECONDS)
    removed = await house.erasure.erase_expired(30)
    assert (removed["badges"], removed["summaries"]) == (3, 3)
    assert await house.holders() == [(GUILD, BOB)]
    assert await house.judges() == {GUILD: ALICE, OTHER_GUILD: ALICE}


async def test_what_an_added_store_has_kept_for_too_long_goes_though_its_message_is_long_gone(house: House) -> None:
    await house.erasure.erase_expired(-1)
    async with house.pipeline.db.write() as connection:
        late = {"channel_id": 9, "guild_id": GUILD, "text": CANARY, "made_ms": house.pipeline.clock()}
        await connection.execute(insert(summaries).values(late))
    house.pipeline.clock.advance(31 * DAY_SECONDS)
    assert (await house.erasure.erase_expired(30))["summaries"] == 1


async def test_an_added_store_is_in_the_export(house: House) -> None:
    sections = (await house.personal.give(ALICE, GUILD)).sections
    (badge,) = sections["badges"]
    assert (badge["holder"], badge["engraving"]) == (str(ALICE), CANARY)
    assert badge["given_ms"] == "2025-06-15T15:06:40+00:00"
    assert [record["text"] for record in sections["verdicts"]] == ["guilty"]
    assert len((await house.personal.give(ALICE)).sections["badges"]) == 2
    assert "summaries" not in sections


# --- what every table holds ------------------------------------------------------------------------------------------

STATES: dict[str, object] = {
    "messages.state": "pending",
    "memories.kind": "note",
    "memories.state": "current",
    "memories.origin": "extracted",
    "batches.state": "answered",
    "outbox.op": "upsert",
    "posts.state": "up",
    "requests.state": "asked",
    "rules.consent": "everybody",
    "rules.facts": "asked",
    "lifetimes.kind": "note",
    "audit.action": "settings",
    "audit.details": "{}",
}
"""What columns that hold nothing of anybody must say for a row to be one of the program's."""

OUTLIVES = {"tombstones.message_id", "consents.subject", "watermarks.subject", "requests.subject"}
"""What keeps the erased from coming back, and what finds the receipt."""

AT_HAND = {"requests.user_id", "requests.actor_id"}
"""Goes when whoever carries the erasure out is done with it."""


def probe(table: Table, subject: str) -> dict[str, object]:
    """A row of Alice's, made from what the columns say that they hold."""
    held: dict[object, object] = {
        Holds.USER_ID: ALICE,
        Holds.USER_HASH: subject,
        Holds.GUILD_ID: GUILD,
        Holds.CHANNEL_ID: CHANNEL,
        Holds.MESSAGE_ID: MESSAGE,
        Holds.SAID: CANARY,
        Holds.NAME: CANARY,
        Holds.TAKEN_IN: NOW_MS,
    }
    row: dict[str, object] = {}
    for column in table.columns:
        what = column.info["holds"]
        if what is not None:
            row[column.name] = held[what]
        elif str(column) in STATES:
            row[column.name] = STATES[str(column)]
        elif not (column.nullable or column.server_default or column.autoincrement is True):
            row[column.name] = _filler(column)
    return row


def _filler(column: Column[Any]) -> object:
    if isinstance(column.type, Boolean):
        return False
    return 1 if isinstance(column.type, Integer | BigInteger | Float) else "1"


async def put_probes(pipeline: Pipeline) -> None:
    """A row of Alice's in every table."""
    async with pipeline.db.write() as connection:
        for table in metadata.sorted_tables:
            row = probe(table, pipeline.hasher.subject(ALICE))
            if table.name not in ("consents", "meta"):  # they would opt her out, and undo the key of the hash
                await connection.execute(insert(table).values(row))
    await pipeline.db.scrub()


async def held(pipeline: Pipeline, *what: Holds) -> set[str]:
    """The columns that hold something of Alice's or of her message, among those that say that they hold such."""
    ours = {ALICE, MESSAGE, CANARY}
    found: set[str] = set()
    async with pipeline.db.read() as connection:
        for table in metadata.sorted_tables:
            for row in (await connection.execute(select(table))).mappings():
                found |= {str(column) for column in holding(table, *what) if row[column.name] in ours}
    return found


def declared(*what: Holds) -> set[str]:
    return {str(column) for table in metadata.sorted_tables for column in holding(table, *what)}


WORDS = (Holds.SAID, Holds.NAME, Holds.MESSAGE_ID)


async def test_every_kind_of_row_is_found_before_it_is_erased(pipeline: Pipeline) -> None:
    await put_probes(pipeline)
    assert await held(pipeline, *WORDS, Holds.USER_ID) == declared(*WORDS, Holds.USER_ID)


async def test_nothing_of_an_erased_member_is_left_in_any_table(pipeline: Pipeline) -> None:
    await put_probes(pipeline)
    assert (await pipeline.personal.delete(ALICE, GUILD)).complete
    assert await held(pipeline, *WORDS, Holds.USER_ID) <= OUTLIVES | AT_HAND


@pytest.mark.parametrize("way", ["channel", "guild", "messages", "edit"])
@pytest.mark.matrix
async def test_nothing_of_what_went_is_left_in_any_table(pipeline: Pipeline, way: str) -> None:
    await put_probes(pipeline)
    match way:
        case "channel":
            await pipeline.erasure.erase_channel(GUILD, CHANNEL)
        case "guild":
            await pipeline.erasure.erase_guild(GUILD)
        case "messages":
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [MESSAGE])
        case "edit":
            await pipeline.revisions.edited(MESSAGE, "something else", datetime.fromtimestamp(NOW_MS / 1000, UTC))
    await pipeline.indexer.drain()
    if way == "edit":
        assert await held(pipeline, Holds.SAID) == set()
    else:
        assert await held(pipeline, *WORDS) <= OUTLIVES


async def test_memories_alone_outlive_what_was_said(pipeline: Pipeline) -> None:
    await put_probes(pipeline)
    pipeline.clock.advance(31 * DAY_SECONDS)
    await pipeline.erasure.erase_expired(30)
    assert await held(pipeline, Holds.SAID) == {"memories.text"}


async def test_every_store_counts_and_gives_what_it_has_of_a_member(pipeline: Pipeline) -> None:
    await put_probes(pipeline)
    for store in pipeline.stores:
        columns = {str(column) for table in store.tables for column in holding(table, Holds.USER_ID)}
        if not columns:
            continue
        assert any((await store.give(ALICE, GUILD)).values()), store.name
        assert not any((await store.give(BOB, GUILD)).values()), store.name
        if not columns <= AT_HAND:
            assert (await store.count(Scope(user_id=ALICE, guild_id=GUILD))).total(), store.name
            assert not (await store.count(Scope(user_id=BOB, guild_id=GUILD))).total(), store.name
