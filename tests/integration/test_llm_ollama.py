"""OllamaModel through the real client library against an Ollama on loopback."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import AnswerCut, AnswerInvalid, RateLimited, ServiceFailed, ServiceRejected, ServiceUnavailable
from bot.llm.base import Completion, CompletionRequest
from bot.llm.ollama import WINDOWS, OllamaModel
from bot.remember.propose import answer_schema
from tests.loopback.http import Fault
from tests.loopback.ollama import CHARACTERS_A_TOKEN, Answer, LoopbackOllama

SCHEMA = {"type": "object", "properties": {"memories": {"type": "array", "items": {"type": "string"}}}}
CANARY = "zqxj-canary-7f3a91"


@pytest.fixture
async def model(ollama_server: LoopbackOllama) -> AsyncIterator[OllamaModel]:
    model = OllamaModel(ollama_server.url, "llama3.1:8b", timeout=5)
    yield model
    await model.aclose()


async def ask(model: OllamaModel, prompt: str = "1 A: we meet on Friday", max_tokens: int = 200) -> Completion:
    return await model.complete(
        CompletionRequest(system="Extract.", prompt=prompt, schema=SCHEMA, max_tokens=max_tokens, purpose="extraction")
    )


async def test_answers_with_what_the_server_counted(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.answer = lambda _: Answer('{"memories": ["x"]}', prompt_eval_count=321, eval_count=12)
    answer = await ask(model)
    assert answer.text == '{"memories": ["x"]}'
    assert (answer.prompt_tokens, answer.completion_tokens) == (321, 12)
    assert (answer.provider, answer.model) == ("ollama", "llama3.1:8b")
    assert answer.seconds > 0


async def test_asks_for_json_by_schema_without_silent_cuts(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    await ask(model, "what was said", max_tokens=123)
    body = ollama_server.asked("/api/chat")[0].body
    assert body["format"]["properties"] == SCHEMA["properties"]
    assert body["truncate"] is False
    assert body["shift"] is False
    assert body["keep_alive"]
    assert body["options"] == {"temperature": 0.1, "num_ctx": WINDOWS[0], "num_predict": 123}
    assert [m["content"] for m in body["messages"]] == ["Extract.", "what was said"]
    assert "think" not in body


async def test_a_list_that_may_be_missing_is_asked_for_all_the_same_and_in_its_place(
    ollama_server: LoopbackOllama, model: OllamaModel
) -> None:
    schema = answer_schema([1, 2], personal=False)
    assert schema["required"] == ["memories"]
    await model.complete(CompletionRequest(system="", prompt="1 A: x", schema=schema, max_tokens=50, purpose="p"))
    asked = ollama_server.asked("/api/chat")[0].body["format"]
    assert asked["required"] == list(asked["properties"]) == ["topics", "memories"]


async def test_reasoning_models_are_told_not_to_think(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.capabilities = ("completion", "thinking")
    await ask(model)
    await ask(model)
    assert [r.body["think"] for r in ollama_server.asked("/api/chat")] == [False, False]
    assert len(ollama_server.asked("/api/show")) == 1


async def test_window_grows_with_the_call_and_never_shrinks(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    for words in (100, 5000, 100, 3000):  # "word " is one token
        await ask(model, "word " * words)
    assert ollama_server.windows == [4096, 8192, 8192, 8192]


async def test_window_never_exceeds_the_models_own(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.context_length = 3000
    await ask(model)
    assert ollama_server.windows == [3000]


async def test_call_too_long_for_the_model_is_not_made(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.context_length = 2048
    with pytest.raises(AnswerCut):
        await ask(model, "word " * 3000)
    assert not ollama_server.asked("/api/chat")


async def test_cut_answer_is_an_error(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.answer = lambda _: {"memories": ["word " * 400]}
    with pytest.raises(AnswerCut):
        await ask(model, max_tokens=50)
    ollama_server.answer = None
    ollama_server.fail(Fault.CUT)
    with pytest.raises(AnswerCut):
        await ask(model)


async def test_prompt_over_the_window_is_an_error(
    ollama_server: LoopbackOllama, model: OllamaModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.llm.base.estimate_tokens", lambda _: 10)  # an estimate that is much too low
    with pytest.raises(AnswerCut):
        await ask(model, "word " * 20_000)


async def test_prompt_that_an_old_server_cut_is_an_error(
    ollama_server: LoopbackOllama, model: OllamaModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.llm.base.estimate_tokens", lambda _: 10)
    ollama_server.knows_truncate = False
    with pytest.raises(AnswerCut, match="probably cut"):
        await ask(model, "word " * 20_000)


async def test_missing_prompt_count_is_unknown_not_zero(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.counts_prompt = False
    assert (await ask(model)).prompt_tokens is None


async def test_empty_answer_is_invalid(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.answer = lambda _: ""
    with pytest.raises(AnswerInvalid):
        await ask(model)


@pytest.mark.parametrize(
    ("fault", "how", "error"),
    [
        (Fault.DROP, {}, ServiceFailed),
        (Fault.BROKEN, {}, ServiceFailed),
        (Fault.ODD, {}, ServiceFailed),
        (Fault.STATUS, {"status": 500}, ServiceFailed),
        (Fault.STATUS, {"status": 503}, ServiceUnavailable),
        (Fault.STATUS, {"status": 429}, RateLimited),
        (Fault.STATUS, {"status": 400}, ServiceRejected),
        (Fault.STATUS, {"status": 404, "message": "page not found"}, ServiceRejected),
    ],
)
@pytest.mark.parametrize("path", ["/api/show", "/api/chat"])
async def test_faults_become_our_errors(
    ollama_server: LoopbackOllama,
    model: OllamaModel,
    fault: Fault,
    how: dict[str, Any],
    error: type[Exception],
    path: str,
) -> None:
    ollama_server.fail(fault, path=path, **how)
    with pytest.raises(error) as caught:
        await ask(model)
    assert type(caught.value) is error
    ollama_server.heal()
    assert (await ask(model)).text == '{"memories": []}'


async def test_refused_connection_is_unavailable_until_it_is_back(
    ollama_server: LoopbackOllama, model: OllamaModel
) -> None:
    await ollama_server.stop()
    with pytest.raises(ServiceUnavailable, match=r"nothing listens at .*; start Ollama"):
        await ask(model)
    await ollama_server.start()
    assert (await ask(model)).text


async def test_hanging_server_is_left_after_the_time_limit(ollama_server: LoopbackOllama) -> None:
    model = OllamaModel(ollama_server.url, "llama3.1:8b", timeout=0.1)
    ollama_server.fail(Fault.HANG, path="/api/chat")
    with pytest.raises(ServiceUnavailable, match="no answer in time"):
        await ask(model)
    await model.aclose()


async def test_check_names_the_model_to_pull(ollama_server: LoopbackOllama) -> None:
    ollama_server.models = ("phi3:mini", "mistral:latest")
    for name in ("phi3:mini", "mistral", "mistral:latest"):
        known = OllamaModel(ollama_server.url, name)
        await known.check()
        await known.aclose()
    stranger = OllamaModel(ollama_server.url, "llama3.1:8b")
    with pytest.raises(ServiceRejected, match=r"ollama pull llama3\.1:8b"):
        await stranger.check()
    with pytest.raises(ServiceRejected, match=r"ollama pull llama3\.1:8b"):
        await ask(stranger)
    await stranger.aclose()


@pytest.mark.parametrize("way", ["key", "password"])
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, None])
async def test_neither_key_nor_content_gets_into_errors_or_logs(
    ollama_server: LoopbackOllama,
    status: int | None,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    url, sent = ollama_server.url, f"Bearer {CANARY}"
    if way == "key":
        monkeypatch.setenv("OLLAMA_API_KEY", CANARY)
    else:
        url = url.replace("//", f"//user:{CANARY}@")
        sent = f"Basic {base64.b64encode(f'user:{CANARY}'.encode()).decode()}"
    model = OllamaModel(url, "llama3.1:8b")
    if status is None:
        ollama_server.fail(Fault.BROKEN, path="/api/chat")
    else:
        ollama_server.fail(Fault.STATUS, path="/api/chat", status=status, message=f"model said {CANARY}")
    with pytest.raises((ServiceUnavailable, ServiceRejected)) as caught:
        await ask(model, f"a secret was said: {CANARY}")
    assert ollama_server.asked("/api/chat")[0].headers["Authorization"] == sent
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in caplog.text
    await model.aclose()


async def test_an_answer_is_ended_as_soon_as_enough_was_said(ollama_server: LoopbackOllama, model: OllamaModel) -> None:
    ollama_server.piece = CHARACTERS_A_TOKEN
    ollama_server.answer = lambda _: {"memories": ["again"] * 400}

    answer = await model.complete(
        CompletionRequest(
            system="Extract.",
            prompt="1 A: we meet on Friday",
            schema=SCHEMA,
            max_tokens=2000,
            purpose="extraction",
            enough=lambda text: text.count("again") > 1,
        )
    )

    assert answer.text.count("again") == 2
    assert not answer.whole
    assert answer.completion_tokens == -(-len(answer.text) // 4)
    assert answer.prompt_tokens
    assert ollama_server.written < 400


async def test_an_answer_that_is_read_as_it_comes_may_end_at_its_bound(
    ollama_server: LoopbackOllama, model: OllamaModel
) -> None:
    ollama_server.answer = lambda _: {"memories": ["word " * 400]}

    answer = await model.complete(
        CompletionRequest(
            system="Extract.",
            prompt="1 A: x",
            schema=SCHEMA,
            max_tokens=50,
            purpose="extraction",
            enough=lambda _: False,
        )
    )

    assert (answer.whole, answer.completion_tokens, len(answer.text)) == (False, 50, 200)


async def test_an_answer_that_ends_in_the_middle_of_the_stream_is_unusable(
    ollama_server: LoopbackOllama, model: OllamaModel
) -> None:
    ollama_server.ends_streams = False

    with pytest.raises(AnswerInvalid):
        await ask(model)


async def test_a_model_with_instructions_of_its_own_may_answer_in_its_own_form(
    ollama_server: LoopbackOllama, model: OllamaModel
) -> None:
    ollama_server.answer = lambda _: "Yes"

    answer = await model.complete(
        CompletionRequest(system="", prompt="Document: x\nClaim: x", schema={}, max_tokens=4, purpose="check")
    )

    body = ollama_server.asked("/api/chat")[0].body
    assert answer.text == "Yes"
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert not body.get("format")


async def test_json_that_is_broken_somewhere_is_given_to_whoever_reads_what_is_whole_in_it(
    ollama_server: LoopbackOllama, model: OllamaModel
) -> None:
    broken = '{"memories": ["a", "b" "c", "d"]}'
    ollama_server.answer = lambda _: f"Here: {broken}"
    asked = CompletionRequest(system="", prompt="1 A: x", schema=SCHEMA, max_tokens=50, purpose="extraction")

    with pytest.raises(AnswerInvalid):
        await model.complete(asked)
    assert (await model.complete(replace(asked, enough=lambda _: False))).text == broken
