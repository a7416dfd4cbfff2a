"""The clients of models against a real Ollama, by its own protocol and by OpenAI's."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bot.domain import (
    AnswerCut,
    ChannelMemoryError,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
    TextTooLong,
)
from bot.llm.base import Completion, CompletionRequest, estimate_tokens
from bot.llm.ollama import WINDOWS
from tests.real.servers import RealServer, given
from tests.real.ways import OPENAI, OWN, Way, copy_of_the_model, remove_model

if TYPE_CHECKING:
    from bot.llm.base import LanguageModel

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

SCHEMA = {
    "type": "object",
    "properties": {
        "day": {"enum": ["Monday", "Friday"]},
        "people": {"type": "array", "items": {"type": "string", "maxLength": 12}, "minItems": 2, "maxItems": 3},
        "hours": {"type": "integer"},
    },
    "required": ["day", "people", "hours"],
}
PROMPT = "Ada and Ben meet on Friday for two hours. Write whatever you like about it, as a long poem."


@pytest.fixture(params=[OWN, OPENAI])
def way(request: pytest.FixtureRequest, real_ollama: RealServer) -> Way:
    """A way in."""
    return Way(real_ollama, request.param)


@pytest.fixture
async def model(way: Way) -> AsyncIterator[LanguageModel]:
    """The chat model by this way."""
    async with way.model() as model:
        yield model


async def ask(model: LanguageModel, prompt: str = PROMPT, *, tokens: int = 1_500) -> Completion:
    return await model.complete(
        CompletionRequest(system="Answer in JSON.", prompt=prompt, schema=SCHEMA, max_tokens=tokens, purpose="check")
    )


async def test_a_schema_is_held_to(model: LanguageModel) -> None:
    await model.check()
    answer = await ask(model)
    told = json.loads(answer.text)
    assert set(told) == {"day", "people", "hours"}
    assert told["day"] in SCHEMA["properties"]["day"]["enum"]  # type: ignore[index]
    assert 2 <= len(told["people"]) <= 3
    assert isinstance(told["hours"], int)
    assert answer.prompt_tokens
    assert answer.completion_tokens


async def test_an_answer_over_its_bound_is_known_to_be_cut(model: LanguageModel) -> None:
    with pytest.raises(AnswerCut):
        await ask(model, tokens=8)


async def test_a_prompt_over_the_window_is_known_to_be_cut(way: Way, model: LanguageModel) -> None:
    """Figures without an order take more tokens than are estimated, so that the window is chosen too small for them."""
    letters = "".join(random.choices("bcdfghjklmnpqrstvwxz", k=40_000))
    room = WINDOWS[0] - 400
    prompt = letters[: next(size for size in range(1_000, 40_000, 500) if estimate_tokens(letters[:size]) > room) - 500]
    assert estimate_tokens(prompt) <= room
    if way.label == OWN:
        with pytest.raises(AnswerCut):
            await ask(model, prompt, tokens=100)
    else:  # that protocol has no window to choose, so the server's own decides
        await ask(model, prompt[:2000], tokens=100)


async def test_embeddings_are_near_where_the_meaning_is(way: Way) -> None:
    async with way.embedder() as embedder:
        await embedder.check()
        texts = ["The meeting is on Friday", "We meet at the end of the week", "Cheese is made of milk"]
        meeting, week, cheese = map(np.asarray, await embedder.embed(texts))
        again = np.asarray((await embedder.embed(texts[:1]))[0])
    assert _nearness(meeting, again) > 0.999
    assert _nearness(meeting, week) > _nearness(meeting, cheese)


async def test_a_text_over_the_window_of_the_embedder_spoils_no_other(way: Way) -> None:
    window = way.length("context_length", given("REAL_EMBEDDING_MODEL"))
    long = "The meeting is on Friday. " * window
    async with way.embedder() as embedder:
        alone = (await embedder.embed(["The cat sleeps"]))[0]
        try:
            vectors = await embedder.embed([long, "The cat sleeps"])
        except TextTooLong:
            return
    assert _nearness(np.asarray(vectors[1]), np.asarray(alone)) > 0.999
    assert len(vectors) == 2


async def test_a_model_that_is_missing_is_named(way: Way) -> None:
    async with way.model("channel-memory-missing") as model:
        with pytest.raises(ServiceRejected, match="channel-memory-missing"):
            await ask(model)


async def test_a_model_that_is_removed_on_the_way_is_named(way: Way) -> None:
    with copy_of_the_model(way.server) as name:
        async with way.model(name) as model:
            await ask(model)
            remove_model(way.server, name)
            with pytest.raises(ServiceRejected, match=name):
                await ask(model)


async def test_an_embedding_model_that_is_asked_to_chat_is_no_reason_to_wait(way: Way) -> None:
    async with way.model(given("REAL_EMBEDDING_MODEL")) as model:
        with pytest.raises(ServiceRejected):
            await ask(model, tokens=100)


async def test_a_full_queue_is_waited_for(way: Way) -> None:
    way.server.restart(OLLAMA_MAX_QUEUE="1", OLLAMA_NUM_PARALLEL="1")
    try:
        async with way.model() as model:
            outcomes = await asyncio.gather(*(ask(model) for _ in range(6)), return_exceptions=True)
    finally:
        way.server.restart()
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert 0 < len(errors) < len(outcomes)
    assert all(isinstance(error, ServiceUnavailable) for error in errors), errors


async def test_a_killed_runner_fails_that_call_alone(way: Way, model: LanguageModel) -> None:
    await ask(model)
    call = asyncio.create_task(_outcome(model))
    await asyncio.sleep(1)
    for runner in way.server.descendants("runner"):
        os.kill(runner, signal.SIGKILL)
    assert isinstance(await call, (ServiceFailed, Completion))
    assert await _outcome(model, tries=3)


async def test_a_killed_server_is_waited_for(way: Way, model: LanguageModel) -> None:
    await ask(model)
    call = asyncio.create_task(_outcome(model))
    await asyncio.sleep(1)
    way.server.kill()
    try:
        assert isinstance(await call, ServiceUnavailable)
        assert isinstance(await _outcome(model), ServiceUnavailable)
    finally:
        way.server.start()
    await ask(model)


async def _outcome(model: LanguageModel, tries: int = 1) -> Completion | ChannelMemoryError:
    """The answer, or the error of the last try; errors of other kinds are raised."""
    for _ in range(tries):
        try:
            return await ask(model, tokens=400)
        except ChannelMemoryError as error:
            raised = error
    return raised


def _nearness(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
