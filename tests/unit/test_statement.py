"""Answers as a batch keeps them: read back as they were, and those of an older form asked for again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import MemoryKind
from bot.remember.statement import Cost, Judged, Judgement, Proposed, Relation, Statement, read_answer

IDS = st.lists(st.integers(1, 2**63 - 1), max_size=3).map(tuple)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
STATEMENTS = st.builds(Statement, st.sampled_from(MemoryKind), TEXT, IDS, IDS)
JUDGEMENTS = st.builds(
    Judgement,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(Relation),
    st.lists(TEXT, max_size=2).map(tuple),
)
PAIRS = st.lists(st.tuples(STATEMENTS, JUDGEMENTS), max_size=3).map(tuple)
REFUSALS = st.dictionaries(TEXT, st.integers(1, 99), max_size=3)
COSTS = st.builds(Cost, st.integers(0, 9), st.integers(0, 9999), st.integers(0, 9999))


@settings(max_examples=60, deadline=None)
@given(st.lists(STATEMENTS, max_size=3).map(tuple), st.lists(STATEMENTS, max_size=3).map(tuple), REFUSALS, COSTS)
def test_proposals_are_read_back_as_they_were(
    statements: tuple[Statement, ...], doubtful: tuple[Statement, ...], refusals: dict[str, int], cost: Cost
) -> None:
    proposed = Proposed(statements, doubtful, refusals, cost)

    assert read_answer(proposed.to_json()) == proposed


@settings(max_examples=60, deadline=None)
@given(PAIRS, PAIRS, REFUSALS, COSTS)
def test_judged_statements_are_read_back_as_they_were(
    statements: tuple[tuple[Statement, Judgement], ...],
    refused: tuple[tuple[Statement, Judgement], ...],
    refusals: dict[str, int],
    cost: Cost,
) -> None:
    judged = Judged(statements, refused, refusals, cost)

    assert read_answer(judged.to_json()) == judged


def test_an_answer_of_the_old_form_or_of_no_form_is_asked_for_again() -> None:
    old = '{"candidates":[["decision","The server moves.",["1"]]],"refusals":{},"calls":1}'

    assert read_answer(old) is None
    assert read_answer("") is None
    assert read_answer('{"v":2,"judged":[[1]],"refused":[],"refusals":{},"cost":[0,0,0]}') is None
    assert read_answer("[1]") is None


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_whatever_a_column_holds_is_read_or_asked_for_again(text: str) -> None:
    read_answer(text)
