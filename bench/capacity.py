"""What a day of chat asks of the machine: `python -m bench.capacity DATA [--messages 10000 100000] [--hosts 1 2 4]`.

A simulated day. Messages come at the times of day at which those of the folder came (`messages.jsonl`; each channel
takes one of its days, so that all have their busy hours together) and go through the real log, queue, flusher,
both calls and all checks over SQLite. The language model is virtual: it answers after the time that so many tokens
take, times a log-normal factor. The clock is virtual too: it jumps to the next answer whenever every model is busy or
nothing is due. So a day takes minutes, and its figures do not depend on the machine that it is simulated on. Prints one
JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import itertools
import json
import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bench.ingest import quantile
from bench.scripted_model import answer_to
from bot.domain import snowflake
from bot.domain.model import Message
from bot.llm.base import Completion, CompletionRequest, estimate_tokens
from bot.llm.savings import ANSWER_TOKENS_A_SECOND, PROMPT_TOKENS_A_SECOND
from bot.observe.messagelog import Said
from bot.remember.check import Candidate, Checker
from bot.remember.flusher import Flusher
from bot.remember.propose import Proposer
from bot.remember.queue import Work
from bot.remember.reader import Reader, Turn
from bot.remember.statement import Cost, Judgement, Proposed
from bot.remember.stretches import REAL_SHARE
from bot.text import SecretFinder
from tests.fixtures.memory import Pipeline, open_pipeline
from tests.fixtures.storage import NOW_MS, FakeClock

SPREAD: Final = 0.35
"""Standard deviation of the logarithm of a call's time: 95 % of the calls end within 1.8 times the median."""

CHANNEL_MESSAGES: Final = 500
"""Messages of one channel in the day."""

GUILD_CHANNELS: Final = 20

LOOK_MS: Final = 15_000
"""Between two looks of the bot for what is due."""

TICK_MS: Final = 5_000
"""Messages that came within this time are logged together."""

DAY_MS: Final = 24 * 60 * 60 * 1000


def main() -> None:
    """Simulate each size with each number of models, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--messages", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4], help="models that answer side by side")
    parser.add_argument(
        "--read", type=float, default=PROMPT_TOKENS_A_SECOND, help="tokens of a prompt that a model reads a second"
    )
    parser.add_argument("--write", type=float, default=ANSWER_TOKENS_A_SECOND, help="tokens that it answers a second")
    parser.add_argument("--spread", type=float, default=SPREAD, help="standard deviation of their logarithm")
    arguments = parser.parse_args()
    lines = [json.loads(line) for line in (arguments.data / "messages.jsonl").read_text().splitlines() if line.strip()]
    figures = [
        asyncio.run(simulated(day(lines, count), hosts, arguments.read, arguments.write, arguments.spread))
        for count in arguments.messages
        for hosts in arguments.hosts
    ]
    print(json.dumps(figures, indent=1))


# --- the day ---------------------------------------------------------------------------------------------------------


def day(lines: Sequence[Mapping[str, Any]], count: int, *, of_channel: int = CHANNEL_MESSAGES) -> list[Said]:
    """So many messages of one day, by the time at which they come, in channels of equal size."""
    days: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        days.setdefault(line["created_at"][:10], []).append(line)
    whole = [found for found in days.values() if len(found) >= of_channel] or [list(lines)]
    channels = math.ceil(count / of_channel)
    said = (one for number in range(channels) for one in _channel(whole[number % len(whole)], number, of_channel))
    return sorted(itertools.islice(said, count), key=lambda one: one.message.id)


def _channel(source: Sequence[Mapping[str, Any]], number: int, size: int) -> Iterator[Said]:
    """One channel's day: a stretch of conversation kept together at every one of its times."""
    first = number * size % max(1, len(source) - size)
    times_of_day = [_time_of_day(line) for line in source] * math.ceil(size / len(source))
    times = sorted(random.Random(number).sample(times_of_day, size))
    guild_id = 1 + number // GUILD_CHANNELS
    for place, at in enumerate(times):
        line = source[(first + place) % len(source)]
        message = Message(
            id=snowflake.from_ms(NOW_MS + at) + number % 4096,
            guild_id=guild_id,
            channel_id=1_000 + number,
            author_id=int(line["author_id"]) % 1_000_000,
            content=line["content"],
        )
        yield Said(message, line["author_name"])


def _time_of_day(line: Mapping[str, Any]) -> int:
    at = datetime.fromisoformat(line["created_at"])
    seconds = at.hour * 3600 + at.minute * 60 + at.second
    return seconds * 1000 + random.Random(line["id"]).randrange(1000)


# --- the virtual model -----------------------------------------------------------------------------------------------


