"""The first call: what is read of an answer, whatever it looks like, and what is asked again."""

from __future__ import annotations

import json
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import AnswerCut, AnswerInvalid, MemoryKind, Message
from bot.llm import estimate_tokens
from bot.remember.model_json import Repetition, items_of
from bot.remember.propose import (
    MAX_CHARS,
    NO_SUCH_LINE,
    READ_BEFORE,
    SYSTEM,
    UNREADABLE,
    Proposals,
    Proposer,
    answer_schema,
)
from tests.fixtures.remember import ANA, BEN, CEM, Broken, Says, TwoCallModel, chat, proposals, transcript

CHAT = chat(
    (ANA, "the party moves to Saturday"), (BEN, "ok, I bring the cake"), (ANA, "great"), (CEM, "who has the key?")
)
MOVED = ("The party is on Saturday.", "decision", [1])
CAKE = ("@B brings the cake to the party.", "plan", [1, 2])


async def proposed(
    *answers: Says, messages: list[Message] = CHAT, context: list[Message] | None = None, personal: tuple[int, ...] = ()
) -> tuple[Proposals, TwoCallModel]:
    model = TwoCallModel()
    model.proposes(*answers)
    return await Proposer(model).propose(transcript(messages, context=context or ()), personal), model


def texts(result: Proposals) -> list[str]:
    return [proposal.text for proposal in result.items]


def test_the_constant_prompt_is_short() -> None:
    assert estimate_tokens(SYSTEM) <= 800


async def test_proposals_are_resolved_to_people_and_messages() -> None:
    result, _ = await proposed(proposals(CAKE, MOVED, topics=[("The party", [1, 2, 3])]))

    assert [(p.kind, p.text, [line.message_id for line in p.lines]) for p in result.items] == [
        (MemoryKind.DECISION, "The party is on Saturday.", [CHAT[0].id]),
        (MemoryKind.PLAN, f"<@{BEN}> brings the cake to the party.", [CHAT[0].id, CHAT[1].id]),
        (MemoryKind.TOPIC, "The party", [m.id for m in CHAT[:3]]),
    ]
    assert result.cost.calls == 1


async def test_topics_may_come_behind_the_memories() -> None:
    answer = json.loads(proposals(MOVED, topics=[("The party", [1, 2, 3])]))
    result, _ = await proposed(json.dumps({"memories": answer["memories"], "topics": answer["topics"]}))

    assert texts(result) == ["The party is on Saturday.", "The party"]


async def test_a_broken_list_takes_nothing_of_the_one_behind_it() -> None:
    topics = '"topics":[{"text":"The party","lines":[1]}]'
    memories = '"memories":[{"text":"The party is on Saturday.","kind":"decision","lines":[1]}]'
    topic_last, _ = await proposed(f'{{{memories[:-1]},{{"text":7,{topics}}}')
    topic_first, _ = await proposed(f'{{{topics[:-1]},{{"text":7,{memories}}}')

    for result in (topic_last, topic_first):
        assert sorted(texts(result)) == ["The party", "The party is on Saturday."]
        assert not result.refusals


async def test_topics_may_be_missing() -> None:
    result, _ = await proposed('{"memories":[{"text":"The party is on Saturday.","kind":"decision","lines":[1]}]}')

    assert texts(result) == ["The party is on Saturday."]


async def test_one_bad_item_costs_no_other() -> None:
    rows: list[object] = [
        {"text": "The party is on Saturday.", "kind": "decision", "lines": [1]},
        {"text": 7, "kind": "decision", "lines": [1]},
        {"text": "No kind.", "lines": [1]},
        {"text": "A kind of its own.", "kind": "note", "lines": [1]},
        {"text": "Lines as text.", "kind": "plan", "lines": ["1"]},
        {"text": "  ", "kind": "plan", "lines": [1]},
        "text",
        None,
        {"text": "No line.", "kind": "plan", "lines": []},
        {"text": "Line 99.", "kind": "plan", "lines": [1, 99]},
        {"text": "@B brings the cake.", "kind": "plan", "lines": [2]},
    ]
    result, _ = await proposed(json.dumps({"topics": 3, "memories": rows}))

    assert texts(result) == ["The party is on Saturday.", f"<@{BEN}> brings the cake."]
    assert result.refusals == {UNREADABLE: 7, NO_SUCH_LINE: 2}


@pytest.mark.parametrize(
    "answer", ["", "Sure! {{{", "[]", "{}", '{"memories":7}', '{"memories":[1,{"text":2}]}', "null"]
)
async def test_an_answer_without_any_use_is_invalid(answer: str) -> None:
    with pytest.raises(AnswerInvalid):
        await proposed(answer)


async def test_an_answer_with_nothing_to_keep_is_an_answer() -> None:
    result, _ = await proposed('{"topics":[],"memories":[]}')

    assert (texts(result), result.refusals, result.cost.calls) == ([], {}, 1)


async def test_json_in_prose_or_broken_in_one_place_is_read_all_the_same() -> None:
    answer = (
        'Here it is:\n```json\n{"memories":[{"text":"The party is on Saturday.","kind":"decision","lines":[1]},'
        '{"text":"a "broken" one","kind":"plan","lines":[1]},{"text":"@B brings the cake.",'
        '"kind":"plan","lines":[2]}]}```'
    )
    result, _ = await proposed(answer)

    assert texts(result) == ["The party is on Saturday.", f"<@{BEN}> brings the cake."]


