"""What extraction made of a chat, scored the same way for this program and for others."""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.observe.messagelog import Said
from bot.text.analysis import question_terms, terms

ALIKE = 0.8
"""Share of words (Dice's coefficient) from which on two statements count as one said twice."""

_DATES = ("%d %B %Y", "%d %B, %Y", "%B %d, %Y", "%B %d %Y")


@dataclass(frozen=True, slots=True)
class Made:
    """A memory as somebody would read it.

    Attributes:
        text: with names for people.
        channel_id: where it was said.
        message_ids: the messages that it cites; none where a program does not tell.
        speakers: whom it takes for its speakers.
    """

    text: str
    channel_id: int
    message_ids: tuple[int, ...]
    speakers: frozenset[int]


def answerable(questions: Iterable[dict[str, Any]], said: Sequence[Said]) -> list[dict[str, Any]]:
    """The questions whose evidence, or whose wanted strings, lie wholly within these messages."""
    here = {str(one.message.id) for one in said}
    found = []
    for question in questions:
        if question.get("evidence"):
            if set(question["evidence"]) <= here:
                found.append(question)
        elif question.get("include"):
            shown = "\n".join(one.message.content for one in said if _concerns(question, one)).casefold()
            if all(wanted.casefold() in shown for wanted in question["include"]):
                found.append(question)
    return found


def _concerns(question: Mapping[str, Any], one: Said) -> bool:
    within = not question.get("as_of") or one.message.id <= int(question["as_of"])
    return within and question.get("channel_id") in (None, str(one.message.channel_id))


def evidence_cited(questions: Iterable[dict[str, Any]], made: Iterable[Made]) -> float | None:
    """Share of the questions with evidence of which some memory cites any; None where there is no such question."""
    cited = {str(message_id) for memory in made for message_id in memory.message_ids}
    return _share(not cited.isdisjoint(q["evidence"]) for q in questions if q.get("evidence"))


def answers_held(questions: Iterable[dict[str, Any]], made: Sequence[Made]) -> float | None:
    """Share of the questions whose answer, or all of whose wanted strings, stand in the memories of their channel."""
    texts: dict[str, str] = {}
    for memory in made:
        texts[str(memory.channel_id)] = f"{texts.get(str(memory.channel_id), '')}\n{memory.text}".casefold()
    everywhere = "\n".join(texts.values())
    return _share(
        all(_holds(texts.get(str(q["channel_id"]), "") if q.get("channel_id") else everywhere, w) for w in _wanted(q))
        for q in questions
    )


def _wanted(question: Mapping[str, Any]) -> list[str]:
    return list(question.get("include") or [str(question["answer"])])


def _holds(texts: str, wanted: str) -> bool:
    """Whether a string stands in the (folded) texts; a date counts however it is written."""
    return wanted.casefold() in texts or any(day in texts for day in _as_iso(wanted))


def _as_iso(text: str) -> list[str]:
    found = []
    for form in _DATES:
        try:
            found.append(f"{datetime.strptime(text.strip(), form):%Y-%m-%d}")  # noqa: DTZ007 - a day of no zone
        except ValueError:
            continue
    return found


def speakers_right(made: Sequence[Made], said: Sequence[Said]) -> float | None:
    """Share of the memories that take for their speaker who said what is most like them.

    The message with the most words of the memory is looked for in the whole channel, whatever the memory cites.
    """
    return _share(_speaker_right(memory, said) for memory in made)


def _speaker_right(memory: Made, said: Sequence[Said]) -> bool:
    words = question_terms(memory.text)
    scores: list[tuple[float, int]] = []
    for one in said:
        if one.message.channel_id == memory.channel_id:
            stems = set(terms(one.message.content))
            scores.append((sum(not stems.isdisjoint(word) for word in words), one.message.author_id))
    most = max((score for score, _ in scores), default=0)
    return any(author in memory.speakers for score, author in scores if score == most)


def duplicates(made: Sequence[Made]) -> float:
    """Share of the memories that say what an earlier one of their channel says."""
    words = [(memory.channel_id, frozenset(terms(memory.text))) for memory in made]
    doubles = sum(any(_alike(one, other) for other in words[:place]) for place, one in enumerate(words))
    return doubles / len(made) if made else 0.0


def _alike(one: tuple[int, frozenset[str]], other: tuple[int, frozenset[str]]) -> bool:
    if one[0] != other[0] or not (one[1] or other[1]):
        return False
    return 2 * len(one[1] & other[1]) / (len(one[1]) + len(other[1])) >= ALIKE


def named(text: str, names: Mapping[int, str]) -> frozenset[int]:
    """The members whose names stand in a text, for programs that keep no speakers beside it."""
    return frozenset(user for user, name in names.items() if re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE))


def quantile(values: Collection[float], share: float) -> float:
    """The value below which this share of them lies; 0 for none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _share(outcomes: Iterable[bool]) -> float | None:
    counted = list(outcomes)
    return statistics.fmean(counted) if counted else None
