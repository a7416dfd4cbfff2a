"""What servers of language models do in the field: nothing of it costs more than the prompt that it is about."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiolimiter import AsyncLimiter

from bot.domain.errors import (
    AnswerCut,
    AnswerDeclined,
    AnswerInvalid,
    RateLimited,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
)
from bot.llm.base import Completion, CompletionRequest, Enough, LanguageModel
from bot.llm.costs import Ledger
from bot.llm.guarded import GuardedModel
from bot.llm.ollama import OllamaModel
from bot.llm.openai import OpenAIModel
from bot.llm.pool import FAILURES_TO_OPEN, Host, Pool, PooledModel
from bot.llm.providers.anthropic import AnthropicModel
from bot.llm.resilience import Breaker, BreakerState, Guard
from bot.llm.wire import MOST_BYTES
from bot.storage.engine import Database
from tests.fixtures.storage import FakeClock
from tests.loopback.anthropic import LoopbackAnthropic
from tests.loopback.http import Fault, LoopbackServer
from tests.loopback.ollama import Answer, LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

SCHEMA = {
    "type": "object",
    "properties": {"memories": {"type": "array", "items": {"type": "string"}}},
    "required": ["memories"],
}
WANTED = '{"memories": ["the meeting is on Friday"]}'
POISON = "zqxj"


def request(prompt: str = "1 @A: we meet on Friday", *, enough: Enough | None = None) -> CompletionRequest:
    return CompletionRequest(
        system="Extract.", prompt=prompt, schema=SCHEMA, max_tokens=200, purpose="extraction", enough=enough
    )


@pytest.fixture
async def ollama(ollama_server: LoopbackOllama) -> AsyncIterator[OllamaModel]:
    model = OllamaModel(ollama_server.url, "llama3.1:8b", timeout=5)
    yield model
    await model.aclose()


@pytest.fixture
async def openai(openai_server: LoopbackOpenAI) -> AsyncIterator[OpenAIModel]:
    model = OpenAIModel("sk-test", "gpt-4o-mini", base_url=openai_server.api_url, timeout=5)
    yield model
    await model.aclose()


Served = tuple[LoopbackOllama | LoopbackOpenAI, LanguageModel]


@pytest.fixture(params=["ollama", "openai"])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """Each kind of service, and its client."""
    if request.param == "ollama":
        async with LoopbackOllama() as ollama:
            local = OllamaModel(ollama.url, "llama3.1:8b", timeout=5)
            yield ollama, local
            await local.aclose()
    else:
        async with LoopbackOpenAI() as openai:
            remote = OpenAIModel("sk-test", "gpt-4o-mini", base_url=openai.api_url, timeout=5)
            yield openai, remote
            await remote.aclose()


@pytest.fixture(params=["ollama", "openai", "anthropic"])
async def counting(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Any, LanguageModel]]:
    """Each kind of service that tells how many tokens it read and wrote, and its client."""
    services: dict[str, tuple[Any, Callable[[str], Any]]] = {
        "ollama": (LoopbackOllama, lambda url: OllamaModel(url, "llama3.1:8b", timeout=5)),
        "openai": (LoopbackOpenAI, lambda url: OpenAIModel("k", "gpt-4o-mini", base_url=f"{url}/v1", timeout=5)),
        "anthropic": (LoopbackAnthropic, lambda url: AnthropicModel("k", "claude-haiku-4-5", url, timeout=5)),
    }
    kind, open_client = services[request.param]
    async with kind() as server:
        model = open_client(server.url)
        yield server, model
        await model.aclose()


async def no_sleep(_: float) -> None:
    """Don't wait."""


def guard(model: LanguageModel, host: str | None = None) -> Guard:
    return Guard(
        model.provider,
        limiter=AsyncLimiter(1000, 1),
        timeout=5,
        breaker=Breaker(threshold=FAILURES_TO_OPEN) if host else Breaker(),
        retries=0 if host else 2,
        sleep=no_sleep,
        host=host,
    )


