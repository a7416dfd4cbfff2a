"""What a day of chat asks of the machine: `python -m bench.capacity DATA [--messages 10000 100000] [--hosts 1 2 4]`.

A simulated day. Messages come at the times of day at which those of the folder came (`messages.jsonl`; each channel
takes one of its days, so that all have their busy hours together) and go through the real log, queue, flusher,
extractor and gate over SQLite. The language model is virtual: it answers after a time drawn from a log-normal
distribution. The clock is virtual too: it jumps to the next answer whenever every model is busy or nothing is due. So a
day takes minutes, and its figures do not depend on the machine that it is simulated on. Prints one JSON object.
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

from bench.costs import one_statement
from bench.ingest import quantile
from bot.domain import snowflake
from bot.domain.model import Message
from bot.llm.base import Completion, CompletionRequest, estimate_tokens
from bot.llm.costs import load_prices
from bot.observe.messagelog import Said
from bot.remember.applier import Applier
from bot.remember.choice import Chooser
from bot.remember.extractor import Extractor
from bot.remember.flusher import Flusher
from bot.remember.gate import Gate
from bot.remember.neighbours import Neighbours
from bot.remember.reconciler import Reconciler
from bot.remember.segments import REAL_SHARE
from tests.fixtures.memory import Pipeline, open_pipeline
from tests.fixtures.storage import NOW_MS, FakeClock

MEDIAN_SECONDS: Final = 1.3
"""A call of llama3.1:8b on an RTX 4090 as it is planned for: under 2 s for 1,000 tokens and a short answer."""

SPREAD: Final = 0.35
"""Standard deviation of the logarithm: 95 % of the calls end within 1.8 times the median."""

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
    parser.add_argument("--median", type=float, default=MEDIAN_SECONDS, help="seconds of a call")
    parser.add_argument("--spread", type=float, default=SPREAD, help="standard deviation of their logarithm")
    arguments = parser.parse_args()
    lines = [json.loads(line) for line in (arguments.data / "messages.jsonl").read_text().splitlines() if line.strip()]
    figures = [
        asyncio.run(simulated(day(lines, count), hosts, arguments.median, arguments.spread))
        for count in arguments.messages
        for hosts in arguments.hosts
    ]
    print(json.dumps(figures, indent=1))


# --- the day ---------------------------------------------------------------------------------------------------------


def day(lines: Sequence[Mapping[str, Any]], count: int) -> list[Said]:
    """So many messages of one day, by the time at which they come."""
    days: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        days.setdefault(line["created_at"][:10], []).append(line)
    whole = [found for found in days.values() if len(found) >= CHANNEL_MESSAGES] or [list(lines)]
    channels = math.ceil(count / CHANNEL_MESSAGES)
    said = (one for number in range(channels) for one in _channel(whole[number % len(whole)], number))
    return sorted(itertools.islice(said, count), key=lambda one: one.message.id)


def _channel(source: Sequence[Mapping[str, Any]], number: int) -> Iterator[Said]:
    """One channel's day: a stretch of conversation kept together at every one of its times."""
    first = number * CHANNEL_MESSAGES % max(1, len(source) - CHANNEL_MESSAGES)
    times = sorted(random.Random(number).sample([_time_of_day(line) for line in source], CHANNEL_MESSAGES))
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
        tokens: of prompts and answers.
        calls: how many there were.
    """

    clock: FakeClock
    median: float
    spread: float
    provider: str = "ollama"
    model: str = "virtual"
    busy_seconds: float = 0.0
    tokens: int = 0
    calls: int = 0
    waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)
    _latency: random.Random = field(default_factory=lambda: random.Random(1))

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel."""
        if request.before is not None:
            await request.before()
        seconds = self._latency.lognormvariate(math.log(self.median), self.spread)
        self.calls += 1
        self.busy_seconds += seconds
        until = self.clock.ms + round(seconds * 1000)
        done = asyncio.get_running_loop().create_future()
        heapq.heappush(self.waiting, (until, self.calls, done))
        await done
        text = json.dumps(one_statement({"messages": [{"content": request.prompt}]}))
        asked, answered = (round(REAL_SHARE * estimate_tokens(one)) for one in (request.system + request.prompt, text))
        self.tokens += asked + answered
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


