"""The lexical half of recall: messages of the log that answer a question, scored with what was said around them."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from heapq import nlargest
from itertools import combinations

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.recall.expansion import relevance, widened
from bot.recall.query import RecallQuery
from bot.recall.question import Question
from bot.recall.ranking import REACH, RankedMessage, Spoken, count, own_scores, own_weights, raised, rank, rarity
from bot.storage import messages
from bot.text import FullText, SearchScope, Statistics, author_token, document_length, guild_token

NEWEST = 800
"""Rows fetched for one word. Of a word that more messages hold, older ones are found where it meets another word."""

TOGETHER = 3
"""Of the words that hit that limit, so many (the rarest) are also looked for in pairs and threes."""

FIRST_LOOK = 200
"""Messages whose own words are scored."""

CENTRES = 60
"""Of these, the best, with their neighbours, are scored with their surroundings."""

NEAR_CENTRES = 30
"""So many of the messages nearest in meaning are scored with their surroundings as well."""

SAID_THEN = 200
"""Messages of a date that the question names."""

DATED = 50
"""Messages of other times that are looked at for each word, for they may tell a day of the time that is asked about."""

MOST_SPANS = 3
"""Times of a question that are looked at."""

_END = 2**63 - 1


_SPOKEN = select(messages.c.id, messages.c.channel_id, messages.c.author_id, messages.c.content).where(
    messages.c.id.in_(bindparam("ids", expanding=True)), messages.c.guild_id == bindparam("guild_id")
)


def _around_centres() -> Select[int, int]:
    """Messages with up to REACH neighbours in their channels on either side; those that are bound as `centres`."""
    centre, other = messages.alias("centre"), messages.alias("other")
    in_channel = select(other.c.id).where(other.c.channel_id == centre.c.channel_id).limit(1).offset(REACH)
    first = in_channel.where(other.c.id <= centre.c.id).order_by(other.c.id.desc()).scalar_subquery()
    last = in_channel.where(other.c.id >= centre.c.id).order_by(other.c.id).scalar_subquery()
    around = (
        select(
            centre.c.id,
            centre.c.channel_id,
            func.coalesce(first, 0).label("first"),
            func.coalesce(last, _END).label("last"),
        )
        .where(centre.c.id.in_(bindparam("centres", expanding=True)))
        .subquery()
    )
    return (
        select(around.c.id, messages.c.id)
        .join(messages, messages.c.channel_id == around.c.channel_id)
        .where(messages.c.id.between(around.c.first, around.c.last))
        .order_by(messages.c.channel_id, around.c.id, messages.c.id)
    )


_AROUND = _around_centres()


class MessageSearch:
    """Finds messages by words."""

    def __init__(self, fulltext: FullText, statistics: Statistics) -> None:
        self._fulltext = fulltext
        self._statistics = statistics

    async def search(
        self,
        connection: AsyncConnection,
        question: Question,
        query: RecallQuery,
        scope: SearchScope,
        near: Sequence[int] = (),
    ) -> list[RankedMessage]:
        """Messages in scope that answer `question` and that the asker may read, best first.

        Args:
            connection: reads.
            question: what is asked.
            query: who may read what.
            scope: where to look.
            near: messages that are near in meaning, best first; the index found them in scope.
        """
        if not question.words and not near:
            return []
        words = [word.terms for word in question.words]
        corpus = await self._statistics.corpus(connection, "messages", scope, words)
        weights = rarity(corpus.documents, corpus.frequencies)
        dated: list[int] = []
        if question.restricts:
            dated = await self._dated(connection, question, scope)
            scopes = _scopes(question, scope)
        else:
            scopes = [scope]
        candidates = list(dated)
        for each in scopes:
            candidates += await self._candidates(connection, question, weights, each)
        documents = await self._fulltext.documents(connection, "messages", candidates)
        mean_length = statistics.fmean(map(document_length, documents.values())) if documents else 1.0
        worded = _best(question, weights, mean_length, documents)
        centres = list(dict.fromkeys([*worded, *near[:NEAR_CENTRES]]))
        stretches = await _stretches(connection, centres, query)
        spoken = await self._spoken(connection, question, {i for stretch in stretches for i in stretch}, query)
        runs = [[spoken[i] for i in stretch if i in spoken] for stretch in stretches]
        ranked = rank(question, weights, mean_length, runs, near)
        if question.restricts:
            near_dated = _around({line.place for line in ranked if line.spoken.id in set(dated)})
            ranked = [line for line in ranked if question.admits(line.spoken.id) or line.place in near_dated]
        return [line for line in ranked if _may_show(line.spoken, query)]

    async def further(
        self,
        connection: AsyncConnection,
        question: Question,
        query: RecallQuery,
        scope: SearchScope,
        ranked: Sequence[RankedMessage],
    ) -> list[RankedMessage]:
        """Messages that share telling words with the best of `ranked`, and are not among them; best first."""
        weights = relevance(question, ranked)
        if not weights:
            return []
        corpus = await self._statistics.corpus(connection, "messages", scope, list(weights))
        lines = await self.search(connection, widened(question, weights, corpus), query, scope)
        known = {line.spoken.id for line in ranked}
        return [line for line in lines if line.spoken.id not in known]

    async def _dated(self, connection: AsyncConnection, question: Question, scope: SearchScope) -> list[int]:
        """Messages of other times that tell a day of those which the question names, with a word of its subject."""
        subject = [question.words[place].terms for place in sorted(question.subject)]
        by_name = [[terms, question.dates] for terms in subject] or [[question.dates]]
        rows = await self._fulltext.newest(connection, "messages", scope, by_name if question.dates else [], DATED)
        for span in question.spans[:MOST_SPANS]:
            for since, until in ((span.told_from, span.first - 1), (span.last + 1, span.told_until)):
                near = _between(scope, since, until)
                rows += await self._fulltext.newest(connection, "messages", near, [[terms] for terms in subject], DATED)
        ids = {row for each in rows for row in each if not question.admits(row)}
        contents = await connection.execute(select(messages.c.id, messages.c.content).where(messages.c.id.in_(ids)))
        return [row.id for row in contents.all() if question.is_dated(row.content, row.id)]

    async def _candidates(
        self, connection: AsyncConnection, question: Question, weights: Sequence[float], scope: SearchScope
    ) -> list[int]:
        """The messages that hold the most telling words together, newer ones first among equals."""
        worth = own_weights(question, weights)
        words = [word.terms for word in question.words]
        rowids = await self._fulltext.newest(connection, "messages", scope, [[word] for word in words], NEWEST)
        common = sorted((i for i, rows in enumerate(rowids) if len(rows) >= NEWEST), key=lambda i: -worth[i])
        meetings = [numbers for size in (2, 3) for numbers in combinations(common[:TOGETHER], size)]
        wanted = [[words[i] for i in numbers] for numbers in meetings]
        met = await self._fulltext.newest(connection, "messages", scope, wanted, NEWEST)
        best = _most_telling(
            worth, [*(((i,), rows) for i, rows in enumerate(rowids)), *zip(meetings, met, strict=True)]
        )
        return list(dict.fromkeys([*best, *await self._said_then(connection, question, scope)]))

    async def _said_then(self, connection: AsyncConnection, question: Question, scope: SearchScope) -> list[int]:
        """What was said on the date that the question names, by whom it names, whatever the words."""
        by = [author_token(user_id) for user_id in sorted(question.people)] or [guild_token(scope.guild_id)]
        row_ids: list[int] = []
        for then in _scopes(question, scope):
            (rows,) = await self._fulltext.newest(connection, "messages", then, [[by]], SAID_THEN)
            row_ids += rows
        return row_ids

    async def _spoken(
        self, connection: AsyncConnection, question: Question, ids: Collection[int], query: RecallQuery
    ) -> dict[int, Spoken]:
        """Messages as ranking sees them."""
        documents = await self._fulltext.documents(connection, "messages", ids)
        rows = await connection.execute(_SPOKEN, {"ids": list(ids), "guild_id": query.guild_id})
        spoken = {}
        for row in rows.all():
            tokens = documents.get(row.id, [])
            spoken[row.id] = Spoken(*row, count(question, tokens), document_length(tokens))
        return spoken


def _scopes(question: Question, scope: SearchScope) -> list[SearchScope]:
    """The times that the question names, each with the time shortly around it."""
    return [
        _between(scope, span.first, span.last)
        if span.restricts
        else _between(scope, span.around_start, span.around_end - 1)
        for span in question.spans[:MOST_SPANS]
    ]


def _between(scope: SearchScope, since: int, until: int) -> SearchScope:
    return replace(scope, since=max(since, scope.since or since), until=min(until, scope.until or until))


def _around(places: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Places in runs with their surroundings."""
    return {(run, at + step) for run, at in places for step in range(-REACH, REACH + 1)}