@pytest.fixture
def ledger(database: Database, clock: FakeClock) -> Ledger:
    return Ledger(database, clock)


# --- parameters that a server does not take --------------------------------------------------------------------------


@pytest.mark.parametrize("names_declined", [True, False])
@pytest.mark.parametrize(
    ("declines", "sent"),
    [
        (["temperature"], {"max_completion_tokens", "response_format"}),
        (["max_completion_tokens"], {"max_tokens", "temperature", "response_format"}),
        (["max_completion_tokens", "max_tokens"], {"temperature", "response_format"}),
        (["json_schema"], {"max_completion_tokens", "temperature", "response_format"}),
        (["response_format"], {"max_completion_tokens", "temperature"}),
        (["temperature", "max_completion_tokens", "response_format"], {"max_tokens"}),
    ],
)
@pytest.mark.matrix
async def test_a_parameter_that_is_declined_is_left_out_from_then_on(
    openai_server: LoopbackOpenAI, openai: OpenAIModel, declines: list[str], sent: set[str], names_declined: bool
) -> None:
    openai_server.chat_declines, openai_server.names_declined = declines, names_declined
    openai_server.answer = lambda _: WANTED
    assert (await openai.complete(request())).text == WANTED
    learned = len(openai_server.requests)
    assert (await openai.complete(request())).text == WANTED
    assert len(openai_server.requests) == learned + 1
    body = openai_server.requests[-1].body
    if names_declined or len(declines) == 1:
        assert body.keys() - {"model", "messages"} == sent
    assert ("JSON schema" in body["messages"][0]["content"]) == ("json_schema" not in json.dumps(body))


async def test_a_server_that_can_not_stream_answers_at_once(openai_server: LoopbackOpenAI, openai: OpenAIModel) -> None:
    openai_server.chat_declines = ["stream_options", "stream"]
    openai_server.answer = lambda _: WANTED
    for _ in range(2):
        assert (await openai.complete(request(enough=lambda _: False))).text == WANTED
    assert "stream" not in openai_server.requests[-1].body


async def test_what_a_member_said_can_not_make_the_schema_be_left_out(
    openai_server: LoopbackOpenAI, openai: OpenAIModel
) -> None:
    openai_server.filtered = POISON
    openai_server.filter_tells = f"400: {POISON} response_format temperature max_completion_tokens"
    with pytest.raises(AnswerDeclined):
        await openai.complete(request(f"1 @A: {POISON} response_format temperature"))
    await openai.complete(request())
    assert openai_server.requests[-1].body["response_format"]["type"] == "json_schema"
    assert openai_server.requests[-1].body["temperature"] == 0.1


async def test_a_server_that_takes_nothing_is_at_fault(openai_server: LoopbackOpenAI, openai: OpenAIModel) -> None:
    openai_server.fail(Fault.STATUS, status=400)
    with pytest.raises(ServiceRejected):
        await openai.complete(request())


@pytest.mark.parametrize(
    "told",
    [
        "'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens",
        "the request exceeds the available context size, try increasing it",
        "The number of tokens to keep from the initial prompt is greater than the context length",
    ],
)
async def test_a_prompt_that_does_not_fit_is_no_parameter_at_fault(
    openai_server: LoopbackOpenAI, openai: OpenAIModel, told: str
) -> None:
    openai_server.fail(Fault.STATUS, status=400, message=told)
    with pytest.raises(AnswerCut):
        await openai.complete(request())
    assert len(openai_server.requests) == 1


# --- one prompt that a service does not answer ------------------------------------------------------------------------


async def test_a_prompt_that_a_content_filter_stops_is_declined(
    openai_server: LoopbackOpenAI, openai: OpenAIModel, ledger: Ledger
) -> None:
    openai_server.filtered = POISON
    model = GuardedModel(openai, guard(openai), ledger)
    with pytest.raises(AnswerDeclined):
        await model.complete(request(f"1 @A: {POISON}"))
    assert await model.complete(request())
    assert model.guard.breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("how", ["poison", "drop"])
