"""Each model that the documentation names, asked as its server knows it, and what a call takes of its window."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.model import Message
from bot.llm.base import LanguageModel
from bot.llm.ollama import TEMPLATE_TOKENS, WINDOWS, OllamaModel
from bot.llm.openai import OpenAIModel
from bot.remember.propose import SYSTEM, Proposer
from bot.remember.stretches import stretches
from tests.fixtures.remember import ANA, BEN, CEM, DEE, TwoCallModel, chat, transcript
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

SAID = chat((ANA, "when is the club night?"), (BEN, "the club night is on Friday at 20:00"))

MODELS = [  # name, what its window is, what it can do
    ("llama3.1:8b", 131_072, ("completion", "tools")),
    ("llama3.1:70b", 131_072, ("completion", "tools")),
    ("mistral:7b", 32_768, ("completion", "tools")),
    ("phi3:mini", 4_096, ("completion",)),
    ("qwen3:8b", 40_960, ("completion", "tools", "thinking")),
    ("somebody/own-model:q4", 8_192, ("completion",)),
]


def club_night(request: dict[str, Any]) -> dict[str, Any]:
    assert "2 @B: the club night" in request["messages"][-1]["content"]
    return {"memories": [{"text": "The club night is on Friday at 20:00.", "kind": "plan", "lines": [2]}]}


async def proposed(model: LanguageModel) -> list[str]:
    """What is proposed on the chat."""
    proposals = await Proposer(model).propose(transcript(SAID), ())
    return [proposal.text for proposal in proposals.items]


@pytest.mark.parametrize(("name", "window", "capabilities"), MODELS)
async def test_each_model_of_ollama_is_asked_by_schema_in_a_window_that_it_has(
    name: str, window: int, capabilities: tuple[str, ...]
) -> None:
    async with LoopbackOllama(
        answer=club_night, models=[name], context_length=window, capabilities=capabilities
    ) as server:
        model = OllamaModel(server.url, name, timeout=30)
        await model.check()
        assert await proposed(model) == ["The club night is on Friday at 20:00."]
        await model.aclose()
        (request,) = server.asked("/api/chat")
    assert request.body["messages"][0] == {"role": "system", "content": SYSTEM}  # the same for all, to be cached
    assert request.body["options"]["num_ctx"] <= window
    assert request.body["format"]["properties"]["memories"]["items"]["additionalProperties"] is False
    assert request.body.get("think") is (False if "thinking" in capabilities else None)


async def test_the_model_of_openai_answers_the_same(openai_server: LoopbackOpenAI) -> None:
    openai_server.answer = club_night
    model = OpenAIModel("k", "gpt-4o-mini", base_url=openai_server.api_url, timeout=30)
    assert await proposed(model) == ["The club night is on Friday at 20:00."]
    await model.aclose()
    schema = openai_server.asked("/v1/chat/completions")[0].body["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert "memories" in json.dumps(schema)


WRITTEN = {
    "prose": "we talked about the shed for an hour and nobody could say who still has the long ladder",
    "german": "Wir haben eine Stunde lang über den Schuppen geredet und niemand wusste, wo die lange Leiter steht",
    "russian": "мы целый час говорили о сарае, и никто не мог сказать, у кого длинная лестница",
    "japanese": "物置について一時間も話しましたが、長いはしごを誰が持っているのか誰も知りませんでした",
    "paths": "see /usr/share/doc/cups-client/examples/v2.4.1_rc3.conf --with-x=0x7f3a9b && ./configure.sh -DKEY=%20",
    "emoji": "🎉🪜🏚️ 🎉🪜🏚️ 🎉🪜🏚️ ladder 🎉🪜🏚️ 🎉🪜🏚️ 🎉🪜🏚️",
    "capitals": "THE LONG LADDER IS NOT IN THE SHED AND NOBODY SAYS WHO TOOK IT AWAY LAST WEEK",
}


async def needed(messages: list[Message], context: list[Message]) -> int:
    """Tokens of a call, prompt and answer, on the safe side."""
    model = TwoCallModel()
    await Proposer(model).propose(transcript(messages, context=context), {ANA, BEN, CEM, DEE})
    (request,) = model.requests
    return request.prompt_tokens + TEMPLATE_TOKENS + request.max_tokens


@pytest.mark.parametrize("writing", WRITTEN)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.matrix
async def test_every_call_fits_one_size_of_window(writing: str, times: int) -> None:
    people = (ANA, BEN, CEM, DEE)
    text = " ".join([WRITTEN[writing]] * times)
    messages = chat(*[(people[place % 4], f"{text} {place}") for place in range(120)])
    for stretch in stretches(messages):
        before = [m for m in messages if m.id < stretch[0].id]
        assert await needed(stretch, before[-10:]) <= WINDOWS[1]


@pytest.mark.parametrize("writing", WRITTEN)
async def test_the_longest_message_there_is_fits_a_larger_window(writing: str) -> None:
    text = (WRITTEN[writing] + " ") * 100
    assert await needed(chat((ANA, text[:4000])), []) <= WINDOWS[2]