def _most_telling(worth: Sequence[float], documents: Iterable[tuple[Sequence[int], Iterable[int]]]) -> list[int]:
    """The rows that hold words worth most together; of equals the newest.

    Args:
        worth: what each word is worth.
        documents: numbers of words, with rows that hold all of them.
    """
    held: dict[int, int] = {}  # the words of each row, as bits: there are thousands of rows
    for numbers, rows in documents:
        bits = sum(1 << number for number in numbers)
        for row in rows:
            held[row] = held.get(row, 0) | bits
    value = {bits: sum(w for number, w in enumerate(worth) if bits >> number & 1) for bits in set(held.values())}
    return nlargest(FIRST_LOOK, held, key=lambda row: (value[held[row]], row))


def _best(
    question: Question, weights: Sequence[float], mean_length: float, documents: dict[int, list[str]]
) -> list[int]:
    """The messages whose own words answer best: worth a look at what was said around them."""
    authors = {author_token(user_id): user_id for user_id in question.people}
    worth = own_weights(question, weights)
    scores = {}
    for rowid, tokens in documents.items():
        author_id = next((authors[token] for token in tokens[:3] if token in authors), 0)
        spoken = Spoken(rowid, 0, author_id, "", count(question, tokens), document_length(tokens))
        scores[rowid] = raised(question, sum(own_scores(worth, mean_length, spoken)), spoken)
    return sorted(scores, key=lambda rowid: (-scores[rowid], -rowid))[:CENTRES]


async def _stretches(connection: AsyncConnection, centres: Collection[int], query: RecallQuery) -> list[list[int]]:
    """The centres with up to REACH neighbours in their channels on either side, as stretches without gaps."""
    rows = await connection.execute(_AROUND, {"centres": list(centres)})
    neighbours: dict[int, list[int]] = {}
    for centre_id, message_id in rows.all():
        if query.admits(message_id):
            neighbours.setdefault(centre_id, []).append(message_id)
    return _joined(neighbours.values())


def _joined(stretches: Iterable[list[int]]) -> list[list[int]]:
    """Stretches that overlap become one; they come by channel, oldest first."""
    joined: list[list[int]] = []
    for stretch in stretches:
        if joined and stretch[0] in joined[-1][-2 * REACH - 1 :]:
            joined[-1] += [message_id for message_id in stretch if message_id > joined[-1][-1]]
        else:
            joined.append(list(stretch))
    return joined


def _may_show(spoken: Spoken, query: RecallQuery) -> bool:
    by_author = query.author_id is None or spoken.author_id == query.author_id
    return by_author and query.admits(spoken.id) and query.may_read(frozenset({spoken.channel_id}))