@pytest.mark.matrix
async def test_a_prompt_that_breaks_the_model_is_told_from_a_model_that_is_down(
    served: Served, how: str, ledger: Ledger
) -> None:
    server, client = served
    model = GuardedModel(client, guard(client), ledger)
    poisoned = request(f"1 @A: {POISON}")
    if how == "poison":
        server.poison = POISON
    else:
        server.fail(Fault.DROP, path="/chat", times=3)
    for _ in range(4 if how == "poison" else 1):
        with pytest.raises(AnswerDeclined):
            await model.complete(poisoned)
    assert model.guard.breaker.state is BreakerState.CLOSED
    server.heal()
    server.fail(Fault.STATUS, path="/chat", status=500)
    with pytest.raises(ServiceFailed):
        await model.complete(poisoned)
    server.heal()
    await server.stop()
    with pytest.raises(ServiceUnavailable):
        await model.complete(poisoned)


async def test_a_poisoned_prompt_closes_no_host_to_the_others(ledger: Ledger) -> None:
    async with LoopbackOllama(poison=POISON) as first, LoopbackOllama(poison=POISON) as second:
        clients = [OllamaModel(server.url, "llama3.1:8b", timeout=5) for server in (first, second)]
        hosts: list[Host[LanguageModel]] = [
            Host(client, guard(client, host=f"gpu{number}"), 1) for number, client in enumerate(clients)
        ]
        model = PooledModel(Pool("ollama", hosts), ledger)
        for _ in range(5):
            with pytest.raises(AnswerDeclined):
                await model.complete(request(f"1 @A: {POISON}"))
            assert [host.guard.breaker.state for host in hosts] == [BreakerState.CLOSED] * 2
        assert await model.complete(request())
        await model.aclose()


async def test_the_memory_of_the_card_is_named(ollama_server: LoopbackOllama, ollama: OllamaModel) -> None:
    told = "model requires more system memory (9.3 GiB) than is available (3.1 GiB)"
    ollama_server.fail(Fault.STATUS, path="/api/chat", status=500, message=told)
    with pytest.raises(ServiceFailed, match=r"more memory than is free: it takes 9.3 GiB, 3.1 GiB are free"):
        await ollama.complete(request())


# --- answers in other places ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Answer(f"```json\n{WANTED}\n```"),
        Answer(f"Here you are: {WANTED} I hope that this helps."),
        Answer("", thoughts=f"They meet on Friday. {WANTED}"),
    ],
)
async def test_an_answer_of_ollama_is_found_where_it_is(
    ollama_server: LoopbackOllama, ollama: OllamaModel, answer: Answer
) -> None:
    ollama_server.answer = lambda _: answer
    assert (await ollama.complete(request())).text == WANTED


@pytest.mark.parametrize("streams", [True, False])
async def test_an_answer_of_openai_is_found_where_it_is(
    openai_server: LoopbackOpenAI, openai: OpenAIModel, streams: bool
) -> None:
    openai_server.streams = streams
    openai_server.answer = lambda _: f"```json\n{WANTED}\n```"
    assert (await openai.complete(request(enough=lambda _: False))).text == WANTED
    openai_server.answer, openai_server.reasoning = lambda _: "", f"They meet on Friday. {WANTED}"
    assert (await openai.complete(request())).text == WANTED


async def test_a_model_that_drops_the_schema_without_thinking_may_think(
    ollama_server: LoopbackOllama, ollama: OllamaModel
) -> None:
    ollama_server.capabilities, ollama_server.heeds_format = ("completion", "thinking"), False
    ollama_server.answer = lambda _: Answer(WANTED, thoughts="They meet on Friday.")
    for _ in range(3):
        assert (await ollama.complete(request())).text == WANTED
    thinks = [asked.body.get("think") for asked in ollama_server.asked("/api/chat")]
    assert thinks == [False, None, None, None]
    room = [asked.body["options"]["num_predict"] for asked in ollama_server.asked("/api/chat")]
    assert room[0] < room[1] == room[2]


