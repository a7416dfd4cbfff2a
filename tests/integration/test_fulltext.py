"""The full-text index over a real database: who may read is part of the match, and no text can forge it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from bot.domain import snowflake
from bot.observe.messagelog import MessageLog
from bot.storage import messages
from bot.storage.engine import Database
from bot.text import fulltext as module
from bot.text.analysis import question_terms
from bot.text.fulltext import FullText, FullTextEntry, SearchScope
from bot.text.scope_tokens import author_token, channel_token, guild_token, mention_token
from bot.text.statistics import KEPT_MS, Statistics
from tests.fixtures.recall import ADA, BEN, Chat
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock, SaidFactory

pytestmark = pytest.mark.both_databases(fast=True)

OTHER_GUILD = GUILD + 1
HERE = SearchScope(guild_id=GUILD)


@pytest.fixture
def fulltext(database: Database) -> FullText:
    return FullText(database.dialect)


async def find(database: Database, *words: str, scope: SearchScope = HERE, limit: int = 100) -> set[int]:
    """Rows that hold every word."""
    fulltext = FullText(database.dialect)
    async with database.read() as connection:
        (rows,) = await fulltext.newest(connection, "messages", scope, [[[word] for word in words]], limit)
    assert len(rows) == len(set(rows))
    return set(rows)


async def put(database: Database, *entries: FullTextEntry) -> None:
    rows = [
        {"id": one.rowid, "guild_id": one.guild_id, "channel_id": one.channel_id, "author_id": ADA, "content": ""}
        for one in entries
    ]
    async with database.write() as connection:
        ids = [row["id"] for row in rows]
        await connection.execute(delete(messages).where(messages.c.id.in_(ids)))
        await connection.execute(insert(messages), [{**row, "logged_ms": 0, "state": "pending"} for row in rows])
        await FullText(database.dialect).add(connection, "messages", entries)


def entry(
    rowid: int, text: str, *, guild: int = GUILD, channel: int = CHANNEL, authors: Collection[int] = (ADA,)
) -> FullTextEntry:
    return FullTextEntry(rowid, guild, channel, authors, text)


async def test_what_was_added_is_found_and_what_was_removed_is_not(database: Database, fulltext: FullText) -> None:
    await put(database, entry(1, "a red kite"), entry(2, "a red car"))
    assert await find(database, "red") == {1, 2}
    async with database.write() as connection:
        await fulltext.remove(connection, "messages", [1, 99])
    assert await find(database, "red") == {2}


async def test_a_new_text_takes_the_place_of_the_old_one(database: Database) -> None:
    await put(database, entry(1, "a red kite"))
    await put(database, entry(1, "a green kite"))
    assert await find(database, "red") == set()
    assert await find(database, "kite") == {1}


async def test_a_search_stays_in_its_guild_channels_author_and_time(database: Database) -> None:
    await put(
        database,
        entry(1, "kite"),
        entry(2, "kite", channel=7),
        entry(3, "kite", channel=8, authors=[BEN]),
        entry(4, "kite", guild=OTHER_GUILD, channel=9),
    )
    assert await find(database, "kite") == {1, 2, 3}
    assert await find(database, "kite", scope=SearchScope(guild_id=GUILD, channel_ids=frozenset({7, 8}))) == {2, 3}
    assert await find(database, "kite", scope=SearchScope(guild_id=GUILD, author_id=BEN)) == {3}
    assert await find(database, "kite", scope=SearchScope(guild_id=GUILD, since=2, until=2)) == {2}


@pytest.mark.slow
@pytest.mark.parametrize("readable", [1, 30, 59, 60])
async def test_many_channels_are_searched_as_few_ones_are(chat: Chat, database: Database, readable: int) -> None:
    """With few channels, with many, with all but one and with all the database is asked in different ways."""
    said = {channel: await chat.say(ADA, "a kite", channel=channel) for channel in range(1, 61)}
    theirs = frozenset(range(1, readable + 1))
    scope = SearchScope(guild_id=GUILD, channel_ids=theirs, hidden_ids=frozenset(range(readable + 1, 61)))
    assert await find(database, "kite", scope=scope) == {said[channel].id for channel in theirs}


async def test_the_newest_rows_come_where_there_are_too_many(database: Database) -> None:
    await put(database, *(entry(number, "kite") for number in range(1, 21)))
    assert await find(database, "kite", limit=5) == {16, 17, 18, 19, 20}


@pytest.mark.parametrize(
    "text",
    [
        channel_token(9),
        guild_token(OTHER_GUILD),
        author_token(BEN),
        mention_token(BEN),
        "c_9 OR c_9",
        '" c_9 "',
        "<@c_9> c_9",
        "C_9",
        "ｃ＿9",
    ],
)
@pytest.mark.matrix(fast=2)
async def test_no_text_can_pretend_to_be_elsewhere_or_by_somebody_else(database: Database, text: str) -> None:
    await put(database, entry(1, f"kite {text}"))
    for token in (channel_token(9), guild_token(OTHER_GUILD), author_token(BEN), mention_token(BEN)):
        assert await find(database, "kite", token) == set()
    assert await find(database, "kite", scope=SearchScope(guild_id=GUILD, channel_ids=frozenset({9}))) == set()


async def test_a_mention_is_found_by_whom_it_mentions(database: Database) -> None:
    await put(database, entry(1, f"thanks <@{BEN}>"), entry(2, "thanks"))
    assert await find(database, mention_token(BEN)) == {1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(text=st.text(min_size=1, max_size=60))
@pytest.mark.matrix
async def test_any_text_can_be_stored_and_is_found_by_its_own_words(database: Database, text: str) -> None:
    await put(database, entry(1, text))
    for word in question_terms(text):
        fulltext = FullText(database.dialect)
        async with database.read() as connection:
            (rows,) = await fulltext.newest(connection, "messages", HERE, [[word]], 10)
        if any(letter.isalnum() for term in word for letter in term):
            assert rows == [1]


async def frequencies(database: Database, words: Sequence[Sequence[str]], scope: SearchScope = HERE) -> list[float]:
    statistics = Statistics(FullText(database.dialect), FakeClock())
    async with database.read() as connection:
        corpus = await statistics.corpus(connection, "messages", scope, [tuple(word) for word in words])
    return [corpus.documents, *corpus.frequencies]


async def test_frequencies_are_of_the_guild_and_any_form_of_a_word_counts_once(database: Database) -> None:
    await put(
        database,
        entry(1, "kite"),
        entry(2, "kite dragon"),
        entry(3, "dragon"),
        entry(4, "kite", guild=OTHER_GUILD),
    )
    assert await frequencies(database, [("kite",), ("kite", "dragon"), ("unknown",)]) == [3, 2, 3, 0]
    assert await frequencies(database, [("kite",)], SearchScope(guild_id=5)) == [0, 0]


async def test_past_the_limit_a_frequency_is_estimated(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(database, *(entry(100 + number, "kite" if number % 2 else "kite dragon") for number in range(100)))
    monkeypatch.setattr(module, "COUNTED", 20)
    monkeypatch.setattr("bot.text.statistics.COUNTED", 20)
    everything, kite, dragon = await frequencies(database, [("kite",), ("dragon",)])
    assert everything == pytest.approx(100, rel=0.1)
    assert kite == pytest.approx(100, rel=0.1)
    assert dragon == pytest.approx(50, rel=0.1)


async def test_past_the_limit_what_is_said_where_one_can_not_read_changes_no_estimate(
    chat: Chat, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COUNTED", 20)
    monkeypatch.setattr("bot.text.statistics.COUNTED", 20)
    monkeypatch.setattr(module, "CHANNELS_IN_MATCH", 1)
    monkeypatch.setattr("bot.text.statistics.CHANNELS_IN_MATCH", 1)
    theirs, hidden = frozenset({CHANNEL, CHANNEL + 1}), frozenset({CHANNEL + 2, CHANNEL + 3})
    scope = SearchScope(guild_id=GUILD, channel_ids=theirs, hidden_ids=hidden)
    await chat.talk([(ADA, "a kite" if number % 4 else "a kite and a dragon") for number in range(100)])
    words = [("kite",), ("dragon",)]
    _, kites, dragons = await frequencies(database, words, scope)
    await chat.talk([(BEN, "a dragon")] * 15, channel=CHANNEL + 2)
    _, kites_still, dragons_still = await frequencies(database, words, scope)
    assert kites_still == pytest.approx(kites, rel=0.25)
    assert dragons_still == pytest.approx(dragons, rel=0.25)


async def test_figures_of_a_large_guild_are_kept_for_a_while(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.text.statistics.STEADY", 2)
    statistics = Statistics(FullText(database.dialect), clock)

    async def kites() -> float:
        async with database.read() as connection:
            return (await statistics.corpus(connection, "messages", HERE, [("kite",)])).frequencies[0]

    await put(database, entry(1, "kite"))
    assert await kites() == 1
    await put(database, entry(2, "kite"))
    assert await kites() == 2  # small: counted anew
    await put(database, entry(3, "kite"))
    assert await kites() == 2
    clock.advance(KEPT_MS / 1000)
    assert await kites() == 3


async def test_the_log_keeps_its_messages_findable(log: MessageLog, make_said: SaidFactory, database: Database) -> None:
    await log.append([make_said("a kite", id=snowflake.from_ms(NOW_MS))])
    assert await find(database, "kite", author_token(make_said().message.author_id), channel_token(CHANNEL))
