"""Recall itself: understands the question, asks both tracks, and gives back what fits and may be shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from bot.domain import Clock, Hit, HitKind, Line, Memory, MemoryKind, Phrase, references, snowflake, system_clock
from bot.guilds import ZoneOf, utc_of
from bot.observe import storable
from bot.recall.excerpts import BREAK, CONSIDERED, Excerpt, choose
from bot.recall.hits import memory_hit
from bot.recall.memories import FUSION, MemorySearch, Near, convincing
from bot.recall.messages import MessageSearch
from bot.recall.query import RecallQuery, RecallResult
from bot.recall.question import Question, understand
from bot.recall.quote import quote
from bot.recall.ranking import RankedMessage
from bot.recall.replies import with_replies
from bot.recall.scope import scope_of
from bot.recall.strength import with_strength
from bot.text import FullText, Statistics, terms

if TYPE_CHECKING:
    from bot.index import MessageVectors, VectorIndex
    from bot.memories import MemoryStore
    from bot.observe import Directory
    from bot.storage import Database

MEMORY_SHARE = 0.4
"""Of the hits and of their characters, memories take at most this part: what was said is the better witness."""

EXCERPT_WEIGHT = 1.5
"""An excerpt counts as much as a memory that was found both by words and, further down, by meaning."""

FITTING = 0.5
"""A question about a time is answered from that time alone where one hit has at least so much of its subject's words.