@pytest.mark.parametrize("enough", [None, lambda _: False])
async def test_a_model_that_tells_stories_without_thinking_may_think(
    ollama_server: LoopbackOllama, ollama: OllamaModel, enough: Enough | None
) -> None:
    ollama_server.capabilities = ("completion", "thinking")
    ollama_server.answer = lambda body: "word " * 5_000 if body.get("think") is False else WANTED
    for _ in range(2):
        assert (await ollama.complete(request(enough=enough))).text == WANTED
    assert [asked.body.get("think") for asked in ollama_server.asked("/api/chat")] == [False, None, None]


async def test_a_model_that_drops_the_schema_either_way_is_asked_as_before(
    ollama_server: LoopbackOllama, ollama: OllamaModel
) -> None:
    ollama_server.capabilities = ("completion", "thinking")
    ollama_server.answer = lambda _: "I would rather not."
    with pytest.raises(AnswerInvalid):
        await ollama.complete(request())
    ollama_server.answer = lambda _: WANTED
    await ollama.complete(request())
    assert ollama_server.asked("/api/chat")[-1].body["think"] is False


# --- answers without bounds -------------------------------------------------------------------------------------------


class Flood(LoopbackServer):
    """A server that never ends its answer.

    Attributes:
        sent: bytes that it could send.
        part: what it sends again and again.
        encoding: what it says of them.
    """

    part: bytes = b""
    content_type = "application/x-ndjson"
    encoding: str | None = None
    sent = 0

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/api/show", self._show),
            web.post("/api/chat", self._flood),
            web.post("/v1/chat/completions", self._flood),
            web.post("/v1/messages", self._flood),
        ]

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response({"model_info": {}, "capabilities": ["completion"]})

    async def _flood(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": self.content_type})
        if self.encoding:
            response.headers["Content-Encoding"] = self.encoding
        await response.prepare(request)
        while self.sent < 4 * MOST_BYTES:
            await response.write(self.part)
            self.sent += len(self.part)
        return response


WORDS = json.dumps({"model": "m", "message": {"role": "assistant", "content": "word " * 50}, "done": False}).encode()
EVENT = json.dumps({"choices": [{"index": 0, "delta": {"content": "word " * 50}, "finish_reason": None}]}).encode()

DELTA = json.dumps(
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "word " * 50}}
).encode()


@pytest.mark.parametrize(
    ("part", "error"),
    [
        (WORDS + b"\n", AnswerCut),  # an answer that goes on and on
        (b"x" * 65_536, ServiceFailed),  # a line that does
        (b'{"model": "m", "message": {"role": "assistant"}, "done": false}\n', AnswerCut),  # nothing, for ever
    ],
)
@pytest.mark.matrix
async def test_an_answer_of_ollama_without_end_is_broken_off(part: bytes, error: type[Exception]) -> None:
    async with Flood() as server:
        server.part = part
        model = OllamaModel(server.url, "llama3.1:8b", timeout=30)
        with pytest.raises(error):
            await model.complete(request())
        assert server.sent <= 1.5 * MOST_BYTES
        await model.aclose()


@pytest.mark.parametrize(
    ("content_type", "part", "encoding", "error"),
    [
        ("text/event-stream", b"data: " + b"x" * 65_536, None, ServiceFailed),
        ("application/json", b" " * 65_536, None, ServiceFailed),
        ("application/json", b"\0" * 65_536, "gzip", ServiceFailed),
    ],
)
@pytest.mark.matrix
async def test_an_answer_of_openai_without_end_is_broken_off(
    content_type: str, part: bytes, encoding: str | None, error: type[Exception]
) -> None:
    async with Flood() as server:
        server.content_type, server.part, server.encoding = content_type, part, encoding
        model = OpenAIModel("k", "gpt-4o-mini", base_url=f"{server.url}/v1", timeout=30)
        with pytest.raises(error):
            await model.complete(request())
        assert server.sent <= 1.5 * MOST_BYTES
        await model.aclose()


