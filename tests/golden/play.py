"""Plays a golden chat through the pipeline, with something that answers in the place of a model."""

from __future__ import annotations

import inspect
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bot.domain import snowflake
from bot.domain.model import PERSONAL_KINDS, Memory, MemoryKind, Message, MessageState
from bot.guilds.rules import FactsRule
from bot.llm.base import Before
from bot.llm.ollama import OllamaModel
from bot.observe.messagelog import Said
from bot.remember.candidate import Extraction
from bot.remember.extractor import Extractor
from bot.remember.gate import Gate, Refusal
from bot.remember.prompt import Transcript
from tests.fixtures.memory import Pipeline, open_pipeline
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock
from tests.golden.chats import BOT, Chat, Statement
from tests.loopback.ollama import LoopbackOllama, Reply

_LINE = re.compile(r"^(\d+) (@[A-Z]{1,2})(?: to @[A-Z]{1,2})?: (.*)$", re.MULTILINE)
_PERSON = re.compile(r"\{(\w+)\}")
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model.

    Attributes:
        key: what it asks about, however the prompt words that: message numbers with the speakers' labels in the order
            of the lines, or the two statements to choose between.
        numbers: the line number of each message, by the message's number in the chat; empty for a choice.
        labels: what the model is shown for each speaker, by user id.
        said: what the model is shown of each message, by the message's number.
        request: the request as it was sent.
    """

    key: str
    numbers: Mapping[int, int] = field(default_factory=dict)
    labels: Mapping[int, str] = field(default_factory=dict)
    said: Mapping[int, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extracts(self) -> bool:
        """Whether it asks for memories."""
        return bool(self.numbers)


Script = Callable[[Call], Reply | Awaitable[Reply]]
"""Answers a call as a model would."""


class Watched(Extractor):
    """An extractor that tells which messages stand behind a prompt."""

    def __init__(self, chat: Chat, model: OllamaModel, gate: Gate) -> None:
        super().__init__(model, gate)
        self._chat = chat
        self._shown: Transcript | None = None

    async def extract(
        self,
        messages: Sequence[Message],
        *,
        context: Sequence[Message],
        names: Mapping[int, str],
        facts_allowed: Container[int],
        bot_id: int | None,
        turn: AbstractAsyncContextManager[Before | None] | None = None,
    ) -> Extraction:
        self._shown = Transcript(messages, context=context, names=names, secrets=self._gate.secrets)
        return await super().extract(
            messages, context=context, names=names, facts_allowed=facts_allowed, bot_id=bot_id, turn=turn
        )

    def call(self, request: Mapping[str, Any]) -> Call:
        """What a request that was sent meanwhile asks about."""
        prompt: str = request["messages"][-1]["content"]
        if "memories" not in request["format"]["properties"] or self._shown is None:
            return Call(prompt, request=request)
        return call_of(self._chat, self._shown, prompt, request)


def call_of(chat: Chat, shown: Transcript, prompt: str, request: Mapping[str, Any] | None = None) -> Call:
    """The call that shows a transcript in a prompt."""
    place = {message.id: number for number, message in enumerate(chat.said, 1)}
    numbers: dict[int, int] = {}
    labels: dict[int, str] = {}
    said: dict[int, str] = {}
    for match in _LINE.finditer(prompt):
        message = shown.lines[int(match[1])].message
        numbers[place[message.id]] = int(match[1])
        labels[message.author_id] = match[2]
        said[place[message.id]] = match[3]
    if len(numbers) != len(shown.lines):
        raise ValueError(f"{len(shown.lines)} lines are shown as {len(numbers)} in:\n{prompt}")
    key = " ".join(f"{number}{labels[chat.said[number - 1].author_id]}" for number in numbers)
    return Call(key, numbers, labels, said, request or {})


@dataclass(slots=True)
class Played:
    """What came of a chat.

    Attributes:
        memories: all of them, oldest first, those that were superseded included.
        refusals: statements that were not kept, by reason.
        dead: numbers of the messages that no usable answer could be had for.
        calls: what the model was asked, in order.
    """

    chat: Chat
    memories: list[Memory] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    dead: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def cited(self, memory: Memory) -> tuple[int, ...]:
        """The numbers of the messages that a memory cites."""
        place = {message.id: number for number, message in enumerate(self.chat.said, 1)}
        return tuple(place[citation.message_id] for citation in memory.citations)


async def play(chat: Chat, folder: Path, script: Script, *, model: str = "llama3.1:8b") -> Played:
    """Log a chat, flush it part by part with `script` behind Ollama's protocol, and read what is remembered then.

    Raises:
        RuntimeError: work was left over, as after an error in the script.
    """
    played = Played(chat)
    clock = FakeClock(snowflake.to_ms(chat.said[0].id))
    async with LoopbackOllama(models=[model]) as server, open_pipeline(folder, clock) as pipeline:
        client = OllamaModel(server.url, model)
        watched = Watched(chat, client, Gate())
        failures: list[Exception] = []

        async def answer(request: dict[str, Any]) -> Reply:
            call = watched.call(request)
            played.calls.append(call)
            try:
                said = script(call)
                return await said if inspect.isawaitable(said) else said
            except Exception as error:
                failures.append(error)
                raise

        server.answer = answer
        pipeline.ask(watched, client)
        try:
            await _run(chat, pipeline, clock, played)
        finally:
            await client.aclose()
        if failures:
            raise failures[0]
        played.memories = await pipeline.memories()
        await _assert_settled(played, pipeline)
    return played


async def _run(chat: Chat, pipeline: Pipeline, clock: FakeClock, played: Played) -> None:
    await pipeline.consents.rules.decide(GUILD, facts=chat.rule)
    pipeline.flusher.bot_id = BOT
    for speaker in chat.facts:
        await pipeline.consents.set_facts(chat.speakers[speaker], GUILD, True)
    for part in chat.parts:
        clock.ms = snowflake.to_ms(part[-1].id) + MINUTE_MS
        await pipeline.log.append([Said(message, chat.display_names[message.author_id]) for message in part])
        report = await pipeline.flush(CHANNEL)
        played.refusals.update(report.refusals)


async def _assert_settled(played: Played, pipeline: Pipeline) -> None:
    """Every message is in an end state."""
    states = await pipeline.states()
    if left := [i for i, state in states.items() if state is MessageState.PENDING]:
        raise RuntimeError(f"{len(left)} messages of {played.chat.name!r} are left over")
    place = {message.id: number for number, message in enumerate(played.chat.said, 1)}
    played.dead = sorted(place[i] for i, state in states.items() if state is MessageState.DEAD)


def answer_with(chat: Chat, statements: Iterable[Statement], call: Call) -> dict[str, Any]:
    """The answer that makes those of the statements whose messages a call shows, in the model's labels and numbers."""
    by_key = {key: call.labels.get(user_id, "@ZZ") for key, user_id in chat.speakers.items()}
    return {
        "memories": [
            {
                "text": _PERSON.sub(lambda m: by_key.get(m[1], m[0]), statement.text),
                "kind": statement.kind.value,
                "lines": [call.numbers[number] for number in statement.lines],
            }
            for statement in statements
            if set(statement.lines) <= call.numbers.keys()
        ]
    }


