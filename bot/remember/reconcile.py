"""Decides what a new candidate is to the memories that are there already, as far as that needs no model.

What the checks leave open they hand on with the choices that would do no harm (`bot.remember.choice`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain import MENTION, PERSONAL_KINDS, Memory, MemoryKind, MemoryOrigin, MemoryState
from bot.remember import lexicon
from bot.remember.candidate import Candidate
from bot.remember.ranges import ends, reordered
from bot.text import URL, VALUE, question_terms, values, with_values

SAME = 0.8  # share of words that two statements must have in common to be one
SAME_MATTER = 0.6  # share of words, values aside, from which on two statements are about one matter
REPLACED_MATTER = 0.4  # the same where the newer one names the value that it replaces
HOLDS = 0.75  # share of its words from which on an older statement may hold all that a newer one says
PARTICULAR = 3  # words of one matter; fewer, as of "the meeting", may be said of two
PERHAPS_MATTER = 0.5  # share of words, values aside, from which on two statements may be about one matter
PERHAPS_CHANGED = 0.3  # the same where the newer one tells of a change, or of another value
CHANGING_KINDS = frozenset({MemoryKind.DECISION, MemoryKind.PLAN, MemoryKind.FACT, MemoryKind.PREFERENCE})
"""What a newer state can replace; links stand beside each other, and so do answers that name no older value."""

_NUMBERED = re.compile(
    r"\b(release|version|group|team|room|hall|level|part|chapter|episode|season|week|phase|round|sprint|track|rack|gruppe"
    r"|raum|saal|teil|runde|grupo|groupe|sala|salle|gruppo|groep|zaal)s? (\d[\d.]*)\b",
    re.IGNORECASE,
)
"""A number that tells one thing from another: what is said of group 1 is nothing of group 2."""
_LETTERS = str.maketrans("0123456789.", "abcdefghijx")
_BEING = re.compile(
    r"\b(?:runs?|running|listens?|listening|stands?|sits|lies|reachable|läuft|liegt|steht|tourne|corre|funciona)\b",
    re.IGNORECASE,
)
"""Verbs that say no more than "is" does before a value."""
_CHANGE = re.compile(
    r"\b(?:now|instead|no longer|not any ?more|anymore|moved?|moves|chang(?:e|es|ed)|replac(?:e|es|ed)|postponed?"
    r"|cancel(?:s|led|ed)?|switch(?:ed|es)?"
    r"|resched\w+|updated?|correct(?:ion|ed)|rather than|supersed\w+|slips?|delayed|brought forward|jetzt"
    r"|stattdessen|nicht mehr|verschoben|geändert"
    r"|maintenant|désormais|ahora|ya no|cambia\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Add:
    """Nothing like it is there: keep it as a memory of its own."""


@dataclass(frozen=True, slots=True)
class Merge:
    """It says what this memory says: add its citations there and nothing else."""

    memory_id: str


@dataclass(frozen=True, slots=True)
class Supersede:
    """It is the newer state of the same matter: keep it, and mark these memories as superseded by it."""

    memory_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Somebody else says again what is history by now, as one does who pastes it: keep nothing."""


Verdict = Add | Merge | Supersede | Repeat


class Choice(StrEnum):
    """What a newer statement is to an older one."""

    SAME = "same"
    NEWER = "newer"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Open:
    """The checks can't tell what the candidate is to this memory.

    Attributes:
        newer: the candidate.
        older: the memory.
        choices: what it may be; always OTHER, which adds it.
    """

    newer: Candidate
    older: Memory
    choices: frozenset[Choice]

    def verdict(self, choice: Choice) -> Verdict:
        """What a choice comes to."""
        match choice:
            case Choice.SAME:
                return Merge(self.older.id)
            case Choice.NEWER:
                return Supersede((self.older.id,))
            case Choice.OTHER:
                return Add()


def reconcile(candidate: Candidate, neighbours: Sequence[Memory], *, authors: Collection[int]) -> Verdict | Open:
    """Compare a candidate with the nearest memories of its guild.

    What a member corrected or asked to remember is never superseded; and what is said by somebody else supersedes only
    where it names the value that it replaces, or says in the same words that it is another one now, so that a
    contradiction between two people stays as two statements.
    What was superseded comes back only by those who said it or what replaced it.

    Args:
        candidate: the new statement.
        neighbours: memories that may be about the same, nearest first.
        authors: who said the candidate.
    """
    current = [memory for memory in neighbours if memory.state is MemoryState.CURRENT]
    for memory in current:
        if _corrected(candidate, memory) or (
            _may_merge(candidate, memory, authors) and same_statement(candidate.text, memory.text)
        ):
            return Merge(memory.id)
    if _is_history(candidate, neighbours, authors):
        return Repeat()
    if replaced := tuple(memory.id for memory in current if _supersedes(candidate, memory, authors)):
        return Supersede(replaced)
    return _likeliest(question for memory in current if (question := _open(candidate, memory, authors))) or Add()


