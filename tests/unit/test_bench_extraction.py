"""How extraction is scored, and the meter that measures it."""

from __future__ import annotations

from pathlib import Path

import ollama
import pytest

from bench.extraction_scores import Made, answerable, answers_held, duplicates, evidence_cited, named, speakers_right
from bench.meter import Meter, measure
from bench.stock import batches
from bench.stretches import figures
from bot.domain.model import Message
from bot.llm.base import CompletionRequest
from bot.llm.ollama import OllamaModel
from bot.llm.openai import OpenAIModel
from bot.observe.messagelog import Said
from tests.fixtures.remember import ANA, BEN, CEM, NAMES, chat
from tests.loopback.discord import eventually
from tests.loopback.ollama import Answer, LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

SAID = [
    Said(message, NAMES[message.author_id])
    for message in chat(
        (ANA, "the open day is on 21 June in the market hall"),
        (BEN, "the budget for the open day is 200 euros"),
        (CEM, "who brings the tables?"),
    )
]
DAY, BUDGET, _ = (one.message.id for one in SAID)


def made(text: str, *message_ids: int, speakers: frozenset[int] = frozenset({ANA})) -> Made:
    return Made(text, 2, message_ids, speakers)


def question(**parts: object) -> dict[str, object]:
    return {"channel_id": "2", "query": "?", "answer": "", "evidence": [], "include": [], "as_of": None} | parts


def test_only_questions_that_the_messages_answer_are_asked() -> None:
    here = question(evidence=[str(DAY)])
    elsewhere = question(evidence=[str(DAY), "17"])
    held = question(include=["200 Euros"])
    too_late = question(include=["200 euros"], as_of=str(DAY))
    another_channel = question(include=["200 euros"], channel_id="3")
    assert answerable([here, elsewhere, held, too_late, another_channel], SAID) == [here, held]


def test_a_question_counts_when_some_memory_cites_its_evidence() -> None:
    asked = [question(evidence=[str(DAY), str(BUDGET)]), question(evidence=[str(BUDGET)])]
    assert evidence_cited(asked, [made("The open day is on 21 June.", DAY)]) == 0.5
    assert evidence_cited([question(include=["x"])], []) is None


def test_an_answer_is_held_in_its_channel_and_however_a_date_is_written() -> None:
    memories = [made("The open day is on 2025-06-21, for 200 euros.", DAY)]
    assert answers_held([question(answer="21 June, 2025")], memories) == 1
    assert answers_held([question(include=["200 EUROS", "2025-06-21"])], memories) == 1
    assert answers_held([question(include=["200 euros", "hall"])], memories) == 0
    assert answers_held([question(answer="200 euros", channel_id="3")], memories) == 0


def test_the_right_speaker_is_who_said_what_is_most_like_it() -> None:
    right = made("The budget for the open day is 200 euros.", BUDGET, speakers=frozenset({BEN}))
    wrong = made("The budget for the open day is 200 euros.", DAY, speakers=frozenset({ANA}))
    assert speakers_right([right, wrong], SAID) == 0.5
    assert named("ana said that Ben pays", NAMES) == {ANA, BEN}
    assert named("Anatol pays", NAMES) == set()


def test_a_duplicate_says_what_an_earlier_one_of_its_channel_says() -> None:
    first, again = made("The open day is on 21 June."), made("the open day: on 21 June")
    other = Made("The open day is on 21 June.", 3, (), frozenset())
    assert duplicates([first, made("The hall is cold."), again, other]) == 0.25
    assert duplicates([]) == 0


def test_batches_hold_one_channel_each() -> None:
    elsewhere = Said(Message(id=9, guild_id=1, channel_id=3, author_id=ANA, content="hi"), "Ana")
    sizes = [[one.message.channel_id for one in batch] for batch in batches([*SAID, elsewhere], 2)]
    assert sizes == [[2, 2], [2], [3]]


@pytest.mark.parametrize(
    ("answer", "tokens", "text"),
    [
        (b'{"message": {"content": "a"}, "prompt_eval_count": 7, "eval_count": 2}', 9, "a"),
        (
            b'{"choices": [{"message": {"content": "b"}}], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}',
            6,
            "b",
        ),
        (b'{"message": {"content": "c"}}', 0, "c"),
        (b"<html>", 0, ""),
        (b"[]", 0, ""),
    ],
)
def test_an_answer_is_measured_in_either_protocol(answer: bytes, tokens: int, text: str) -> None:
    measured = measure(200, answer, 1.5)
    assert (measured.tokens, measured.text, measured.seconds) == (tokens, text, 1.5)


async def test_the_meter_counts_and_gives_kept_answers_again(ollama_server: LoopbackOllama, tmp_path: Path) -> None:
    answers = iter([Answer("first", prompt_eval_count=40, eval_count=2), Answer("second")])
    ollama_server.answer = lambda _: next(answers)
    async with Meter(ollama_server.url, "http://127.0.0.1:1", tmp_path / "answers") as meter:
        client = ollama.AsyncClient(meter.url)
        for prompt in ("one", "one", "two"):
            await client.chat("llama3.1:8b", [{"role": "user", "content": prompt}])
        await client.list()
        await client.close()  # type: ignore[no-untyped-call]
        assert [(call.text, call.tokens) for call in meter.take()][:2] == [("first", 42), ("first", 42)]
        assert meter.take() == []
    assert len(ollama_server.asked("/api/chat")) == 2


async def test_an_answer_that_is_ended_early_is_counted_as_far_as_it_was_heard(ollama_server: LoopbackOllama) -> None:
    ollama_server.answer = lambda _: {"memories": ["again"] * 4000}
    async with Meter(ollama_server.url, "http://127.0.0.1:1") as meter:
        model = OllamaModel(meter.url, "llama3.1:8b")
        answer = await model.complete(
            CompletionRequest(
                system="s",
                prompt="p" * 400,
                schema={"type": "object", "properties": {}},
                max_tokens=9000,
                purpose="extraction",
                enough=lambda text: text.count("again") > 3,
            )
        )
        await model.aclose()
        await eventually(lambda: len(meter.calls) == 1, what="the call")
        (call,) = meter.take()
    assert not answer.whole
    assert call.text.startswith('{"memories": ["again"')
    assert 0 < call.completion_tokens < 3000
    assert call.prompt_tokens > 50


@pytest.mark.parametrize("streamed", [True, False])
async def test_an_answer_in_parts_is_counted_as_one(openai_server: LoopbackOpenAI, streamed: bool) -> None:
    openai_server.answer = lambda _: Answer('{"memories": []}', eval_count=7)
    openai_server.streams = streamed
    async with Meter(openai_server.url, "http://127.0.0.1:1") as meter:
        model = OpenAIModel("k", "gpt-4o-mini", base_url=f"{meter.url}/v1")
        request = CompletionRequest(
            system="s",
            prompt="p",
            schema={"type": "object", "properties": {}},
            max_tokens=90,
            purpose="x",
            enough=lambda _: False,
        )
        assert (await model.complete(request)).text == '{"memories": []}'
        await model.aclose()
        (call,) = meter.take()
    assert (call.text, call.completion_tokens) == ('{"memories": []}', 7)


def test_reply_pairs_count_where_both_stand_in_one_stretch() -> None:
    said = chat(*[(ANA, f"remark number {number}") for number in range(100)])
    pairs = [(said[0].id, said[1].id), (said[0].id, said[99].id), (said[0].id, 17)]
    shown = figures(said, pairs, batch=100)
    assert (shown["pairs"], shown["in one stretch"], shown["stretches"]) == (2, 0.5, 2)