def assert_holds(chat: Chat, memories: Iterable[Memory]) -> None:
    """What holds of every memory, whatever a model said."""
    said = {message.id: message for message in chat.said}
    never = {chat.said[number - 1].id for number, why in chat.never.items() if why != Refusal.QUESTION}
    questions = {chat.said[number - 1].id for number in chat.never} - never
    allowed = facts_allowed(chat)
    for memory in memories:
        assert memory.citations
        for citation in memory.citations:
            assert citation.author_id == said[citation.message_id].author_id
            assert citation.channel_id == said[citation.message_id].channel_id
        ids = [citation.message_id for citation in memory.citations]
        assert all(one < other for one, other in pairwise(ids))
        assert not never & {*ids}, f"{memory.text!r} stands on a message that must never be kept"
        assert {*ids} - questions, f"{memory.text!r} stands on nothing but a question"
        for words in chat.unsaid:
            assert chat.referring(words).casefold() not in memory.text.casefold()
        if memory.kind in PERSONAL_KINDS:
            assert {*memory.author_ids} <= allowed


def facts_allowed(chat: Chat) -> frozenset[int]:
    """Of whom facts may be kept."""
    asked = frozenset(chat.speakers[key] for key in chat.facts)
    everybody = frozenset(chat.speakers.values())
    return {FactsRule.ASKED: asked, FactsRule.EVERYBODY: everybody, FactsRule.NOBODY: frozenset[int]()}[chat.rule]


def parroted(call: Call) -> dict[str, Any]:
    """The answer of a model that keeps every line word for word, as every kind."""
    return {
        "memories": [
            {"text": call.said[number], "kind": kind.value, "lines": [line]}
            for number, line in call.numbers.items()
            for kind in MemoryKind
            if kind is not MemoryKind.NOTE
        ]
    }


def as_json(reply: Mapping[str, Any]) -> str:
    """An answer as a model writes it."""
    return json.dumps(reply, ensure_ascii=False)