Otherwise other times are looked at too: people mix up dates."""

T = TypeVar("T")

Timed = Callable[[str, float], None]
"""Told each stage of a recall that is over, and its seconds."""


def _nobody(stage: str, seconds: float) -> None:
    """Tell nobody."""


class Recall:
    """Finds what answers a question among memories and messages."""

    def __init__(
        self,
        db: Database,
        fulltext: FullText,
        index: VectorIndex,
        directory: Directory,
        store: MemoryStore,
        clock: Clock = system_clock,
        timed: Timed = _nobody,
        message_vectors: MessageVectors | None = None,
        zone_of: ZoneOf = utc_of,
    ) -> None:
        statistics = Statistics(fulltext, clock)
        self._db = db
        self._directory = directory
        self._clock = clock
        self._timed = timed
        self._message_vectors = message_vectors
        self._zone_of = zone_of
        self._messages = MessageSearch(fulltext, statistics)
        self._memories = MemorySearch(fulltext, statistics, index, store)

    async def search(self, query: RecallQuery) -> RecallResult:
        """Answer `query` with hits in order of rank; an index that is down costs a note, never an exception."""
        if not query.text.strip() or query.channel_ids == frozenset():
            return RecallResult(())
        started = time.monotonic()
        # no service takes half of a surrogate pair
        query = replace(query, text=storable(query.text), earlier=storable(query.earlier))
        question, plain_text = await self._stage("understand", self._understand(query))
        result, fit = await self._search(question, plain_text, query)
        if question.restricts and (fits := fit()) < FITTING:
            elsewhen, better = await self._search(question.without_restriction(), plain_text, query)
            if better() > fits:
                result = replace(elsewhen, notes=(*elsewhen.notes, _from_other_times(question)))
        self._timed("all", time.monotonic() - started)
        return result

    async def _search(
        self, question: Question, plain_text: str, query: RecallQuery
    ) -> tuple[RecallResult, Callable[[], float]]:
        """The hits, and what tells how much of the subject of the question the best of them has, from 0 to 1."""
        if self._message_vectors is not None and self._message_vectors.held:
            near, note, ranked, rows = await self._with_messages_by_meaning(question, plain_text, query)
        else:
            (near, note), (ranked, rows) = await asyncio.gather(
                self._stage("meaning", self._memories.by_meaning(plain_text, _of_its_time(query, question))),
                self._stage("words", self._by_words(question, query)),
            )
        above = {match.memory_id: match.above for match in convincing(near, words_found=bool(ranked or rows))}
        memories = await self._stage("fuse", self._memories.fuse(rows, list(above), question, query))
        further = await self._stage("further", self._further(question, ranked, query)) if query.for_answer else []
        lines = (ranked[:CONSIDERED], further[:CONSIDERED])
        hits = await self._stage("quote", self._hits(lines, memories, question, query))
        if query.for_answer and query.author_id is None:
            async with self._db.read() as connection:
                hits = await with_replies(connection, hits, query)
        result = RecallResult(tuple(with_strength(hits, question, ranked, above)), (note,) if note else ())
        return result, partial(_fit, question, ranked, [memory for memory, _ in memories])

    async def _stage(self, name: str, work: Coroutine[Any, Any, T]) -> T:
        started = time.monotonic()
        result = await work
        self._timed(name, time.monotonic() - started)
        return result

    async def _understand(self, query: RecallQuery) -> tuple[Question, str]:
        """The question as it is understood, and its text with names in it."""
        question, names = await self._read(query.text, query)
        if query.earlier:
            earlier, others = await self._read(query.earlier, query)
            question, names = question.after(earlier), {**others, **names}
        return question, references.with_names(query.in_full, names)

    async def _read(self, text: str, query: RecallQuery) -> tuple[Question, dict[int, str]]:
        """One question as it is understood, and the members whom it names."""
        names = await self._directory.find(query.guild_id, text)
        names |= await self._directory.names(query.guild_id, references.people_in([text]) - names.keys())
        moments = (query.asked_at, query.until, snowflake.from_ms(self._clock()))
        newest = next(moment for moment in moments if moment is not None)
        zone = self._zone_of(query.guild_id)
        return understand(text, names=names, asker_id=query.asker_id, newest=newest, zone=zone), names

    async def _with_messages_by_meaning(
        self, question: Question, plain_text: str, query: RecallQuery
    ) -> tuple[list[Near], str | None, list[RankedMessage], list[int]]:
        """Both tracks, with messages found by meaning among those found by words."""
        timed = _of_its_time(query, question)
        near, note = await self._stage("meaning", self._memories.by_meaning(plain_text, timed))
        matches, _ = await self._memories.by_meaning(plain_text, timed, messages=True) if note is None else ([], None)
        nearby = [line.said_id for line in matches]
        ranked, rows = await self._stage("words", self._by_words(question, query, nearby))
        words_found = bool(rows) or any(sum(line.by_word) > 0 for line in ranked)
        return near, note, ranked if words_found or convincing(matches, words_found=False) else [], rows

    async def _by_words(
        self, question: Question, query: RecallQuery, near: Sequence[int] = ()
    ) -> tuple[list[RankedMessage], list[int]]:
        async with self._db.read() as connection:
            scope = await scope_of(connection, query)
            rows = await self._memories.by_words(connection, question, scope)
            return await self._messages.search(connection, question, query, scope, near), rows

    async def _further(
        self, question: Question, ranked: Sequence[RankedMessage], query: RecallQuery
    ) -> list[RankedMessage]:
        async with self._db.read() as connection:
            scope = await scope_of(connection, query)
            return await self._messages.further(connection, question, query, scope, ranked)

    async def _hits(
        self,
        tracks: Sequence[Sequence[RankedMessage]],
        memories: Sequence[tuple[Memory, float]],
        question: Question,
        query: RecallQuery,
    ) -> list[Hit]:
        """What fits into the answer: the best memories, and excerpts of each track in the room that is left."""
        names = await self._names(chain(*tracks), memories, query.guild_id)
        shown = _fitting(memories, names, query)
        room = query.max_chars - sum(_size(memory.text, names) for memory, _ in shown)
        limit = max(1, query.limit - len(shown))
        excerpts: list[Excerpt] = []

        def size(line: RankedMessage) -> int:
            return _size(_line(line, question), names)

        for ranked in tracks:
            chosen = choose(ranked, limit=limit, room=room, size=size, several=question.several)
            excerpts += chosen
            limit -= len(chosen)
            room -= sum(size(line) + len("\n") for excerpt in chosen for line in excerpt.lines)
        hits = _merged(shown, excerpts, question, query)
        return sorted(hits, key=lambda hit: -hit.score)[: query.limit]

    async def _names(
        self, lines: Iterable[RankedMessage], memories: Iterable[tuple[Memory, float]], guild_id: int
    ) -> dict[int, str]:
        spoken = [line.spoken for line in lines]
        people = references.people_in([*(line.content for line in spoken), *(memory.text for memory, _ in memories)])
        return await self._directory.names(guild_id, people | {line.author_id for line in spoken})


def _of_its_time(query: RecallQuery, question: Question) -> RecallQuery:
    """The query for what was said in the time that the question asks about."""
    if not question.restricts:
        return query
    first, last = min(span.first for span in question.spans), max(span.last for span in question.spans)
    until = last if query.until is None else min(last, query.until)
    return replace(query, since=max(first, query.since or first), until=until)


def _fit(question: Question, ranked: Sequence[RankedMessage], memories: Sequence[Memory]) -> float:
    """The share of the words of the question's subject that the best message, with what is around it, or memory has.

    Without a subject whatever was said fits. What only tells the year that is asked about is no witness of it.
    """
    subject = [(place, question.words[place].terms) for place in sorted(question.subject)]
    years = question.restricts and question.is_long
    lines = [line for line in ranked if not years or question.admits(line.spoken.id)]
    if not subject:
        return float(bool(lines or memories))
    texts = [frozenset(terms(memory.text)) for memory in memories]
    held = [sum(line.by_word[place] > 0 for place, _ in subject) for line in lines]
    held += [sum(not text.isdisjoint(wanted) for _, wanted in subject) for text in texts]
    return max(held, default=0) / len(subject)


def _from_other_times(question: Question) -> str:
    """That the time asked about has nothing on it, or less than others."""
    times = reduce(
        lambda earlier, later: Phrase("{earlier} or {later}", earlier=earlier, later=later),
        (span.words for span in question.spans),
    )
    return Phrase("Nothing that fits well was said {times}, so this is from other times too.", times=times)


def _fitting(
    memories: Sequence[tuple[Memory, float]], names: Mapping[int, str], query: RecallQuery
) -> list[tuple[Memory, float]]:
    room = query.max_chars * MEMORY_SHARE
    fitting: list[tuple[Memory, float]] = []
    for memory, score in memories:
        size = _size(memory.text, names)
        if size <= room and len(fitting) < max(1, round(query.limit * MEMORY_SHARE)):
            fitting.append((memory, score))
            room -= size
    return fitting


def _merged(
    memories: Sequence[tuple[Memory, float]], excerpts: Sequence[Excerpt], question: Question, query: RecallQuery
) -> list[Hit]:
    """Memories and excerpts as hits; an excerpt of nothing but a memory's own messages speaks for the memory.

    It does not for a topic, which says less than its messages.
    """
    scores = [score for _, score in memories]
    cited = [
        {c.message_id for c in memory.citations} if memory.kind is not MemoryKind.TOPIC else frozenset()
        for memory, _ in memories
    ]
    hits = []
    for rank, excerpt in enumerate(excerpts, start=1):
        score = EXCERPT_WEIGHT / (FUSION + rank)
        quoted = {line.spoken.id for line in excerpt.lines}
        spoken_for = next((number for number, messages in enumerate(cited) if quoted <= messages), None)
        if spoken_for is None:
            hits.append(_excerpt_hit(excerpt, score, question, query.guild_id))
        else:
            scores[spoken_for] += score
    return hits + [memory_hit(memory, score) for (memory, _), score in zip(memories, scores, strict=True)]


def _excerpt_hit(excerpt: Excerpt, score: float, question: Question, guild_id: int) -> Hit:
    text = [
        (f"{BREAK}\n" if excerpt.breaks_before(number) else "") + _line(line, question)
        for number, line in enumerate(excerpt.lines)
    ]
    best, spoken = excerpt.best.spoken, [line.spoken for line in excerpt.lines]
    return Hit(
        kind=HitKind.MESSAGE,
        text="\n".join(text),
        score=score,
        guild_id=guild_id,
        channel_ids=frozenset({best.channel_id}),
        message_ids=tuple(line.id for line in spoken),
        author_ids=tuple(dict.fromkeys(line.author_id for line in spoken)),
        anchor=best.id,
        anchor_channel_id=best.channel_id,
        lines=tuple(Line(line.id, line.author_id, quote(line.content, question)) for line in spoken),
    )


def _line(line: RankedMessage, question: Question) -> str:
    return f"<@{line.spoken.author_id}>: {quote(line.spoken.content, question)}"


def _size(text: str, names: Mapping[int, str]) -> int:
    return len(references.with_names(text, names))
