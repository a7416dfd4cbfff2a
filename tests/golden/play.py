"""Plays a golden chat through the pipeline, with something that answers in the place of a model."""

from __future__ import annotations

import inspect
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from bot.domain import snowflake
from bot.domain.model import PERSONAL_KINDS, Memory, MemoryKind, MessageState
from bot.guilds.rules import FactsRule
from bot.llm.ollama import OllamaModel
from bot.observe.messagelog import Said
from bot.remember.check import Checker
from bot.remember.propose import Proposer
from bot.remember.queue import Work
from bot.remember.reader import Reader
from bot.remember.transcript import Transcript
from tests.fixtures.memory import Pipeline, open_pipeline
from tests.fixtures.remember import SECRETS
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock
from tests.golden.chats import BOT, Chat, Statement
from tests.loopback.ollama import LoopbackOllama, Reply

_LINE = re.compile(r"^(\d+) (@[A-Z]{1,2})(?: to @[A-Z]{1,2})?(?:, [^:]*:\d\d)?: (.*)$", re.MULTILINE)
_JUDGED = re.compile(r"^([SM])(\d+)(?: \([^)]*\))?: (.*)$", re.MULTILINE)
_PERSON = re.compile(r"\{(\w+)\}")
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement that a check asks about.

    Attributes:
        n: its number.
        text: the statement, people as `<@user_id>`.
        near: what is remembered near it, by its number.
    """

    n: int
    text: str
    near: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a model.

    Attributes:
        numbers: the line number of each message that it may cite, by the message's number in the chat.
        labels: what the model is shown for each speaker, by user id.
        said: what the model is shown of each message, by the message's number.
        judged: the statements that it is to judge; None where it is to propose some.
    """

    numbers: Mapping[int, int] = field(default_factory=dict)
    labels: Mapping[int, str] = field(default_factory=dict)
    said: Mapping[int, str] = field(default_factory=dict)
    judged: Sequence[Judged] | None = None


Script = Callable[[Call], Reply | Awaitable[Reply]]
"""Answers a call as a model would."""


class Watched(Reader):
    """A reader that tells which messages stand behind a prompt."""

    chat: Chat
    shown: Transcript

    async def _transcript(self, work: Work) -> Transcript:
        self.shown = await super()._transcript(work)
        return self.shown

    def call(self, request: Mapping[str, Any]) -> Call:
        """What a request that was sent meanwhile asks about."""
        prompt: str = request["messages"][-1]["content"]
        lines, _, asked = prompt.partition("\n\nStatements:\n")
        call = call_of(self.chat, self.shown, lines)
        return replace(call, judged=_judged(self.shown, asked)) if asked else call


def call_of(chat: Chat, shown: Transcript, prompt: str) -> Call:
    """The call that shows a transcript in a prompt."""
    place = {message.id: number for number, message in enumerate(chat.said, 1)}
    numbers: dict[int, int] = {}
    labels: dict[int, str] = {}
    said: dict[int, str] = {}
    for match in _LINE.finditer(prompt):
        line = shown.lines[int(match[1])]
        labels[line.author_id] = match[2]
        said[place[line.message_id]] = match[3]
        if line.is_new:
            numbers[place[line.message_id]] = line.number
    return Call(numbers, labels, said)


def _judged(shown: Transcript, asked: str) -> list[Judged]:
    statements: list[Judged] = []
    for match in _JUDGED.finditer(asked):
        text, _ = shown.resolved(match[3])
        if match[1] == "S":
            statements.append(Judged(int(match[2]), text))
        else:
            statements[-1].near[int(match[2])] = text
    return statements


@dataclass(slots=True)
class Played:
    """What came of a chat.

    Attributes:
        memories: all of them, oldest first, those that were superseded included.
        refusals: statements that were not kept, by reason.
        dead: numbers of the messages that no usable answer could be had for.
    """

    chat: Chat
    memories: list[Memory] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    dead: list[int] = field(default_factory=list)

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
        watched = Watched(Proposer(client), Checker(client), pipeline.directory, pipeline.consents, SECRETS)
        watched.chat = chat
        failures: list[Exception] = []

        async def answer(request: dict[str, Any]) -> Reply:
            try:
                said = script(watched.call(request))
                return await said if inspect.isawaitable(said) else said
            except Exception as error:
                failures.append(error)
                raise

        server.answer = answer
        pipeline.read_with(watched)
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
    """The proposals of those statements whose messages a call shows, in the model's labels and numbers."""
    by_key = {key: call.labels.get(user_id, "@ZZ") for key, user_id in chat.speakers.items()}
    return {
        "topics": [],
        "memories": [
            {
                "text": _PERSON.sub(lambda m: by_key.get(m[1], m[0]), statement.text),
                "kind": statement.kind.value,
                "lines": [call.numbers[number] for number in statement.lines],
            }
            for statement in statements
            if set(statement.lines) <= call.numbers.keys()
        ],
    }


def agree(call: Call) -> dict[str, Any]:
    """The judgement that every statement is to be kept, as something new."""
    yes = {"said": True, "lasting": True, "private": False, "relation": "new", "memory": []}
    return {"verdicts": [{"n": statement.n} | yes for statement in call.judged or ()]}


def assert_holds(chat: Chat, memories: Iterable[Memory]) -> None:
    """What holds of every memory, whatever a model said."""
    said = {message.id: message for message in chat.said}
    never = {chat.said[number - 1].id for number in chat.never}
    allowed = facts_allowed(chat)
    for memory in memories:
        assert memory.stating
        for citation in memory.citations:
            assert citation.author_id == said[citation.message_id].author_id
            assert citation.channel_id == said[citation.message_id].channel_id
        ids = [citation.message_id for citation in memory.citations]
        assert all(one < other for one, other in pairwise(ids))
        assert not never & {*ids}, f"{memory.text!r} stands on a message that must never be kept"
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
        "topics": [{"text": call.said[number], "lines": [line]} for number, line in call.numbers.items()],
        "memories": [
            {"text": call.said[number], "kind": kind.value, "lines": [line]}
            for number, line in call.numbers.items()
            for kind in MemoryKind
            if kind not in {MemoryKind.NOTE, MemoryKind.TOPIC}
        ],
    }


def as_json(reply: Mapping[str, Any]) -> str:
    """An answer as a model writes it."""
    return json.dumps(reply, ensure_ascii=False)
