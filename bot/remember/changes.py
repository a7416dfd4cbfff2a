"""What a judged statement does to what is remembered: decided here by code alone, carried out by the applier.

The model says what a statement is to older memories. Whether it may be that is exact: where and when both were said,
by whom, and whether a member keeps one of them on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import PERSONAL_KINDS, Memory, MemoryKind, MemoryOrigin, MemoryState
from bot.remember.statement import Relation
from bot.text import terms

CORRECTED = "corrected"
"""Its messages are what a member put right: their words stand."""
HISTORY = "superseded_already"
"""It says what was replaced, or comes from the same messages as something that was."""
AGAIN = "read_before"
"""A topic is there already of these messages, or was forgotten."""

ALIKE = 0.5
"""Share of words in common from which on two statements of the very same messages are one, if no value differs.

Only where messages are read again: a paraphrase must not double what was made from them before. Statements that
different messages make are never merged by their words."""

SAME_TALK = 0.5
"""Share of the messages of the shorter of two topics from which on both are about one conversation."""


Contradicts = Callable[[str, str], bool]
"""Tells of two texts whether a figure, date, time or link of one contradicts the other's."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a statement.

    Attributes:
        refusal: why nothing is made of it; None where something is.
        cites: the memory that says it already, and stands on its messages as well from now on; None: it becomes one.
        supersedes: memories that it, or what it cites, replaces.
        superseded_by: the newer state that is known already; it is kept as the state before.
        doubts: current memories that may have changed with it.
    """

    refusal: str | None = None
    cites: str | None = None
    supersedes: tuple[str, ...] = ()
    superseded_by: str | None = None
    doubts: tuple[str, ...] = ()


def settle(
    new: Memory,
    relation: Relation,
    related: Sequence[Memory],
    *,
    places: Collection[int],
    successors: Mapping[str, Memory],
    contradicts: Contradicts,
    made_before: Sequence[Memory] = (),
    forgotten_topics: Collection[int] = (),
) -> Change:
    """Decide what a statement that is said, lasting and not private does.

    Args:
        new: the memory that it would be.
        relation: what the model says that it is to `related`.
        related: the memories that the model names, surest first.
        places: the channels and threads that it may relate to: its channel with its public threads, or a private
            thread alone.
        successors: by id, `related` and the memories that superseded any of them, directly or through others.
        contradicts: tells of two texts whether they can't be the same.
        made_before: memories that cite one of its messages and were there before these were read (again).
        forgotten_topics: those of its messages whose topic was forgotten.
    """
    if refusal := _refusal(new, made_before, forgotten_topics):
        return Change(refusal)
    near = [memory for memory in related if _may_relate(new, memory, places)]
    repeated = _repeated(new, near, made_before, successors, contradicts)
    if relation is Relation.SAME and repeated is None:
        return _same(new, near, successors, contradicts)
    replaced = [m for m in near if repeated is None or m.id != repeated.id] if relation is Relation.REPLACES else []
    change = _replacing(new, replaced, successors)
    return change if repeated is None else replace(change, cites=repeated.id, superseded_by=None)


def doubts(new: Memory, related: Sequence[Memory], *, places: Collection[int]) -> tuple[str, ...]:
    """The memories that may have changed with a statement that replaces them and is not kept itself.

    A refusal for privacy, a secret or a member's consent never comes here.
    """
    return tuple(memory.id for memory in related if _may_relate(new, memory, places) and _may_doubt(new, memory))


def repetition_of(text: str, near: Sequence[Memory]) -> Memory | None:
    """The memory that a statement repeats word for word, if there is one, current ones first.

    That needs no model: the same again is the same, whatever it answers, unless it says that something is replaced.
    """
    same = [memory for memory in near if is_repetition(text, memory.text)]
    return min(same, key=lambda memory: memory.state is not MemoryState.CURRENT, default=None)


def is_repetition(text: str, other: str) -> bool:
    """Whether two texts are the same but for case, blanks and the sign at the end."""
    return _plain(text) == _plain(other)


# --- messages that were read before ----------------------------------------------------------------------------------


def _refusal(new: Memory, made_before: Sequence[Memory], forgotten_topics: Collection[int]) -> str | None:
    """Why nothing is made of messages that were read before; None where something may be."""
    own = _ids(new)
    if new.kind is MemoryKind.TOPIC:
        topics = [_ids(memory) for memory in made_before if memory.kind is MemoryKind.TOPIC]
        shared = any(len(own & ids) >= SAME_TALK * min(len(own), len(ids)) for ids in topics)
        return AGAIN if shared or not own.isdisjoint(forgotten_topics) else None
    for memory in made_before:
        ids = _ids(memory)
        if memory.kind is MemoryKind.TOPIC or memory.origin is MemoryOrigin.REMEMBERED:
            continue
        if memory.origin is MemoryOrigin.CORRECTED and (own <= ids or ids <= own):
            return CORRECTED
        if memory.state is MemoryState.SUPERSEDED and own <= ids:
            return HISTORY
    return None


def _repeated(
    new: Memory,
    near: Sequence[Memory],
    made_before: Sequence[Memory],
    successors: Mapping[str, Memory],
    contradicts: Contradicts,
) -> Memory | None:
    """The current memory that it repeats: word for word, or in other words from the very same messages."""
    candidates = [
        *(memory for memory in (*near, *made_before) if is_repetition(new.text, memory.text)),
        *(m for m in made_before if _paraphrases(new, m, successors) and not contradicts(new.text, m.text)),
    ]
    current = (memory for memory in candidates if memory.state is MemoryState.CURRENT and _may_merge(new, memory))
    return next(current, None)


def _paraphrases(new: Memory, memory: Memory, successors: Mapping[str, Memory]) -> bool:
    """Whether it says again what was made of the very same messages before, and replaced the same."""
    if _ids(new) != _ids(memory) or new.kind is not memory.kind:
        return False
    words, others = set(terms(new.text)), set(terms(memory.text))
    return memory.id in successors or 2 * len(words & others) >= ALIKE * (len(words) + len(others))


# --- what the model says ---------------------------------------------------------------------------------------------


def _same(new: Memory, near: Sequence[Memory], successors: Mapping[str, Memory], contradicts: Contradicts) -> Change:
    """It says what a memory says. What differs in a value is no repetition, but may have changed that memory."""
    alike = [memory for memory in near if _may_merge(new, memory)]
    agreeing = [memory for memory in alike if not contradicts(new.text, memory.text)]
    current = [memory for memory in agreeing if memory.state is MemoryState.CURRENT]
    if current:
        return Change(cites=current[0].id)
    if agreeing:
        return Change(HISTORY)
    return Change(
        superseded_by=_newer_state(new, alike, successors),
        doubts=tuple(memory.id for memory in alike if _may_doubt(new, memory)),
    )


def _replacing(new: Memory, near: Sequence[Memory], successors: Mapping[str, Memory]) -> Change:
    """It is the newer state of memories, as far as it is newer and may replace them; not of what replaced it."""
    newer = _newer_state(new, near, successors)
    followers = {memory.id for memory in _chain(successors[newer], successors)} if newer else set()
    outdated = tuple(memory.id for memory in near if memory.id not in followers and _may_supersede(new, memory))
    return Change(
        supersedes=outdated,
        superseded_by=newer,
        doubts=tuple(memory.id for memory in near if memory.id not in outdated and _may_doubt(new, memory)),
    )


def _newer_state(new: Memory, related: Sequence[Memory], successors: Mapping[str, Memory]) -> str | None:
    """The first of the related memories, and of what replaced them, that was said later and may replace it."""
    states = {memory.id: memory for each in related for memory in _chain(each, successors)}
    later = [memory for memory in states.values() if _is_newer(memory, new) and _may_follow(memory, new)]
    return min(later, key=lambda memory: memory.newest.message_id).id if later else None


def _chain(memory: Memory, successors: Mapping[str, Memory]) -> Iterator[Memory]:
    """A memory and what replaced it; what replaced an open question are its answers, not newer states of it."""
    yield memory
    while memory.kind is not MemoryKind.QUESTION and (successor := successors.get(memory.superseded_by or "")):
        memory = successor
        yield memory


# --- what code allows ------------------------------------------------------------------------------------------------


def _may_relate(new: Memory, memory: Memory, places: Collection[int]) -> bool:
    """Whether two memories may be anything to each other, by where they were said; topics only to topics."""
    here = memory.guild_id == new.guild_id and memory.channel_ids.issubset(places)
    return here and (memory.kind is MemoryKind.TOPIC) == (new.kind is MemoryKind.TOPIC)


def _may_merge(new: Memory, memory: Memory) -> bool:
    """Whether they may be one statement: what members say about themselves only if one member says both.

    A question and its answer are none, and neither are a conversation and what was said in it.
    """
    apart = any((new.kind is kind) != (memory.kind is kind) for kind in (MemoryKind.QUESTION, MemoryKind.TOPIC))
    return not apart and _same_owner(new, memory)


def _may_supersede(new: Memory, memory: Memory) -> bool:
    """Whether it may replace a memory; what a member remembered or corrected on purpose stays."""
    if memory.state is not MemoryState.CURRENT or memory.origin is not MemoryOrigin.EXTRACTED:
        return False
    return _is_newer(new, memory) and _may_follow(new, memory)


def _may_follow(later: Memory, earlier: Memory) -> bool:
    """Whether one may be the newer state of another by their kinds and speakers.

    Anything but a topic answers an open question, and a question outdates nothing but a question.
    """
    if MemoryKind.TOPIC in (later.kind, earlier.kind):
        return False
    if later.kind is MemoryKind.QUESTION:
        return earlier.kind is MemoryKind.QUESTION
    return earlier.kind is MemoryKind.QUESTION or _same_owner(later, earlier)


def _may_doubt(new: Memory, memory: Memory) -> bool:
    return memory.state is MemoryState.CURRENT and memory.kind is not MemoryKind.TOPIC and _is_newer(new, memory)


def _same_owner(memory: Memory, other: Memory) -> bool:
    """Whether neither is about a member, or both are what one member says about themselves."""
    if not {memory.kind, other.kind} & PERSONAL_KINDS:
        return True
    both = {memory.kind, other.kind} <= PERSONAL_KINDS
    return both and set(memory.author_ids) == set(other.author_ids)


def _is_newer(memory: Memory, other: Memory) -> bool:
    return memory.newest.message_id > other.newest.message_id


def _ids(memory: Memory) -> frozenset[int]:
    """The messages that state it."""
    return frozenset(citation.message_id for citation in memory.stating)


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".!?…").casefold()
