"""What a judged statement may do to what is remembered, whatever a model says that it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.model import PERSONAL_KINDS, Citation, Memory, MemoryKind, MemoryOrigin, MemoryState
from bot.remember.changes import AGAIN, CORRECTED, HISTORY, Change, doubts, is_repetition, repetition_of, settle
from bot.remember.statement import Relation
from tests.fixtures.memory import differ

GUILD, HERE, THREAD, ELSEWHERE = 1, 10, 11, 12
PLACES = frozenset({HERE, THREAD})
ANN, BEN = 501, 502


def memory(
    name: str,
    text: str,
    *message_ids: int,
    author: int = ANN,
    channel: int = HERE,
    supporting: Sequence[int] = (),
    **fields: Any,  # noqa: ANN401 - any field
) -> Memory:
    stating = [Citation(i, channel, author) for i in message_ids]
    held = [Citation(i, channel, author, supporting=True) for i in supporting]
    fields.setdefault("kind", MemoryKind.DECISION)
    citations = tuple(sorted([*stating, *held], key=lambda c: c.message_id))
    return Memory(id=name, guild_id=GUILD, text=text, citations=citations, **fields)


def history(of: Memory, by: str) -> Memory:
    return replace(of, state=MemoryState.SUPERSEDED, superseded_by=by)


def settled(
    new: Memory,
    relation: Relation,
    *related: Memory,
    made_before: Sequence[Memory] = (),
    forgotten_topics: Sequence[int] = (),
    known: Sequence[Memory] = (),
) -> Change:
    return settle(
        new,
        relation,
        related,
        places=PLACES,
        successors={m.id: m for m in (*related, *known)},
        contradicts=differ,
        made_before=made_before,
        forgotten_topics=forgotten_topics,
    )


FRIDAY = memory("friday", "The party is on Friday 12", 100)
SATURDAY = memory("saturday", "The party is on Saturday 13", 200)
AGAIN_FRIDAY = memory("again", "We celebrate on Friday 12", 200)
REPLACES, SAME, NEW = Relation.REPLACES, Relation.SAME, Relation.NEW

CASES: dict[str, tuple[Change, Change]] = {
    "what is new stands beside what is there": (settled(SATURDAY, NEW), Change()),
    "a newer state replaces the older one": (settled(SATURDAY, REPLACES, FRIDAY), Change(supersedes=("friday",))),
    "one message outdates several memories": (
        settled(SATURDAY, REPLACES, FRIDAY, memory("hall", "The hall is booked for Friday", 90)),
        Change(supersedes=("friday", "hall")),
    ),
    "anybody may tell a newer state": (
        settled(replace(SATURDAY, citations=(Citation(200, HERE, BEN),)), REPLACES, FRIDAY),
        Change(supersedes=("friday",)),
    ),
    "a newer state in a public thread of the channel counts": (
        settled(replace(SATURDAY, citations=(Citation(200, THREAD, ANN),)), REPLACES, FRIDAY),
        Change(supersedes=("friday",)),
    ),
    "nothing crosses channels, as a change or as the same": (
        settled(SATURDAY, REPLACES, memory("far", "The party is on Friday 12", 100, channel=ELSEWHERE)),
        Change(),
    ),
    "the same elsewhere is no citation": (
        settled(AGAIN_FRIDAY, SAME, memory("far", "The party is on Friday 12", 100, channel=ELSEWHERE)),
        Change(),
    ),
    "a word-for-word repetition elsewhere is none": (
        settled(replace(FRIDAY, id="new"), SAME, memory("far", FRIDAY.text, 90, channel=ELSEWHERE)),
        Change(),
    ),
    "a supporting citation elsewhere keeps a memory apart": (
        settled(SATURDAY, REPLACES, replace(FRIDAY, citations=(*FRIDAY.citations, Citation(99, ELSEWHERE, BEN, True)))),
        Change(),
    ),
    "the same adds a citation": (settled(AGAIN_FRIDAY, SAME, FRIDAY), Change(cites="friday")),
    "the same as something superseded makes nothing": (
        settled(AGAIN_FRIDAY, SAME, history(FRIDAY, "saturday"), known=[SATURDAY]),
        Change(HISTORY),
    ),
    "the same as something current is that, beside the history": (
        settled(AGAIN_FRIDAY, SAME, history(memory("old", "On Friday 12", 50), "friday"), FRIDAY),
        Change(cites="friday"),
    ),
    "the same with another figure is doubt, and is kept": (
        settled(SATURDAY, SAME, FRIDAY),
        Change(doubts=("friday",)),
    ),
    "the same with another figure, but older, is the state before": (
        settled(replace(SATURDAY, citations=(Citation(50, HERE, ANN),)), SAME, FRIDAY),
        Change(superseded_by="friday"),
    ),
    "what was said before a newer state is history from the start": (
        settled(replace(SATURDAY, citations=(Citation(50, HERE, ANN),)), REPLACES, FRIDAY),
        Change(superseded_by="friday"),
    ),
    "what lies between two states is history between them": (
        settled(memory("between", "The party is on Friday 15", 150), REPLACES, FRIDAY, SATURDAY),
        Change(supersedes=("friday",), superseded_by="saturday"),
    ),
    "what replaces history is history where what replaced it is newer": (
        settled(
            memory("between", "The party is on Friday 15", 150), REPLACES, history(FRIDAY, "saturday"), known=[SATURDAY]
        ),
        Change(superseded_by="saturday"),
    ),
    "one message does not outdate itself": (
        settled(memory("other", "The hall is free on Friday 12", 100), REPLACES, FRIDAY),
        Change(),
    ),
    "what was remembered on purpose is only doubted": (
        settled(
            SATURDAY,
            REPLACES,
            memory("note", "Party on Friday 12", 100, kind=MemoryKind.NOTE, origin=MemoryOrigin.REMEMBERED),
        ),
        Change(doubts=("note",)),
    ),
    "what was corrected is only doubted": (
        settled(SATURDAY, REPLACES, memory("right", "Party on Friday 12", 100, origin=MemoryOrigin.CORRECTED)),
        Change(doubts=("right",)),
    ),
    "a fact is replaced by its own speaker": (
        settled(
            memory("now", "Ann lives in Bremen", 200, kind=MemoryKind.FACT),
            REPLACES,
            memory("then", "in Kiel", 100, kind=MemoryKind.FACT),
        ),
        Change(supersedes=("then",)),
    ),
    "a fact of somebody else replaces none": (
        settled(
            memory("now", "Ben lives in Bremen", 200, author=BEN, kind=MemoryKind.FACT),
            REPLACES,
            memory("then", "Ann lives in Kiel", 100, kind=MemoryKind.FACT),
        ),
        Change(doubts=("then",)),
    ),
    "a fact is the same only from its own speaker": (
        settled(
            memory("ben", "lives in Kiel", 200, author=BEN, kind=MemoryKind.FACT),
            SAME,
            memory("ann", "lives in Kiel", 100, kind=MemoryKind.FACT),
        ),
        Change(),
    ),
    "a decision is not the same as a fact": (
        settled(
            memory("plan", "a choir in Kiel", 200), SAME, memory("ann", "sings in Kiel", 100, kind=MemoryKind.FACT)
        ),
        Change(),
    ),
    "an open question is answered by whoever answers": (
        settled(
            replace(SATURDAY, citations=(Citation(200, HERE, BEN),)),
            REPLACES,
            memory("q", "When?", 100, kind=MemoryKind.QUESTION),
        ),
        Change(supersedes=("q",)),
    ),
    "a fact may answer an open question": (
        settled(
            memory("a", "Ben has a van", 200, kind=MemoryKind.FACT),
            REPLACES,
            memory("q", "Who has a van?", 100, kind=MemoryKind.QUESTION),
        ),
        Change(supersedes=("q",)),
    ),
    "a question asked after its answer does not hide the answer": (
        settled(
            replace(SATURDAY, citations=(Citation(50, HERE, ANN),)),
            REPLACES,
            memory("q", "When?", 100, kind=MemoryKind.QUESTION),
        ),
        Change(),
    ),
    "a second answer does not replace the first": (
        settled(
            SATURDAY,
            REPLACES,
            history(memory("q", "When?", 100, kind=MemoryKind.QUESTION), "first"),
            known=[memory("first", "Friday 12, I think", 300)],
        ),
        Change(),
    ),
    "a question outdates no decision, but may doubt it": (
        settled(memory("q", "Is it still Friday?", 200, kind=MemoryKind.QUESTION), REPLACES, FRIDAY),
        Change(doubts=("friday",)),
    ),
    "an answer is not the same as its question": (
        settled(SATURDAY, SAME, memory("q", "Is the party on Saturday 13?", 100, kind=MemoryKind.QUESTION)),
        Change(),
    ),
    "a topic changes nothing, and nothing changes a topic": (
        settled(
            memory("t", "When the party is", 200, kind=MemoryKind.TOPIC),
            REPLACES,
            FRIDAY,
            memory("u", "Party", 90, kind=MemoryKind.TOPIC),
        ),
        Change(),
    ),
    "a literal repetition adds a citation": (
        settled(memory("twice", "the party is on  Friday 12.", 200), SAME, FRIDAY),
        Change(cites="friday"),
    ),
    "what was said before, said again, may replace what came between": (
        settled(memory("back", FRIDAY.text, 300), REPLACES, SATURDAY, history(FRIDAY, "saturday")),
        Change(supersedes=("saturday",)),
    ),
    # messages that are read again
    "read again in the same words it is there already": (
        settled(replace(FRIDAY, id="new"), NEW, made_before=[FRIDAY]),
        Change(cites="friday"),
    ),
    "read again in other words it is there already": (
        settled(memory("new", "The party will be on Friday 12", 100), NEW, made_before=[FRIDAY]),
        Change(cites="friday"),
    ),
    "read again with another figure it is another statement": (
        settled(memory("new", "The party is for 40 on Friday", 100), NEW, made_before=[FRIDAY]),
        Change(),
    ),
    "read again, another statement of the message is made": (
        settled(memory("new", "Bring your own cups to the garden", 100), NEW, made_before=[FRIDAY]),
        Change(),
    ),
    "read again it does not replace itself": (
        settled(memory("new", "Our celebration: Friday 12", 100), REPLACES, FRIDAY, made_before=[FRIDAY]),
        Change(cites="friday"),
    ),
    "read again, what was superseded makes nothing": (
        settled(memory("new", "It is Friday 12 then", 100), NEW, made_before=[history(FRIDAY, "saturday")]),
        Change(HISTORY),
    ),
    "read again, what was corrected makes nothing": (
        settled(
            memory("new", "It is Friday 12 then", 100, 101),
            NEW,
            made_before=[memory("r", "No", 100, origin=MemoryOrigin.CORRECTED)],
        ),
        Change(CORRECTED),
    ),
    "a note of a message hinders nothing": (
        settled(
            memory("new", "It is Friday 12 then", 100),
            NEW,
            made_before=[memory("n", "keep", 100, kind=MemoryKind.NOTE, origin=MemoryOrigin.REMEMBERED)],
        ),
        Change(),
    ),
    "read again, a conversation has its topic": (
        settled(
            memory("t", "Party", 1, 2, 3, kind=MemoryKind.TOPIC),
            NEW,
            made_before=[memory("u", "A feast", 2, 3, 4, 5, kind=MemoryKind.TOPIC)],
        ),
        Change(AGAIN),
    ),
    "a neighbouring conversation gets its own topic": (
        settled(
            memory("t", "Party", 4, 5, 6, kind=MemoryKind.TOPIC),
            NEW,
            made_before=[memory("u", "A car", 1, 2, 3, 4, kind=MemoryKind.TOPIC)],
        ),
        Change(),
    ),
    "a forgotten topic is not made again": (
        settled(memory("t", "Party", 1, 2, 3, kind=MemoryKind.TOPIC), NEW, forgotten_topics=[3]),
        Change(AGAIN),
    ),
    "what lost its newest message is not replaced by what it outlasted": (
        settled(
            memory("new", "On Monday", 20),
            REPLACES,
            memory("first", "On Friday", 1),
            history(memory("between", "On Sunday", 50), "first"),
        ),
        Change(superseded_by="between", doubts=("first",)),
    ),
    "a topic hinders no statement of its messages": (
        settled(FRIDAY, NEW, made_before=[memory("u", "Party", 100, kind=MemoryKind.TOPIC)], forgotten_topics=[100]),
        Change(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_code_allows(name: str) -> None:
    change, expected = CASES[name]
    assert change == expected


def test_a_statement_that_is_not_kept_doubts_older_current_memories_it_replaces() -> None:
    refused = memory("refused", "", 200)
    others = [
        FRIDAY,
        memory("newer", "Party on Friday 12", 300),
        history(memory("old", "Party on Friday 5", 50), "friday"),
        memory("far", "Party on Friday 12", 100, channel=ELSEWHERE),
        memory("topic", "Party", 100, kind=MemoryKind.TOPIC),
        memory("note", "Party on Friday 12", 100, kind=MemoryKind.NOTE, origin=MemoryOrigin.REMEMBERED),
    ]
    assert doubts(refused, others, places=PLACES) == ("friday", "note")


def test_a_repetition_is_the_same_but_for_case_blanks_and_its_end() -> None:
    assert is_repetition("The X room is for the Y group.", " the x room  is for the Y group")
    assert not is_repetition("The X room is for the Y group", "The Z room is for the Y group")


def test_of_two_repetitions_the_current_one_counts() -> None:
    old, now = history(replace(FRIDAY, id="old"), "x"), FRIDAY
    assert repetition_of(FRIDAY.text, [old, now]) == now
    assert repetition_of(FRIDAY.text, [old, SATURDAY]) == old
    assert repetition_of(FRIDAY.text, [SATURDAY]) is None


# --- whatever comes --------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(["Party on Friday 12", "party on friday 12.", "Party on Saturday 13", "Who brings the cake?"])


@st.composite
def memories(draw: st.DrawFn, name: str) -> Memory:
    ids = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True))
    state = draw(st.sampled_from(MemoryState))
    made = memory(
        name,
        draw(TEXTS),
        *ids,
        author=draw(st.sampled_from([ANN, BEN])),
        channel=draw(st.sampled_from([HERE, HERE, THREAD, ELSEWHERE])),
        kind=draw(st.sampled_from(MemoryKind)),
        origin=draw(st.sampled_from(MemoryOrigin)),
    )
    return made if state is MemoryState.CURRENT else history(made, draw(st.sampled_from("abc")))


@given(
    st.data(),
    memories("new").filter(lambda m: m.kind is not MemoryKind.NOTE),
    st.sampled_from(Relation),
    st.sets(st.integers(1, 6)),
)
def test_whatever_a_model_says_only_what_may_change_changes(
    data: st.DataObject, new: Memory, relation: Relation, forgotten: set[int]
) -> None:
    new = replace(new, origin=MemoryOrigin.EXTRACTED, state=MemoryState.CURRENT, superseded_by=None)
    known = {name: data.draw(memories(name)) for name in "abc"}
    known = {name: m if m.superseded_by != name else replace(m, superseded_by=None) for name, m in known.items()}
    acyclic = {"a": "b", "b": "c"}
    known = {n: replace(m, superseded_by=acyclic.get(n) if m.superseded_by else None) for n, m in known.items()}
    related = data.draw(st.permutations(list(known.values())))[: data.draw(st.integers(0, 3))]
    before = [m for m in known.values() if {c.message_id for c in m.citations} & {c.message_id for c in new.citations}]
    change = settle(
        new,
        relation,
        related,
        places=PLACES,
        successors=known,
        contradicts=differ,
        made_before=data.draw(st.sampled_from([before, []])),
        forgotten_topics=forgotten,
    )
    touched = [*change.supersedes, *change.doubts, *([change.cites] if change.cites else [])]
    assert len(touched) == len(set(touched))
    if change.refusal is not None:
        assert change == Change(change.refusal)
    if relation is Relation.NEW:
        assert (change.supersedes, change.doubts, change.superseded_by) == ((), (), None)
    for name in touched:
        assert known[name].state is MemoryState.CURRENT
        assert (known[name].kind is MemoryKind.TOPIC) == (new.kind is MemoryKind.TOPIC)
        assert known[name].channel_ids <= PLACES or known[name] in before
    for name in change.supersedes:
        older = known[name]
        assert older.origin is MemoryOrigin.EXTRACTED
        assert older.newest.message_id < new.newest.message_id
        if older.kind is not MemoryKind.QUESTION and {older.kind, new.kind} & PERSONAL_KINDS:
            assert older.author_ids == new.author_ids
    for name in change.doubts:
        assert known[name].newest.message_id < new.newest.message_id
    if change.cites is not None:
        cited = known[change.cites]
        assert change.superseded_by is None
        assert is_repetition(cited.text, new.text) or not differ(cited.text, new.text)
        if {cited.kind, new.kind} & PERSONAL_KINDS:
            assert cited.author_ids == new.author_ids
    if change.superseded_by is not None:
        assert known[change.superseded_by].newest.message_id > new.newest.message_id
