"""OpenAIModel through the real client library against an OpenAI on loopback."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.domain.errors import (
    AnswerCut,
    AnswerDeclined,
    AnswerInvalid,
    ChannelMemoryError,
    RateLimited,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
    StartupError,
)
from bot.llm.base import Completion, CompletionRequest
from bot.llm.manners import strict
from bot.llm.openai import OpenAIModel
from bot.llm.wire import retry_after
from tests.loopback.http import Fault
from tests.loopback.ollama import CHARACTERS_A_TOKEN, Answer
from tests.loopback.openai import LoopbackOpenAI

SCHEMA = {
    "type": "object",
    "properties": {
        "memories": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}}
    },
}
CANARY = "sk-zqxj-canary-7f3a91"


@pytest.fixture
async def model(openai_server: LoopbackOpenAI) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel("sk-test", "gpt-4o-mini", base_url=openai_server.api_url, timeout=5)
    yield model
    await model.aclose()


async def ask(model: OpenAIModel, prompt: str = "1 A: we meet on Friday", max_tokens: int = 200) -> Completion:
    return await model.complete(
        CompletionRequest(system="Extract.", prompt=prompt, schema=SCHEMA, max_tokens=max_tokens, purpose="extraction")
    )


async def test_answers_with_what_the_server_counted(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.answer = lambda _: Answer('{"memories": []}', eval_count=7)
    answer = await ask(model)
    assert answer.text == '{"memories": []}'
    assert (answer.prompt_tokens, answer.completion_tokens) == (8, 7)
    assert (answer.provider, answer.model) == ("openai", "gpt-4o-mini")


async def test_asks_for_strict_json_by_schema(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    await ask(model, max_tokens=123)
    body = openai_server.asked("/chat/completions")[0].body
    asked = body["response_format"]["json_schema"]
    assert asked["strict"] is True
    assert asked["schema"]["properties"]["memories"]["items"]["required"] == ["text"]
    assert body["max_completion_tokens"] == 123
    assert body["temperature"] == 0.1


def test_strict_closes_objects_and_leaves_the_original_alone() -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "object", "properties": {}}]}}}
    closed = strict(schema)
    assert closed["properties"]["a"]["anyOf"][0]["additionalProperties"] is False
    assert closed["required"] == ["a"]
    assert "required" not in schema


async def test_cut_answer_is_an_error(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.answer = lambda _: {"memories": [{"text": "word " * 400}]}
    with pytest.raises(AnswerCut):
        await ask(model, max_tokens=50)


async def test_prompt_over_the_window_is_an_error(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.context_length = 100
    with pytest.raises(AnswerCut):
        await ask(model, "word " * 1000)


async def test_declined_and_empty_answers_are_invalid(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.answer = lambda _: ""
    with pytest.raises(AnswerInvalid, match="nothing"):
        await ask(model)
    openai_server.refusal = "I can't help with that."
    with pytest.raises(AnswerDeclined):
        await ask(model)
    openai_server.refusal = None
    openai_server.answer = lambda _: Answer("", "content_filter")
    with pytest.raises(AnswerDeclined):
        await ask(model)


@pytest.mark.parametrize(
    ("fault", "how", "error"),
    [
        (Fault.DROP, {}, ServiceFailed),
        (Fault.BROKEN, {}, ServiceFailed),
        (Fault.ODD, {}, ServiceFailed),
        (Fault.STATUS, {"status": 500}, ServiceFailed),
        (Fault.STATUS, {"status": 409}, ServiceUnavailable),
        (Fault.STATUS, {"status": 429}, RateLimited),
        (Fault.STATUS, {"status": 429, "message": "insufficient_quota"}, ServiceUnavailable),
        (Fault.STATUS, {"status": 400}, ServiceRejected),
        (Fault.STATUS, {"status": 403}, ServiceRejected),
        (Fault.STATUS, {"status": 404}, ServiceRejected),
    ],
)
async def test_faults_become_our_errors_without_retries_of_the_library(
    openai_server: LoopbackOpenAI, model: OpenAIModel, fault: Fault, how: dict[str, Any], error: type[Exception]
) -> None:
    openai_server.fail(fault, **how)
    with pytest.raises(error) as caught:
        await ask(model)
    assert type(caught.value) is error
    assert how.get("status") == 400 or len(openai_server.requests) == 1


async def test_told_how_long_to_wait(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.fail(Fault.STATUS, status=429, retry_after=17)
    with pytest.raises(RateLimited) as caught:
        await ask(model)
    assert caught.value.retry_after == 17


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 60.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=40.0) == seconds


async def test_hanging_and_refusing_servers_are_unavailable(openai_server: LoopbackOpenAI) -> None:
    model = OpenAIModel(None, "gpt-4o-mini", base_url=openai_server.api_url, timeout=0.1)
    openai_server.fail(Fault.HANG)
    with pytest.raises(ServiceUnavailable, match="no answer in time"):
        await ask(model)
    await openai_server.stop()
    with pytest.raises(ServiceUnavailable, match="nothing listens"):
        await ask(model)
    await model.aclose()


async def test_check_tells_a_wrong_key_from_a_wrong_model(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    await model.check()
    stranger = OpenAIModel("sk-test", "gpt-9", base_url=openai_server.api_url)
    with pytest.raises(ServiceRejected, match="no model 'gpt-9'"):
        await stranger.check()
    openai_server.api_key = "sk-other"
    with pytest.raises(ServiceRejected, match="OPENAI_API_KEY"):
        await model.check()
    await stranger.aclose()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, None])
async def test_neither_key_nor_content_gets_into_errors_or_logs(
    openai_server: LoopbackOpenAI, status: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    model = OpenAIModel(CANARY, "gpt-4o-mini", base_url=openai_server.api_url)
    if status == 401:
        openai_server.api_key = "sk-right"  # the server repeats the wrong key in its error
    elif status is None:
        openai_server.fail(Fault.BROKEN)
    else:
        openai_server.fail(Fault.STATUS, status=status, message=f"the model said {CANARY}")
    with pytest.raises(ChannelMemoryError) as caught:
        await ask(model, f"a secret was said: {CANARY}")
    assert openai_server.requests[0].headers["Authorization"] == f"Bearer {CANARY}"
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in caplog.text
    await model.aclose()


def test_no_password_in_the_address() -> None:
    with pytest.raises(StartupError, match="OPENAI_BASE_URL") as caught:
        OpenAIModel("sk-test", "gpt-4o-mini", base_url=f"http://user:{CANARY}@127.0.0.1/v1")
    assert CANARY not in str(caught.value)


async def read(model: OpenAIModel, enough: Callable[[str], bool], max_tokens: int = 2000) -> Completion:
    return await model.complete(
        CompletionRequest(
            system="Extract.",
            prompt="1 A: we meet on Friday",
            schema=SCHEMA,
            max_tokens=max_tokens,
            purpose="extraction",
            enough=enough,
        )
    )


async def test_an_answer_is_ended_as_soon_as_enough_was_said(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.piece = CHARACTERS_A_TOKEN
    openai_server.answer = lambda _: {"memories": ["again"] * 400}

    answer = await read(model, lambda text: text.count("again") > 1)

    assert answer.text.count("again") == 2
    assert not answer.whole
    assert answer.completion_tokens == -(-len(answer.text) // 4)
    assert answer.prompt_tokens
    assert openai_server.written < 400


async def test_a_stream_that_is_read_to_its_end_is_counted(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.answer = lambda _: Answer('{"memories": []}', eval_count=7)

    answer = await read(model, lambda _: False)

    assert (answer.text, answer.whole) == ('{"memories": []}', True)
    assert (answer.prompt_tokens, answer.completion_tokens) == (8, 7)


@pytest.mark.parametrize("streams", [True, False])
async def test_an_answer_that_is_read_as_it_comes_may_end_at_its_bound(
    openai_server: LoopbackOpenAI, model: OpenAIModel, streams: bool
) -> None:
    openai_server.streams = streams
    openai_server.answer = lambda _: {"memories": ["word " * 400]}

    answer = await read(model, lambda _: False, max_tokens=50)

    assert (answer.whole, answer.completion_tokens, len(answer.text)) == (False, 50, 200)


async def test_a_refusal_in_a_stream_is_an_unusable_answer(openai_server: LoopbackOpenAI, model: OpenAIModel) -> None:
    openai_server.refusal = "I can't help with that."

    with pytest.raises(AnswerDeclined):
        await read(model, lambda _: False)


async def test_a_model_with_instructions_of_its_own_may_answer_in_its_own_form(
    openai_server: LoopbackOpenAI, model: OpenAIModel
) -> None:
    openai_server.answer = lambda _: "Yes"

    answer = await model.complete(
        CompletionRequest(system="", prompt="Document: x\nClaim: x", schema={}, max_tokens=4, purpose="check")
    )

    body = openai_server.asked("/chat/completions")[0].body
    assert answer.text == "Yes"
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert "response_format" not in body