@dataclass
class VirtualModel:
    """Answers when the simulation says that the time has come.

    Attributes:
        busy_seconds: that all calls took together.
        prompt_tokens: that it read.
        answer_tokens: that it wrote.
        calls: how many there were.
    """

    clock: FakeClock
    read: float
    write: float
    spread: float
    provider: str = "ollama"
    model: str = "virtual"
    busy_seconds: float = 0.0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    calls: int = 0
    waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)
    _latency: random.Random = field(default_factory=lambda: random.Random(1))

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel."""
        if request.before is not None:
            await request.before()
        text = json.dumps(answer_to(request.prompt))
        asked, answered = (
            round(REAL_SHARE * estimate_tokens(part)) for part in (request.system + request.prompt, text)
        )
        seconds = (asked / self.read + answered / self.write) * self._latency.lognormvariate(0, self.spread)
        self.calls += 1
        self.prompt_tokens += asked
        self.answer_tokens += answered
        self.busy_seconds += seconds
        until = self.clock.ms + round(seconds * 1000)
        done = asyncio.get_running_loop().create_future()
        heapq.heappush(self.waiting, (until, self.calls, done))
        await done
        return Completion(
            text=text,
            prompt_tokens=asked,
            completion_tokens=answered,
            seconds=seconds,
            provider=self.provider,
            model=self.model,
        )

    async def check(self) -> None:
        """See LanguageModel."""

    async def aclose(self) -> None:
        """See LanguageModel."""


class Watch(Reader):
    """The real reader, and how long each message had waited when the last answer about it was there."""

    def __init__(self, pipeline: Pipeline, model: VirtualModel) -> None:
        super().__init__(Proposer(model), Checker(model), pipeline.directory, pipeline.consents, SecretFinder())
        self.ages: dict[int, float] = {}
        self._clock = model.clock

    async def propose(self, work: Work, turn: Turn) -> Proposed:
        """See Reader."""
        proposed = await super().propose(work, turn)
        self._answered(work)
        return proposed

    async def check(
        self, work: Work, candidates: Sequence[Candidate], turn: Turn
    ) -> tuple[list[Judgement | None], Cost]:
        """See Reader."""
        judged = await super().check(work, candidates, turn)
        self._answered(work)
        return judged

    def _answered(self, work: Work) -> None:
        for message in work.messages:
            self.ages[message.id] = (self._clock.ms - snowflake.to_ms(message.id)) / 1000


# --- the simulation --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lived:
    """A day that is over.

    Attributes:
        ages: of each message when the last answer about it was there, in seconds.
        embedded_tokens: of statements and memories.
        memories: that were kept.
        channels_left: in the queue.
    """

    ages: Sequence[float]
    embedded_tokens: int
    memories: int
    channels_left: int


async def lived(said: Sequence[Said], hosts: int, model: VirtualModel, *, look_ms: int = LOOK_MS) -> Lived:
    """Live through the day, and through what is left of it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_pipeline(Path(folder), model.clock) as pipeline:
            watch = Watch(pipeline, model)
            pipeline.concurrency = hosts
            pipeline.read_with(watch)
            await _live(pipeline, pipeline.flusher, model, said, hosts, look_ms)
            return Lived(
                ages=list(watch.ages.values()),
                embedded_tokens=round(REAL_SHARE * sum(map(estimate_tokens, pipeline.index.embedded))),
                memories=await pipeline.rows("memories"),
                channels_left=len(await pipeline.queue.channels()),
            )


async def simulated(said: Sequence[Said], hosts: int, read: float, write: float, spread: float) -> dict[str, object]:
    """What such a day asks of the machine."""
    model = VirtualModel(FakeClock(NOW_MS), read, write, spread)
    over = await lived(said, hosts, model)
    return {
        "messages": len(said),
        "models": hosts,
        "calls": model.calls,
        "tokens a message": round((model.prompt_tokens + model.answer_tokens) / len(said), 1),
        "GPU hours": round(model.busy_seconds / 3600, 2),
        "share of the day that each model answers": round(model.busy_seconds / hosts / 86_400, 3),
        "memories": over.memories,
        "age in minutes when answered, median": round(quantile(over.ages, 0.5) / 60, 1),
        "age in minutes when answered, p95": round(quantile(over.ages, 0.95) / 60, 1),
        "age in minutes when answered, longest": round(max(over.ages) / 60, 1),
        "hours until all was answered": round((model.clock.ms - NOW_MS) / 3_600_000, 1),
        "channels left in the queue": over.channels_left,
    }


async def _live(
    pipeline: Pipeline, flusher: Flusher, model: VirtualModel, said: Sequence[Said], hosts: int, look_ms: int
) -> None:
    """Let the time pass: messages are logged, the bot looks for what is due, models answer, whichever comes next."""
    clock, to_come, next_look = model.clock, 0, NOW_MS
    flushing: asyncio.Task[Any] | None = None
    while to_come < len(said) or flushing is not None or await pipeline.queue.channels():
        if flushing is None and clock.ms >= next_look:
            flushing, next_look = asyncio.create_task(flusher.flush_due()), clock.ms + look_ms
        if flushing is not None:
            await _at_rest(flushing, flusher, model, hosts)
            if flushing.done():
                flushing.result()
                flushing = None
                continue
        nexts = [model.waiting[0][0]] if model.waiting else [max(next_look, clock.ms + 1)]
        if to_come < len(said):
            nexts.append(max(clock.ms, snowflake.to_ms(said[to_come].message.id)) + TICK_MS)
        clock.ms = max(clock.ms, min(nexts))
        until = to_come
        while until < len(said) and snowflake.to_ms(said[until].message.id) <= clock.ms:
            until += 1
        if until > to_come:
            await pipeline.log.append(said[to_come:until])
            to_come = until
        while model.waiting and model.waiting[0][0] <= clock.ms:
            heapq.heappop(model.waiting)[2].set_result(None)


async def _at_rest(flushing: asyncio.Task[Any], flusher: Flusher, model: VirtualModel, hosts: int) -> None:
    """Wait until the flush is over, or until every channel that is being worked on waits for a model."""
    quiet = 0
    while not flushing.done() and quiet < 5:  # a channel that ends lets the next one begin a few turns later
        waits = model.waiting and len(model.waiting) == min(hosts, flusher.at_work)
        quiet = quiet + 1 if waits else 0
        await asyncio.sleep(0 if waits else 0.0005)


if __name__ == "__main__":
    main()