def _is_history(candidate: Candidate, neighbours: Sequence[Memory], authors: Collection[int]) -> bool:
    """Whether it says what was replaced, and neither who said that nor who replaced it goes back to it."""
    by_id = {memory.id: memory for memory in neighbours}
    for memory in neighbours:
        if memory.state is MemoryState.SUPERSEDED and same_statement(candidate.text, memory.text):
            newer = by_id.get(memory.superseded_by or "")
            could = {*memory.author_ids, *(newer.author_ids if newer else ())}
            if could.isdisjoint(authors):
                return True
    return False


def same_statement(one: str, other: str) -> bool:
    """Whether two texts say the same: nearly the same words, and the same values, links, people and negation.

    Where each has a word that the other lacks, that may be all the difference: "opens" and "closes".
    """
    if _fixed(one) != _fixed(other) or ends(one).swaps(ends(other)) or reordered(one, other):
        return False
    words, others = _words(one), _words(other)
    return _likeness(words, others) >= SAME and not _both_add(words, others)


def _corrected(candidate: Candidate, memory: Memory) -> bool:
    """Whether all that the candidate stands on was put right by a member already."""
    cited = {citation.message_id for citation in memory.citations}
    return memory.origin is MemoryOrigin.CORRECTED and cited.issuperset(candidate.message_ids)


def _may_merge(candidate: Candidate, memory: Memory, authors: Collection[int]) -> bool:
    """What members say about themselves is one statement only if one member says it."""
    personal = candidate.kind in PERSONAL_KINDS or memory.kind in PERSONAL_KINDS
    return not personal or set(memory.author_ids) == set(authors)


def _likeliest(questions: Iterable[Open]) -> Open | None:
    """The question about the memory that the candidate is most like; one is asked for each candidate."""
    return max(questions, key=lambda q: _likeness(_words(q.newer.text), _words(q.older.text)), default=None)


def _open(candidate: Candidate, memory: Memory, authors: Collection[int]) -> Open | None:
    """What the candidate may be to the memory without the checks being able to tell; None for another matter."""
    choices = {Choice.OTHER}
    if _may_merge(candidate, memory, authors) and _perhaps_holds(memory.text, candidate.text):
        choices.add(Choice.SAME)
    same_speaker = not set(authors).isdisjoint(memory.author_ids)
    if _may_supersede(candidate, memory, authors) and _perhaps_replaces(
        candidate.text, memory.text, same_speaker=same_speaker
    ):
        choices.add(Choice.NEWER)
    return Open(candidate, memory, frozenset(choices)) if len(choices) > 1 else None


def _perhaps_holds(older: str, newer: str) -> bool:
    """Whether `older` may say all that `newer` says, so that nothing would be lost with it."""
    words, stems = _words(newer), frozenset[str]().union(*_words(older))
    held = sum(not stems.isdisjoint(word) for word in words)
    *told, people, negates = _fixed(newer)
    *there, those, negated = _fixed(older)
    if ends(newer).swaps(ends(older)):
        return False
    held_all = all(set(one) <= set(other) for one, other in zip(told, there, strict=True))
    left = iter(those)
    in_order = all(person in left for person in people)  # who brings the cake must not become who brings the drinks
    return held_all and in_order and negates == negated and held >= HOLDS * len(words)


def _perhaps_replaces(newer: str, older: str, *, same_speaker: bool) -> bool:
    """Whether `newer` may tell a new state of what `older` is about, as a change or as what its speaker says now."""
    likeness = _likeness(_matter(newer), _matter(older))
    if not same_speaker:
        return bool(_CHANGE.search(newer)) and likeness >= PERHAPS_MATTER
    changed = _CHANGE.search(newer) or _values(newer) != _values(older)
    return likeness >= (PERHAPS_CHANGED if changed else PERHAPS_MATTER)


