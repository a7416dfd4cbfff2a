"""AnthropicModel against an Anthropic on loopback."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator
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
)
from bot.llm.base import Completion, CompletionRequest, Enough
from bot.llm.providers.anthropic import AnthropicModel
from tests.loopback.anthropic import LoopbackAnthropic
from tests.loopback.http import Fault
from tests.loopback.ollama import CHARACTERS_A_TOKEN, Answer

SCHEMA = {
    "type": "object",
    "properties": {"memories": {"type": "array", "items": {"type": "string"}}},
    "required": ["memories"],
}
CANARY = "sk-ant-zqxj-canary-7f3a91"


@pytest.fixture
async def server() -> AsyncIterator[LoopbackAnthropic]:
    async with LoopbackAnthropic() as server:
        yield server


@pytest.fixture
async def model(server: LoopbackAnthropic) -> AsyncIterator[AnthropicModel]:
    model = AnthropicModel("sk-test", "claude-haiku-4-5", server.url, timeout=5)
    yield model
    await model.aclose()


async def ask(
    model: AnthropicModel,
    prompt: str = "1 A: we meet on Friday",
    *,
    max_tokens: int = 200,
    schema: dict[str, Any] | None = None,
    enough: Enough | None = None,
) -> Completion:
    return await model.complete(
        CompletionRequest(
            system="Extract.",
            prompt=prompt,
            schema=SCHEMA if schema is None else schema,
            max_tokens=max_tokens,
            purpose="extraction",
            enough=enough,
        )
    )


async def test_an_answer_by_schema_is_the_input_of_a_tool(server: LoopbackAnthropic, model: AnthropicModel) -> None:
    server.answer = lambda _: Answer('{"memories": ["x"]}', eval_count=7)
    answer = await ask(model, max_tokens=123)
    assert answer.text == '{"memories": ["x"]}'
    assert (answer.prompt_tokens, answer.completion_tokens) == (6, 7)
    assert (answer.provider, answer.model) == ("anthropic", "claude-haiku-4-5")
    body = server.asked("/v1/messages")[0].body
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": body["tools"][0]["name"]}
    assert (body["system"], body["max_tokens"], body["temperature"]) == ("Extract.", 123, 0.1)
    assert server.requests[0].headers["x-api-key"] == "sk-test"


async def test_without_a_schema_it_answers_in_its_own_words(server: LoopbackAnthropic, model: AnthropicModel) -> None:
    server.answer = lambda _: "Yes, it says so."
    assert (await ask(model, schema={})).text == "Yes, it says so."
    assert "tools" not in server.requests[0].body


async def test_an_answer_is_ended_as_soon_as_enough_was_said(server: LoopbackAnthropic, model: AnthropicModel) -> None:
    server.piece = CHARACTERS_A_TOKEN
    server.answer = lambda _: {"memories": ["again"] * 400}
    answer = await ask(model, max_tokens=2000, enough=lambda text: text.count("again") > 1)
    assert (answer.text.count("again"), answer.whole) == (2, False)
    assert server.written < 400


async def test_what_does_not_fit_is_an_error(server: LoopbackAnthropic, model: AnthropicModel) -> None:
    server.answer = lambda _: {"memories": ["word " * 400]}
    with pytest.raises(AnswerCut):
        await ask(model, max_tokens=50)
    server.context_length = 100
    with pytest.raises(AnswerCut):
        await ask(model, "word " * 1000)


async def test_a_model_that_declines_is_told_from_one_that_says_nothing(
    server: LoopbackAnthropic, model: AnthropicModel
) -> None:
    server.answer = lambda _: ""
    with pytest.raises(AnswerInvalid):
        await ask(model)
    server.refuses = True
    with pytest.raises(AnswerDeclined):
        await ask(model)


async def test_a_parameter_that_is_declined_is_left_out_from_then_on(
    server: LoopbackAnthropic, model: AnthropicModel
) -> None:
    server.declines = ["temperature"]
    assert await ask(model)
    learned = len(server.requests)
    assert await ask(model)
    assert len(server.requests) == learned + 1
    assert "temperature" not in server.requests[-1].body


@pytest.mark.parametrize(
    ("fault", "how", "error"),
    [
        (Fault.DROP, {}, ServiceFailed),
        (Fault.BROKEN, {}, ServiceFailed),
        (Fault.GARBAGE, {}, ServiceFailed),  # an error in the middle of the answer
        (Fault.STATUS, {"status": 500}, ServiceFailed),
        (Fault.STATUS, {"status": 529}, ServiceUnavailable),
        (Fault.STATUS, {"status": 429}, RateLimited),
        (Fault.STATUS, {"status": 400}, ServiceRejected),
        (Fault.STATUS, {"status": 400, "message": "Your credit balance is too low"}, ServiceUnavailable),
        (Fault.STATUS, {"status": 403}, ServiceRejected),
        (Fault.STATUS, {"status": 404}, ServiceRejected),
    ],
)
async def test_faults_become_our_errors(
    server: LoopbackAnthropic, model: AnthropicModel, fault: Fault, how: dict[str, Any], error: type[Exception]
) -> None:
    server.fail(fault, **how)
    with pytest.raises(error) as caught:
        await ask(model)
    assert type(caught.value) is error
    server.heal()
    assert (await ask(model)).text == '{"memories": []}'


async def test_told_how_long_to_wait(server: LoopbackAnthropic, model: AnthropicModel) -> None:
    server.fail(Fault.STATUS, status=429, retry_after=17)
    with pytest.raises(RateLimited) as caught:
        await ask(model)
    assert caught.value.retry_after == 17


async def test_hanging_and_refusing_servers_are_unavailable(server: LoopbackAnthropic) -> None:
    model = AnthropicModel("k", "claude-haiku-4-5", server.url, timeout=0.1)
    server.fail(Fault.HANG)
    with pytest.raises(ServiceFailed, match="no answer in time"):
        await ask(model)
    await server.stop()
    with pytest.raises(ServiceUnavailable, match="nothing listens"):
        await ask(model)
    await model.aclose()


async def test_check_tells_a_wrong_key_from_a_wrong_model(server: LoopbackAnthropic, model: AnthropicModel) -> None:
    await model.check()
    stranger = AnthropicModel("sk-test", "claude-9", server.url)
    with pytest.raises(ServiceRejected, match="no model 'claude-9'"):
        await stranger.check()
    await stranger.aclose()
    server.api_key = "sk-other"
    with pytest.raises(ServiceRejected, match="ANTHROPIC_API_KEY"):
        await model.check()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, None])
async def test_neither_key_nor_content_gets_into_errors_or_logs(
    server: LoopbackAnthropic, status: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    model = AnthropicModel(CANARY, "claude-haiku-4-5", server.url)
    if status == 401:
        server.api_key = "sk-right"  # the server repeats the wrong key in its error
    elif status is None:
        server.fail(Fault.BROKEN)
    else:
        server.fail(Fault.STATUS, status=status, message=f"the model said {CANARY}")
    with pytest.raises(ChannelMemoryError) as caught:
        await ask(model, f"a secret was said: {CANARY}")
    assert server.requests[0].headers["x-api-key"] == CANARY
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in caplog.text
    await model.aclose()