async def test_a_stream_of_openai_without_end_is_left(ledger: Ledger) -> None:
    async with Flood() as server:
        server.content_type, server.part = "text/event-stream", b"data: " + EVENT + b"\n\n"
        model = OpenAIModel("k", "gpt-4o-mini", base_url=f"{server.url}/v1", timeout=30)
        completion = await model.complete(request(enough=lambda _: False))
        assert not completion.whole
        assert server.sent <= MOST_BYTES
        await model.aclose()


@pytest.mark.parametrize("part", [b"data: " + b"x" * 65_536, b"data: " + DELTA + b"\n\n"])
async def test_an_answer_of_anthropic_without_end_is_broken_off(part: bytes) -> None:
    async with Flood() as server:
        server.content_type, server.part = "text/event-stream", part
        model = AnthropicModel("k", "claude-haiku-4-5", server.url, timeout=30)
        with pytest.raises((AnswerCut, ServiceFailed)):
            await model.complete(request())
        assert server.sent <= 1.5 * MOST_BYTES
        await model.aclose()


@pytest.mark.parametrize("count", [-1, 10**30])
async def test_counts_of_tokens_that_can_not_be_are_unknown(
    counting: tuple[Any, LanguageModel], count: int, ledger: Ledger
) -> None:
    server, client = counting
    server.answer = lambda _: Answer(WANTED, prompt_eval_count=count, eval_count=count)
    completion = await client.complete(request())
    assert (completion.text, completion.completion_tokens) == (WANTED, None)
    assert completion.prompt_tokens is None or completion.provider != "ollama"
    await GuardedModel(client, guard(client), ledger).complete(request())
    await ledger.flush()
    assert sum(usage.completion_tokens for usage in await ledger.totals("2000-01-01")) == 0


@pytest.mark.parametrize(
    "seconds", ["99999999999", "inf", "nan", "1e400", "-5", "soon", "Mon, 01 Jan 99999999999 00:00:00 GMT"]
)
async def test_no_service_is_left_alone_for_as_long_as_it_likes(
    counting: tuple[Any, LanguageModel], seconds: str
) -> None:
    server, client = counting
    server.fail(Fault.STATUS, status=429, retry_after=seconds)
    with pytest.raises(RateLimited) as caught:
        await client.complete(request())
    assert caught.value.retry_after is None or 0 <= caught.value.retry_after <= 3600


ODD: list[object] = [
    {"error": {"message": "Unexpected endpoint or method."}},
    {"choices": []},
    {"choices": [{"index": 0}]},
    {"choices": [{"message": None}]},
    {"choices": [{"message": {"content": None}}]},
    {"choices": None, "usage": None},
    [],
    None,
    "text",
]


@pytest.mark.parametrize("value", ODD, ids=str)
async def test_an_answer_in_an_odd_form_is_an_error_of_ours(
    openai_server: LoopbackOpenAI, openai: OpenAIModel, value: object
) -> None:
    openai_server.fail(Fault.ODD, value=value)
    with pytest.raises((ServiceFailed, AnswerInvalid)):
        await openai.complete(request())


async def test_a_choice_may_lack_what_is_not_needed(openai_server: LoopbackOpenAI, openai: OpenAIModel) -> None:
    openai_server.fail(Fault.ODD, value={"choices": [{"message": {"content": WANTED}}]})
    completion: Completion = await openai.complete(request())
    assert (completion.text, completion.completion_tokens) == (WANTED, None)
