"""Whether a sentence of a model is said by the lines that it cites: words, names, numbers, dates, addresses, and "not".

A model's word is not taken for it. What a question says lends words to an answer only where the lines say them too,
so that a model can't confirm what nobody said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date

from bot.recall.answers.sources import Source
from bot.recall.answers.wording import NEGATION, ends, is_order
from bot.text import (
    URL,
    VALUE,
    all_said,
    denies_alike,
    folded,
    is_english,
    question_terms,
    relative_times,
    terms,
    values,
)

MOST_CHARS = 350
"""A sentence that is longer answers no question; it is a quotation, or a model that runs on."""

NEW_SAID = 0.75
"""Share of the words beyond the question's that the cited lines must hold; one in four may be the model's own."""

TOPIC_MISSED = 0.5
"""Of the question's words in a sentence at most this share may be missing around the cited lines."""

SAME_SENTENCE = 0.6
"""Share of words from which on the model repeats a sentence, "not" and all."""

_NAME = re.compile(r"(?<![\w@/.#-])[^\W\d_a-zß-öø-ÿ][\w'’-]*\w")
_CLAUSE = re.compile(r"(?<=[.!?;。！？,])\s+|(?<!\s)\s+[-–]\s+|\b(?:but|aber|mais|pero)\b", re.IGNORECASE)
_OR = re.compile(
    r"\b(\w+),?\s+(?:or|oder|ou|o|of|eller|czy|или)\s+(?:the\s+|an?\s+|der\s+|die\s+|das\s+)?(\w+)", re.IGNORECASE
)
_GLUE = frozenset(terms("yes no says said according mentioned answered wrote asked use see"))
_SHORT_DAYS = frozenset(
    terms(" ".join(f"{date(2024, month, 1):%b}" for month in range(1, 13)))
    + terms(" ".join(f"{date(2024, 1, day):%a}" for day in range(1, 8)))
) - frozenset(terms("may sun sat"))
"""Short names of months and weekdays, which `values` does not know."""


def is_supported(
    text: str, cited: Sequence[Source], around: Iterable[Source], *, question: str, people: Collection[str]
) -> bool:
    """Whether the `cited` lines say what `text` says.

    Args:
        text: one sentence of a model.
        cited: the lines that it names.
        around: all lines of the hits that these are part of.
        question: what was asked.
        people: names of members; one of them in the sentence must be among the cited lines' speakers or words.
    """
    if len(text) > MOST_CHARS or not cited or is_order(text):
        return False
    source_text = " ".join(f"{source.speaker}: {source.said}" for source in cited)
    own = _terms(cited) | frozenset(terms("one") if "1" in values(source_text) else ())  # "one" is no value
    dated = " ".join([source_text, *(str(source.day) for source in cited)])
    checks = (
        {url.casefold() for url in URL.findall(text)} <= {url.casefold() for url in URL.findall(source_text)},
        all_said(text, dated, _days_meant(cited)),
        denies_alike(text, source_text),
        not ends(text).swaps(ends(source_text)),
        _names_are_said(text, own, source_text, question, people),
        _negates_alike(text, cited),
    )
    if not all(checks):
        return False
    if is_english(text) != is_english(source_text):
        return _has_anchor(text, own)
    return _words_are_said(text, own, own | _terms(around), question)


def _terms(sources: Iterable[Source]) -> frozenset[str]:
    return frozenset[str]().union(*(source.terms for source in sources))


def _days_meant(cited: Iterable[Source]) -> set[date]:
    """The days that the relative times of lines mean."""
    times = (time for source in cited for time in relative_times(source.said, source.day))
    return {day for time in times for day in (time.first, time.last)}


def _names_are_said(text: str, own: frozenset[str], source_text: str, question: str, people: Collection[str]) -> bool:
    """Members and short names of days must be in the cited lines; other names may also come from the question.

    What begins the sentence has a capital letter anyway, and is looked at with the other words.
    """
    words, shown = set(folded(source_text).split()), folded(text)
    strict = {word for name in people if _holds(shown, folded(name)) for word in folded(name).split()}
    if any(word not in words and own.isdisjoint(terms(word) or [word]) for word in strict):
        return False
    lent = frozenset(terms(question))
    for match in _NAME.finditer(_without_values(text)):
        stems = frozenset(terms(match[0]))
        if not match.start() and stems.isdisjoint(_SHORT_DAYS):
            continue
        known = own if stems & _SHORT_DAYS else own | lent | _GLUE
        if stems and stems.isdisjoint(known) and folded(match[0]) not in words:
            return False
    return True


def _holds(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _negates_alike(text: str, cited: Sequence[Source]) -> bool:
    """Whether it says "not" exactly where the clause does that it repeats."""
    if NEGATION.search(text):
        return any(NEGATION.search(source.said) for source in cited)
    words = question_terms(text)
    clauses = [clause for source in cited for clause in _CLAUSE.split(source.said) if clause]
    words_of_clauses = [frozenset(terms(clause)) for clause in clauses]
    held = [sum(not own.isdisjoint(stems) for stems in words) / max(1, len(words)) for own in words_of_clauses]
    best = max(held, default=0.0)
    closest = [clause for clause, share in zip(clauses, held, strict=True) if share == best]
    return best < SAME_SENTENCE or not all(NEGATION.search(clause) for clause in closest)


def _alternatives(question: str) -> frozenset[str]:
    """The terms of what a question leaves open: the words on both sides of each "or"."""
    return frozenset(term for match in _OR.finditer(question) for term in terms(f"{match[1]} {match[2]}"))


def _without_values(text: str) -> str:
    """A text without links and values, which are looked at as such."""
    return VALUE.sub(" ", URL.sub(" ", text))


def _has_anchor(text: str, own: frozenset[str]) -> bool:
    """In another language than its lines: values and names, which were checked, have to carry it."""
    anchors = [match[0] for match in _NAME.finditer(text)]
    return bool(values(text)) or any(not own.isdisjoint(terms(anchor)) for anchor in anchors)


def _words_are_said(text: str, own: frozenset[str], around: frozenset[str], question: str) -> bool:
    asked, open_ones = frozenset(terms(question)), _alternatives(question)
    words = [stems for stems in question_terms(_without_values(text)) if _GLUE.isdisjoint(stems)]
    stated = frozenset(values(URL.sub(" ", text)))  # which were said, all of them
    new_values = len(stated - frozenset(values(question)))
    new = [stems for stems in words if asked.isdisjoint(stems)]
    topic = [stems for stems in words if not asked.isdisjoint(stems)]
    if not new and not new_values:  # it confirms: then the cited lines have to say all of it
        return bool(topic or stated) and all(not own.isdisjoint(stems) for stems in topic)
    if any(own.isdisjoint(stems) for stems in topic if not open_ones.isdisjoint(stems)):
        return False
    missed = sum(around.isdisjoint(stems) for stems in topic)
    if topic and missed / len(topic) > TOPIC_MISSED:
        return False
    return sum(not own.isdisjoint(stems) for stems in new) + new_values >= NEW_SAID * (len(new) + new_values)
