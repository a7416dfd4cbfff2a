"""The numbered lines that an answer may stand on: messages of excerpts, and memories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo

from bot.domain import SOMEBODY, Hit, snowflake, with_names
from bot.llm import estimate_tokens
from bot.recall.answers.wording import is_order
from bot.text import own_words, terms, with_dates

MOST_SOURCES = 24
"""Lines that a model is given: some eight hits; small models lose the thread in more."""

SOURCE_TOKENS = 1_000
"""Tokens of all lines together, as they are estimated; an 8B model at home answers from so many within two seconds."""

LINE_CHARS = 400
LINES_A_HIT = 7


@dataclass(frozen=True, slots=True)
class Source:
    """One line that may be cited.

    Attributes:
        number: by which the model cites it.
        hit: the hit that it belongs to, by its place.
        message_id: where a citation of it leads.
        speaker: who said it, by name; of a memory all its speakers.
        said: its words, people by name, with the dates behind relative times.
        day: when it was said, where the members are.
        terms: the terms of its words and of its speaker's name.
    """

    number: int
    hit: int
    message_id: int
    channel_id: int
    speaker: str
    said: str
    day: date
    terms: frozenset[str]

    @property
    def line(self) -> str:
        """As the model is shown it."""
        return f"{self.number} | {self.day:%Y-%m-%d} | {self.speaker}: {self.said}"


def sources_of(
    hits: Sequence[Hit],
    names: Mapping[int, str],
    redact: Callable[[str], str],
    *,
    zone: tzinfo = UTC,
    tokens: int = SOURCE_TOKENS,
) -> list[Source]:
    """The lines of hits, best hit first, until there are enough.

    What speaks to a model instead of to people is left out, and so is what nothing is left of without quotes. Secrets
    are taken out with `redact`: what is found is shown to people, but it need not be shown to a model.
    """
    sources: list[Source] = []
    for place, hit in enumerate(hits):
        for message_id, author_ids, text in _lines(hit):
            day = snowflake.to_datetime(message_id).astimezone(zone).date()
            words = redact(_words(text, day, names))
            if not words or is_order(words):
                continue
            speaker = _plain(", ".join(names.get(author_id, SOMEBODY) for author_id in author_ids[:3]))
            source = Source(
                number=len(sources) + 1,
                hit=place,
                message_id=message_id,
                channel_id=hit.anchor_channel_id,
                speaker=speaker,
                said=words,
                day=day,
                terms=frozenset(terms(f"{speaker} {words}")),
            )
            tokens -= estimate_tokens(source.line)
            if tokens < 0 or len(sources) == MOST_SOURCES:
                return sources
            sources.append(source)
    return sources


def _lines(hit: Hit) -> list[tuple[int, tuple[int, ...], str]]:
    if hit.memory is not None:
        return [(hit.anchor, hit.author_ids, hit.text)]
    return [(line.message_id, (line.author_id,), line.content) for line in hit.around_anchor(LINES_A_HIT)]


def _words(text: str, day: date, names: Mapping[int, str]) -> str:
    words = _plain(with_names(own_words(text), names))
    if len(words) > LINE_CHARS:
        words = words[:LINE_CHARS].rsplit(" ", 1)[0]
    return with_dates(words, day)


def _plain(text: str) -> str:
    """On one line and without the bar between the parts of a line, so that nobody can forge one."""
    return " ".join(text.replace("|", "¦").split())