async def test_what_was_read_before_is_cited_only_together_with_something_new() -> None:
    before = chat((CEM, "the party is at the lake"))
    after = CHAT[:2]
    result, _ = await proposed(
        proposals(
            ("The party is at the lake.", "plan", [1]), ("The party at the lake is on Saturday.", "plan", [1, 2])
        ),
        messages=after,
        context=before,
    )

    assert texts(result) == ["The party at the lake is on Saturday."]
    assert result.refusals == {READ_BEFORE: 1}


async def test_people_whom_nobody_is_are_noticed() -> None:
    result, _ = await proposed(proposals(("@Q brings the cake.", "plan", [2])))

    assert result.items[0].names_nobody


async def test_lone_surrogates_and_hidden_characters_do_not_get_through() -> None:
    result, _ = await proposed('{"memories":[{"text":"Party\\ud800 on\\u202e Saturday.","kind":"plan","lines":[1]}]}')

    assert texts(result) == ["Party on Saturday."]


async def test_the_model_hears_of_personal_kinds_only_where_a_speaker_allowed_them() -> None:
    _, without = await proposed(proposals())
    _, other = await proposed(proposals(), personal=(7777,))
    _, with_ana = await proposed(proposals(), personal=(ANA,))

    for model in (without, other):
        assert "preference" not in model.prompts[0]
        assert "preference" not in json.dumps(model.requests[0].schema)
    assert "Of @A also note" in with_ana.prompts[0]
    assert "preference" in json.dumps(with_ana.requests[0].schema)


async def test_a_stretch_without_text_is_not_asked_about() -> None:
    result, model = await proposed(proposals(MOVED), messages=chat((ANA, "> only a quote")))

    assert (result.items, model.requests) == ((), [])


async def test_lines_that_no_whole_item_cites_are_asked_again_once() -> None:
    cut = Broken('{"topics":[],"memories":[{"text":"The party is on Saturday.","kind":"decision","lines":[1]},{"te')
    result, model = await proposed(cut, proposals(("Who has the key?", "question", [4])))

    assert texts(result) == ["The party is on Saturday.", "Who has the key?"]
    assert result.cost.calls == 2
    second = model.prompts[1].split("Lines:\n")[1]
    assert [line.split()[0] for line in second.splitlines() if line[:1].isdigit()] == ["2", "3", "4"]


async def test_a_second_answer_without_use_costs_nothing_of_the_first() -> None:
    cut = Broken('{"memories":[{"text":"The party is on Saturday.","kind":"decision","lines":[1]},{"te')
    result, model = await proposed(cut, "no JSON")

    assert (texts(result), len(model.requests)) == (["The party is on Saturday."], 2)


async def test_an_answer_that_ended_before_its_first_item_asks_for_fewer_messages() -> None:
    with pytest.raises(AnswerCut):
        await proposed(Broken('{"topics":[],"memories":[{"text":"The party is'))


@pytest.mark.parametrize("order", [("topics", "memories"), ("memories", "topics")])
def test_a_topic_and_a_memory_may_say_the_same(order: tuple[str, str]) -> None:
    first, second = (f'"{name}":[{{"text":"The party","lines":[1]}}]' for name in order)

    assert not Repetition()(f"{{{first},{second}}}")


def test_an_answer_that_goes_round_is_ended() -> None:
    item = '{{"text":"Statement {}.","kind":"plan","lines":[1]}},'
    answer = '{"topics":[{"text":"Statement 1.","lines":[1]}],"memories":[' + "".join(
        item.format(n) for n in (1, 2, 3, 2, 3)
    )
    enough = Repetition()
    ended = next(end for end in count(1) if enough(answer[:end]))

    assert answer[:ended].count("Statement 2.") == 2
    assert "Statement 3." in answer[:ended]
    assert answer[:ended].count("Statement 3.") == 1


def test_the_schema_bounds_every_length() -> None:
    schema = answer_schema([3, 4, 5, 6, 7], personal=False)["properties"]
    memory = schema["memories"]["items"]["properties"]

    assert (schema["memories"]["maxItems"], schema["topics"]["maxItems"]) == (5, 2)
    assert memory["text"]["maxLength"] == MAX_CHARS
    assert (memory["lines"]["minItems"], memory["lines"]["items"]["maximum"]) == (1, 7)


@settings(max_examples=60, deadline=None)
@given(st.text() | st.text(alphabet='{}[]",:\\ \ntexmoris1'), st.booleans())
def test_whatever_a_model_says_is_read(said: str, inside: bool) -> None:
    items_of('{"memories":[' + said if inside else said, "memories")
    Repetition()(said)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["text", "kind", "lines", "n"]), inner),
        max_leaves=12,
    )
)
async def test_whatever_json_a_model_answers_no_error_but_ours_comes_of_it(value: object) -> None:
    try:
        result, _ = await proposed(json.dumps({"topics": value, "memories": value}))
    except (AnswerInvalid, AnswerCut):
        return
    assert all(proposal.lines for proposal in result.items)