def _supersedes(candidate: Candidate, memory: Memory, authors: Collection[int]) -> bool:
    """Whether the candidate surely gives another value to the matter of the memory."""
    if not _may_supersede(candidate, memory, authors):
        return False
    if _gives_new_value(candidate.text, memory.text) and _same_matter(candidate.text, memory.text):
        return True
    if MemoryKind.ANSWER in (candidate.kind, memory.kind) and not _names_old_value(candidate.text, memory.text):
        return False
    newer, older = _matter(candidate.text), _matter(memory.text)
    if _both_add(newer, older):
        return False  # perhaps another matter
    likeness = _likeness(newer, older)
    changes = bool(_CHANGE.search(candidate.text))
    if changes and _names_old_value(candidate.text, memory.text) and likeness >= REPLACED_MATTER:
        return True
    same_speaker = not set(authors).isdisjoint(memory.author_ids)
    differs = _values(candidate.text) != _values(memory.text) or _negates(candidate.text) != _negates(memory.text)
    return same_speaker and differs and likeness >= (REPLACED_MATTER if changes else SAME_MATTER)


def _may_supersede(candidate: Candidate, memory: Memory, authors: Collection[int]) -> bool:
    """Whether the candidate could be the newer state of the memory, by kinds, origin, order and speakers."""
    kinds = {candidate.kind, memory.kind}
    if memory.origin is not MemoryOrigin.EXTRACTED or MemoryKind.LINK in kinds:
        return False
    texts = (candidate.text, memory.text)
    if kinds - CHANGING_KINDS and not (
        _gives_new_value(*texts) or (_CHANGE.search(candidate.text) and _names_old_value(*texts))
    ):
        return False
    if (candidate.kind in PERSONAL_KINDS) != (memory.kind in PERSONAL_KINDS):
        return False
    if max(candidate.message_ids) <= memory.newest.message_id:
        return False
    return candidate.kind not in PERSONAL_KINDS or not set(authors).isdisjoint(memory.author_ids)


def _names_old_value(newer: str, older: str) -> bool:
    """Whether `newer` tells a value of `older` beside one of its own ("moves from June 23 to July 1")."""
    told, there = set(_values(newer)), set(_values(older))
    return not told.isdisjoint(there) and bool(told - there)


def _gives_new_value(newer: str, older: str) -> bool:
    """Whether `newer` tells of a change and has values of the same sorts as `older` in the place of some of its own."""
    told, there = set(_values(newer)), set(_values(older))
    sorts, other_sorts = (sorted(re.sub(r"\d+", "0", value) for value in left) for left in (told - there, there - told))
    return bool(sorts) and sorts == other_sorts and bool(_CHANGE.search(newer))


def _same_matter(one: str, other: str) -> bool:
    """Whether two texts are about exactly one thing, and about the same people, as far as their words tell."""
    words, others = (_matter(_BEING.sub(" ", text)) for text in (one, other))
    people = MENTION.findall(one) == MENTION.findall(other) and _negates(one) == _negates(other)
    return people and len(words) >= PARTICULAR and _likeness(words, others) == 1.0


def _likeness(one: set[frozenset[str]], other: set[frozenset[str]]) -> float:
    """Dice's coefficient of two sets of words; words are the same when they share a stem."""
    if not one or not other:
        return 0.0
    stems_one, stems_other = set().union(*one), set().union(*other)
    common = sum(not stems_other.isdisjoint(word) for word in one) + sum(
        not stems_one.isdisjoint(word) for word in other
    )
    return common / (len(one) + len(other))


def _both_add(one: set[frozenset[str]], other: set[frozenset[str]]) -> bool:
    """Whether each has a word that the other lacks."""
    stems_one, stems_other = set().union(*one), set().union(*other)
    return any(map(stems_other.isdisjoint, one)) and any(map(stems_one.isdisjoint, other))


def _words(text: str) -> set[frozenset[str]]:
    return {frozenset(stems) for stems in question_terms(with_values(text))}


def _matter(text: str) -> set[frozenset[str]]:
    """The words of a text without its values and without the words of change: what it is about."""
    numbered = _NUMBERED.sub(lambda m: m[1] + m[2].translate(_LETTERS), text)
    return {frozenset(stems) for stems in question_terms(_CHANGE.sub(" ", VALUE.sub(" ", numbered)))}


def _negates(text: str) -> bool:
    return bool(lexicon.NEGATION.search(text))


def _values(text: str) -> tuple[str, ...]:
    return values(MENTION.sub(" ", URL.sub(" ", text)))


def _fixed(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], bool]:
    """What must be equal in two texts that say the same: values, links, people, each in order; and negation."""
    links = tuple(match.group().rstrip("/") for match in URL.finditer(text))
    return _values(text), links, tuple(MENTION.findall(text)), _negates(text)
