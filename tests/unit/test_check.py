"""The second call: what it is shown, how its verdicts are read, and what is kept by them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import AnswerInvalid, Memory, MemoryKind
from bot.llm import CompletionRequest, estimate_tokens
from bot.remember.check import (
    NOT_LASTING,
    NOT_SAID,
    PRIVATE,
    SYSTEM,
    UNJUDGED,
    Candidate,
    Checker,
    judged,
)
from bot.remember.statement import Judged, Judgement, Proposed, Relation, Statement
from tests.fixtures.remember import ANA, BEN, CEM, TwoCallModel, agree, chat, transcript, verdict, verdicts

CHAT = chat(
    (ANA, "the party moves to Saturday"), (BEN, "ok, I bring the cake"), (ANA, "great"), (CEM, "who has the key?")
)
MOVED = Statement(MemoryKind.DECISION, "The party is on Saturday.", (CHAT[0].id,))
CAKE = Statement(MemoryKind.PLAN, f"<@{BEN}> brings the cake to the party.", (CHAT[1].id,), (CHAT[0].id,))
KEY = Statement(MemoryKind.QUESTION, "Who has the key?", (CHAT[3].id,))
PARTY = Statement(MemoryKind.TOPIC, "The party", tuple(m.id for m in CHAT[:3]))


def memory(name: str, text: str) -> Memory:
    return Memory(id=name, guild_id=1, kind=MemoryKind.DECISION, text=text, citations=())


ON_FRIDAY = memory("friday", "The party is on Friday.")
OF_CEM = memory("cem", "<@4711> has\nS9: the key.")


async def judge(model: TwoCallModel, *candidates: Candidate) -> Judged:
    judgements, cost = await Checker(model).check(transcript(CHAT), candidates)
    return judged(Proposed(), candidates, judgements, cost)


def kept(result: Judged) -> list[str]:
    return [statement.text for statement, _ in result.statements]


def test_the_constant_prompt_is_short() -> None:
    assert estimate_tokens(SYSTEM) <= 900


async def test_lines_come_first_then_statements_with_their_nearest_memories() -> None:
    model = TwoCallModel()
    await judge(model, Candidate(MOVED, [ON_FRIDAY]), Candidate(CAKE, [OF_CEM, ON_FRIDAY]), Candidate(KEY))

    rows = model.prompts[0].splitlines()
    assert rows[0] == "Lines:"
    assert rows[5:14] == [
        "",
        "Statements:",
        "S1 (lines 1): The party is on Saturday.",
        "M1: The party is on Friday.",
        "S2 (lines 1, 2): @B brings the cake to the party.",
        "M2: @D has S9: the key.",
        "M3: The party is on Friday.",
        "S3 (question, lines 4): Who has the key?",
        "",
    ]


async def test_only_lines_around_the_cited_ones_are_shown() -> None:
    messages = chat(*[(ANA, f"remark number {i}") for i in range(40)])
    model = TwoCallModel()
    statement = Statement(MemoryKind.PLAN, "There is a remark.", (messages[20].id,))
    await Checker(model).check(transcript(messages), [Candidate(statement)])

    shown = [int(row.split()[0]) for row in model.prompts[0].splitlines() if row[:1].isdigit()]
    assert shown == list(range(11, 32))


async def test_what_is_said_lasting_and_not_private_is_kept() -> None:
    model = TwoCallModel(
        judge=lambda _: verdicts(
            verdict(1), verdict(2, said=False), verdict(3, lasting=False), verdict(4, private=True)
        )
    )
    result = await judge(model, Candidate(MOVED), Candidate(CAKE), Candidate(KEY), Candidate(MOVED))

    assert kept(result) == [MOVED.text]
    assert result.refusals == {NOT_SAID: 1, NOT_LASTING: 1, PRIVATE: 1}


async def test_a_topic_need_not_be_of_lasting_interest() -> None:
    model = TwoCallModel(judge=lambda _: verdicts(verdict(1, lasting=False)))

    assert kept(await judge(model, Candidate(PARTY))) == [PARTY.text]


async def test_a_change_names_the_memories_that_it_outdates() -> None:
    model = TwoCallModel(judge=lambda _: verdicts(verdict(1, relation="replaces", memory=[1, 2])))
    result = await judge(model, Candidate(MOVED, [ON_FRIDAY, OF_CEM]))

    assert result.statements[0][1] == Judgement(True, True, False, Relation.REPLACES, ("friday", "cem"))


@pytest.mark.parametrize(
    "fields",
    [
        {"relation": "replaces", "memory": [2]},  # shown with another statement
        {"relation": "replaces", "memory": [99]},
        {"relation": "same", "memory": []},
        {"relation": "new", "memory": [1]},
    ],
)
async def test_a_relation_to_nothing_that_was_shown_with_it_is_none(fields: dict[str, object]) -> None:
    model = TwoCallModel(judge=lambda _: verdicts(verdict(1, **fields), verdict(2)))
    result = await judge(model, Candidate(MOVED, [ON_FRIDAY]), Candidate(CAKE, [OF_CEM]))

    assert result.statements[0][1].related == ()
    assert result.statements[0][1].relation is Relation.NEW


async def test_a_single_number_of_a_memory_counts_as_well() -> None:
    model = TwoCallModel(judge=lambda _: verdicts(verdict(1, relation="same", memory=1)))

    assert (await judge(model, Candidate(MOVED, [ON_FRIDAY]))).statements[0][1].related == ("friday",)


async def test_a_refused_change_raises_doubt_and_is_handed_on_without_its_text() -> None:
    model = TwoCallModel(
        judge=lambda _: verdicts(
            verdict(1, said=False, relation="replaces", memory=[1]),
            verdict(2, private=True, relation="replaces", memory=[2]),
            verdict(3, relation="replaces", memory=[3]),
            verdict(4, said=False),
        )
    )
    result = await judge(
        model,
        Candidate(MOVED, [ON_FRIDAY]),
        Candidate(CAKE, [ON_FRIDAY]),
        Candidate(KEY, [OF_CEM], keepable=False),
        Candidate(MOVED, keepable=False),
    )

    assert kept(result) == []
    assert [(s.text, s.message_ids, j.related) for s, j in result.refused] == [
        ("", MOVED.message_ids, ("friday",)),
        ("", KEY.message_ids, ("cem",)),
    ]
    assert result.refusals == {NOT_SAID: 1, PRIVATE: 1}


async def test_statements_without_a_verdict_are_asked_about_once_more() -> None:
    answers = [verdicts(verdict(2), {"n": 7}, {"n": "1"}, verdict(3, said="yes")), verdicts(verdict(1, said=False))]
    model = TwoCallModel(judge=lambda _: answers.pop(0))
    result = await judge(model, Candidate(MOVED), Candidate(CAKE), Candidate(KEY))

    assert kept(result) == [CAKE.text]
    assert result.refusals == {NOT_SAID: 1, UNJUDGED: 1}
    assert "S2" in model.prompts[1]
    assert "S3" not in model.prompts[1]


@pytest.mark.parametrize("answer", ["", "Sure!", '{"verdicts":[]}', '{"verdicts":7}', "[]"])
async def test_an_answer_that_judges_nothing_is_invalid(answer: str) -> None:
    with pytest.raises(AnswerInvalid):
        await judge(TwoCallModel(judge=lambda _: answer), Candidate(MOVED))


async def test_nothing_is_asked_about_nothing() -> None:
    model = TwoCallModel()
    await judge(model)

    assert model.requests == []


async def test_the_model_for_claims_decides_what_is_said_and_the_other_one_the_rest() -> None:
    def yes_to_the_cake(request: CompletionRequest) -> str:
        return "Yes" if "Claim: @B brings the cake" in request.prompt else "No"

    model = TwoCallModel(judge=lambda request: agree(request))
    claims = TwoCallModel(judge=yes_to_the_cake)
    candidates = [Candidate(MOVED), Candidate(CAKE), Candidate(KEY)]
    judgements, cost = await Checker(model, claims).check(transcript(CHAT), candidates)

    assert [j.said for j in judgements if j] == [False, True, True]  # a question is no claim
    assert claims.prompts[0].startswith("Document: 1 @A")
    assert claims.prompts[0].endswith("\nClaim: The party is on Saturday.")
    assert claims.requests[0].schema == {}
    assert cost.calls == 3


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["n", "said", "lasting", "private", "relation", "memory"]), inner)
        ),
        max_leaves=15,
    )
)
async def test_whatever_json_a_model_answers_no_error_but_ours_comes_of_it(value: object) -> None:
    model = TwoCallModel(judge=lambda _: json.dumps({"verdicts": value}))
    try:
        result = await judge(model, Candidate(MOVED, [ON_FRIDAY]), Candidate(CAKE))
    except AnswerInvalid:
        return
    assert len(result.statements) <= 2
