"""The JSON of an answer is taken from wherever it stands, and nothing in it is without bounds."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import AnswerCut, AnswerInvalid
from bot.llm.base import CompletionRequest, Enough, plausible_count
from bot.llm.model_answers import CHARACTERS_A_TOKEN, PartialAnswer, json_in

SCHEMA = {"type": "object", "properties": {"memories": {"type": "array"}}, "required": ["memories"]}
WANTED = '{"memories": ["the meeting is on Friday"]}'


def request(max_tokens: int = 100, enough: Enough | None = None) -> CompletionRequest:
    return CompletionRequest(
        system="s", prompt="p", schema=SCHEMA, max_tokens=max_tokens, purpose="extraction", enough=enough
    )


@pytest.mark.parametrize(
    "text",
    [
        WANTED,
        f"\n  {WANTED}\n",
        f"```json\n{WANTED}\n```",
        f"Sure! Here is the JSON:\n\n```\n{WANTED}\n```\nLet me know if you need more {{details}}.",
        f"<think>The user wants {{memories}}.</think>{WANTED}",
        f'A draft: {{"memories": []}}. Better: {WANTED}',
        f'{{"note": "not this"}} {WANTED}',
        f"{{{{ {WANTED} }}}}",
    ],
)
def test_an_answer_is_found_where_it_stands(text: str) -> None:
    assert json_in([text], SCHEMA) == WANTED


def test_thoughts_are_read_where_the_answer_has_none() -> None:
    assert json_in(["", f"I should say {WANTED}"], SCHEMA) == WANTED
    assert json_in([WANTED, '{"memories": ["a thought"]}'], SCHEMA) == WANTED


@pytest.mark.parametrize("text", ["", "no", "[1]", '{"memories": [', '{"other": []}', "null", "{" * 5000])
def test_what_was_not_asked_for_is_no_answer(text: str) -> None:
    assert json_in([text], SCHEMA) is None


@pytest.mark.parametrize("text", ['{"a":' * 20_000, "{" * 200_000, '{"a": "' + "{" * 100_000, "[{" * 50_000])
def test_hostile_answers_are_read_in_time_that_grows_with_their_length(text: str) -> None:
    def seconds(answer: str) -> float:
        started = time.process_time()
        json_in([answer], SCHEMA)
        return time.process_time() - started

    short = min(seconds(text[: len(text) // 4]) for _ in range(5))
    assert min(seconds(text) for _ in range(5)) <= 8 * short + 0.02


def test_characters_that_no_database_takes_are_left_out() -> None:
    text = json_in(['{"memories": ["a\\u0000b \\ud800 \\\\u0000 \\ud83c\\udf89"]}'], SCHEMA)
    assert text is not None
    assert json.loads(text) == {"memories": ["ab ? \\u0000 🎉"]}


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), st.text(alphabet="ab `\n", max_size=9))
def test_every_object_is_found_between_sentences(value: dict[str, str], around: str) -> None:
    wanted = {**value, "memories": []}
    text = json_in([f"{around}{json.dumps(wanted)}{around}"], SCHEMA)
    assert text is not None
    assert json.loads(text).keys() == {str(key).replace("\0", "") for key in wanted}


@pytest.mark.parametrize(
    ("told", "believed"),
    [(0, 0), (321, 321), (-1, None), (10**30, None), (True, None), (1.5, None), ("12", None), (None, None)],
)
def test_counts_that_can_not_be_are_unknown(told: object, believed: int | None) -> None:
    assert plausible_count(told) == believed


def test_an_answer_without_end_is_cut() -> None:
    draft = PartialAnswer(request(max_tokens=10), 10)
    parts = 0
    while draft.add("words and more of them " * 4):
        parts += 1
    assert len(draft.text) < 2 * 10 * CHARACTERS_A_TOKEN
    with pytest.raises(AnswerCut):
        draft.completion("ollama", "m", 1.0)


def test_of_an_answer_that_was_ended_early_its_beginning_is_kept() -> None:
    draft = PartialAnswer(request(enough=lambda text: text.endswith("x")), 100)
    assert draft.add('Here: {"memories": ["')
    assert not draft.add("x")
    completion = draft.completion("ollama", "m", 1.0)
    assert (completion.text, completion.whole) == ('{"memories": ["x', False)


def test_parts_that_are_no_text_are_no_answer() -> None:
    draft = PartialAnswer(request(), 100)
    draft.add([{"type": "text", "text": WANTED}], 7)
    with pytest.raises(AnswerInvalid):
        draft.completion("openai", "m", 1.0)