class Watch(Extractor):
    """The real extractor, and how long each message had waited when its answer was there."""

    def __init__(self, model: VirtualModel) -> None:
        super().__init__(model, Gate())
        self.ages: list[float] = []
        self._clock = model.clock

    async def extract(self, messages: Sequence[Message], **how: Any) -> Any:  # noqa: ANN401 - as Extractor's
        """See Extractor."""
        extraction = await super().extract(messages, **how)
        self.ages += [(self._clock.ms - snowflake.to_ms(message.id)) / 1000 for message in messages]
        return extraction


# --- the simulation --------------------------------------------------------------------------------------------------


async def simulated(said: Sequence[Said], hosts: int, median: float, spread: float) -> dict[str, object]:
    """Live through the day, and through what is left of it afterwards."""
    clock = FakeClock(NOW_MS)
    model = VirtualModel(clock, median, spread)
    watch = Watch(model)
    with tempfile.TemporaryDirectory() as folder:
        async with open_pipeline(Path(folder), clock) as pipeline:
            flusher = _flusher(pipeline, watch, model, hosts)
            await _live(pipeline, flusher, model, said, hosts)
            embedded = sum(estimate_tokens(memory.text) for memory in await pipeline.memories())
            memories = await pipeline.rows("memories")
            left = len(await pipeline.queue.channels())
    prices = load_prices(None)
    dollars = prices.cost("openai", "text-embedding-3-small", embedded, 0) or 0.0
    return {
        "messages": len(said),
        "models": hosts,
        "calls": model.calls,
        "tokens a message": round(model.tokens / len(said), 1),
        "GPU hours": round(model.busy_seconds / 3600, 2),
        "share of the day that each model answers": round(model.busy_seconds / hosts / 86_400, 3),
        "dollars for embeddings": round(dollars, 5),
        "dollars for electricity": round(prices.electricity(model.busy_seconds), 2),
        "memories": memories,
        "age in minutes when answered, median": round(quantile(watch.ages, 0.5) / 60, 1),
        "age in minutes when answered, p95": round(quantile(watch.ages, 0.95) / 60, 1),
        "age in minutes when answered, longest": round(max(watch.ages) / 60, 1),
        "hours until all was answered": round((clock.ms - NOW_MS) / 3_600_000, 1),
        "channels left in the queue": left,
    }


def _flusher(pipeline: Pipeline, extractor: Extractor, model: VirtualModel, hosts: int) -> Flusher:
    neighbours = Neighbours(pipeline.db, pipeline.store, pipeline.fulltext, pipeline.index, pipeline.threads)
    return Flusher(
        queue=pipeline.queue,
        applier=Applier(pipeline.db, pipeline.queue, pipeline.store, pipeline.consents),
        extractor=extractor,
        reconciler=Reconciler(pipeline.queue, neighbours, Chooser(model)),
        indexer=pipeline.indexer,
        directory=pipeline.directory,
        consents=pipeline.consents,
        flush_interval=3600,
        flush_batch_size=100,
        concurrency=hosts,
    )


async def _live(pipeline: Pipeline, flusher: Flusher, model: VirtualModel, said: Sequence[Said], hosts: int) -> None:
    """Let the time pass: messages are logged, the bot looks for what is due, models answer, whichever comes next."""
    clock, to_come, next_look = model.clock, 0, NOW_MS
    flushing: asyncio.Task[Any] | None = None
    while to_come < len(said) or flushing is not None or await pipeline.queue.channels():
        if flushing is None and clock.ms >= next_look:
            flushing, next_look = asyncio.create_task(flusher.flush_due()), clock.ms + LOOK_MS
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
