"""Metrics for Prometheus, in a registry that the composition root makes and hands on.

Two kinds: what happens is told to `Metrics` by small hooks as it happens (calls, flushes, recall stages); what stands
(queue, memories, breakers, dollars) is read from the services by `Standing` when somebody scrapes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import ChannelMemoryError
from bot.llm import EMBEDDING, Bill, Breaker, BreakerState, Counters, bill
from bot.operate.traffic import together

if TYPE_CHECKING:
    from bot.domain import Clock, MessageState
    from bot.index import Indexer
    from bot.llm import CountedCall, Guard, Ledger, LoadedModel, PriceTable, Usage
    from bot.memories import MemoryStore
    from bot.observe import Intake, MessageLog, Unread
    from bot.operate.traffic import GuildTraffic, Traffic
    from bot.remember import FlushReport

log = logging.getLogger(__name__)

PREFIX: Final = "channel_memory"

SNAPSHOT_SECONDS: Final = 5.0
"""How old the figures that take queries may be: scrapes may come more often than counting is worth."""

TRAFFIC_SECONDS: Final = 30.0
"""How old what is told by server may be."""

GUILDS_SHOWN: Final = 20
"""Servers with series of their own; the others share one, so that a thousand servers don't make a thousand series."""

OTHERS: Final = "other"
"""Their label, in place of an id."""

THE_BEGINNING: Final = "1970-01-01"

MODEL_BUCKETS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 80.0, 180.0)
EMBEDDING_BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0)
FLUSH_BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 180.0, 600.0)
RECALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """What happened since the start, told by hooks that take microseconds.

    Attributes:
        registry: this object's own.
    """

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        model = ("provider", "model")
        self._gauge("info", "The running version, always 1.", "version").labels(version).set(1)
        self._calls = self._counter("model_calls", "Calls of language models.", *model, "purpose", "outcome")
        self._seconds = self._histogram("model_seconds", "Answers of language models.", MODEL_BUCKETS, *model)
        self._tokens = self._counter("model_tokens", "Tokens of language models.", *model, "kind")
        self._embeddings = self._counter("embedding_calls", "Embedding requests.", *model, "outcome")
        self._embedded = self._counter("embedding_tokens", "Tokens embedded.", *model)
        self._embedding_seconds = self._histogram("embedding_seconds", "Embedding.", EMBEDDING_BUCKETS, *model)
        self._flushes = self._histogram("flush_seconds", "Flushes of a channel.", FLUSH_BUCKETS)
        self._last_flush = self._gauge("last_flush_timestamp_seconds", "When a flush last settled messages.")
        self._flushed = self._counter("flushed_messages", "Messages by what extraction made of them.", "outcome")
        self._made = self._counter("memories_made", "Memories that extraction added.")
        self._refused = self._counter("statements_refused", "Statements that were not kept.", "reason")
        self._recalls = self._histogram("recall_seconds", "Recall by stage.", RECALL_BUCKETS, "stage")

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, namespace=PREFIX, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, namespace=PREFIX, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, meaning, labels, namespace=PREFIX, registry=self.registry, buckets=buckets)

    def called(self, call: CountedCall) -> None:
        """A model was asked, as the ledger counted it."""
        outcome = "failed" if call.failed else "answered"
        if call.purpose == EMBEDDING:
            self._embeddings.labels(call.provider, call.model, outcome).inc()
            self._embedded.labels(call.provider, call.model).inc(call.prompt_tokens)
            if not call.failed:
                self._embedding_seconds.labels(call.provider, call.model).observe(call.seconds)
            return
        self._calls.labels(call.provider, call.model, call.purpose, outcome).inc()
        self._tokens.labels(call.provider, call.model, "prompt").inc(call.prompt_tokens)
        self._tokens.labels(call.provider, call.model, "answer").inc(call.completion_tokens)
        if not call.failed:
            self._seconds.labels(call.provider, call.model).observe(call.seconds)

    def flushed(self, report: FlushReport) -> None:
        """A channel was flushed."""
        self._flushes.observe(report.seconds)
        self._flushed.labels("extracted").inc(report.messages)
        self._flushed.labels("dead").inc(report.dead)
        self._made.inc(report.memories)
        for reason, count in report.refusals.items():
            self._refused.labels(reason).inc(count)
        if report.messages:
            self._last_flush.set_to_current_time()

    def recalled(self, stage: str, seconds: float) -> None:
        """A stage of a recall is over."""
        self._recalls.labels(stage).observe(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What stood at one moment.

    Attributes:
        ready: each part that has to be there, and whether it is.
        states: messages in the log by state.
        waiting: channels with pending messages.
        traffic: by server, the largest backlog first.
        memories: that hold.
        backlog: changes that the index has yet to take.
        usages: all of the ledger.
        loaded: models that each host of Ollama has in memory; None where it does not answer.
        now_ms: when, in milliseconds since 1970.
    """

    ready: Mapping[str, bool] = field(default_factory=dict)
    states: Mapping[MessageState, int] = field(default_factory=dict)
    waiting: Sequence[Unread] = ()
    traffic: Sequence[GuildTraffic] = ()
    memories: int = 0
    backlog: int = 0
    usages: Sequence[Usage] = ()
    loaded: Mapping[str, Sequence[LoadedModel] | None] = field(default_factory=dict)
    now_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the standing figures are read from.

    Attributes:
        guards: one for each use of an outside service.
        loaded: asks each host of Ollama for its loaded models, None from one that does not answer; none where Ollama
            is not in use.
        ready: each part that has to be there, and whether it is.
    """

    log: MessageLog
    store: MemoryStore
    traffic: Traffic
    intake: Intake
    indexer: Indexer
    ledger: Ledger
    prices: PriceTable
    guards: Sequence[Guard]
    clock: Clock
    loaded: Callable[[], Awaitable[Mapping[str, Sequence[LoadedModel] | None]]]
    ready: Callable[[], Awaitable[Mapping[str, bool]]]


class ProcessStanding(Collector):
    """Reads what stands, when it is scraped, at most once in `SNAPSHOT_SECONDS`."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._snapshot = Snapshot()
        self._sound = False
        self._fresh_until = 0.0
        self._traffic_fresh_until = 0.0
        self._one_look = asyncio.Lock()

    async def look(self) -> None:
        """Read everything; a database that can't be read leaves the figures as they were, and says so."""
        async with self._one_look:
            if time.monotonic() < self._fresh_until:
                return
            try:
                self._snapshot = await self._read()
                self._sound = True
            except (SQLAlchemyError, ChannelMemoryError) as error:
                log.warning("Metrics could not be read: %s", type(error).__name__)
                self._sound = False
            self._fresh_until = time.monotonic() + SNAPSHOT_SECONDS

    async def _read(self) -> Snapshot:
        sources = self._sources
        async with asyncio.TaskGroup() as outside:
            loaded = outside.create_task(self._loaded())
            ready = outside.create_task(self._ready())
        return Snapshot(
            ready=ready.result(),
            loaded=loaded.result(),
            states=await sources.log.count_by_state(),
            waiting=await sources.log.pending_overview(),
            traffic=await self._traffic(),
            memories=await sources.store.count(),
            backlog=await sources.indexer.backlog(),
            usages=await sources.ledger.totals(THE_BEGINNING),
            now_ms=sources.clock(),
        )

    async def _traffic(self) -> Sequence[GuildTraffic]:
        if time.monotonic() < self._traffic_fresh_until:
            return self._snapshot.traffic
        traffic = await self._sources.traffic.by_guild()
        self._traffic_fresh_until = time.monotonic() + TRAFFIC_SECONDS
        return traffic

    async def _ready(self) -> Mapping[str, bool]:
        return await self._sources.ready()

    async def _loaded(self) -> Mapping[str, Sequence[LoadedModel] | None]:
        return await self._sources.loaded()

    def collect(self) -> Iterator[Metric]:
        """The figures of the last look, and what can be read without waiting."""
        yield _gauge("scrape_ok", "Whether the standing figures could be read.", float(self._sound))
        yield from _intake(self._sources.intake)
        yield from _services(self._sources.guards)
        yield from _hosts(self._sources.guards)
        if self._sound:
            yield from _standing(self._snapshot)
            yield from _servers(self._snapshot.traffic)
            yield from _money(self._snapshot.usages, self._sources.prices)
            if self._snapshot.loaded:
                yield from _ollama(self._snapshot.loaded)


class Shards(Collector):
    """Tells of each shard of this process whether it is connected, as it is when it is scraped."""

    def __init__(self, shards: Callable[[], Mapping[int, bool]]) -> None:
        self._shards = shards

    def collect(self) -> Iterator[Metric]:
        """One figure for each."""
        up = GaugeMetricFamily(f"{PREFIX}_shard_up", "Whether a shard is connected to Discord.", labels=["shard"])
        for shard, connected in sorted(self._shards().items()):
            up.add_metric([str(shard)], connected)
        yield up


async def page(metrics: Metrics, standing: ProcessStanding) -> bytes:
    """The text that Prometheus reads; `standing` has to be registered with `metrics.registry`."""
    await standing.look()
    return generate_latest(metrics.registry)


def _intake(intake: Intake) -> Iterator[Metric]:
    messages = CounterMetricFamily(f"{PREFIX}_messages", "Messages heard, by what became of them.", labels=["outcome"])
    for outcome, count in sorted(intake.counts.items()):
        messages.add_metric([outcome], count)
    yield messages
    yield _gauge("intake_pending", "Events heard and not yet written.", intake.pending)
    yield _gauge("intake_overflowed", "Whether messages are refused until the database keeps up.", intake.overflowed)


def _services(guards: Sequence[Guard]) -> Iterator[Metric]:
    errors = CounterMetricFamily(f"{PREFIX}_service_errors", "Calls that failed.", labels=["service", "kind"])
    states = GaugeMetricFamily(f"{PREFIX}_breaker_state", "1 for the state it is in.", labels=["service", "state"])
    open_for = GaugeMetricFamily(f"{PREFIX}_breaker_open_seconds", "How long it is not closed.", labels=["service"])
    for service in sorted({guard.service for guard in guards}):
        theirs = [guard for guard in guards if guard.service == service]
        for kind, count in _errors(guard.counters for guard in theirs).items():
            errors.add_metric([service, kind], count)
        tells = _telling(theirs)
        for state in BreakerState:
            states.add_metric([service, state.value], tells.state is state)
        open_for.add_metric([service], tells.seconds_open)
    yield from (errors, states, open_for)


def _telling(guards: Sequence[Guard]) -> Breaker:
    """The breaker that tells how a service is: the worst of its uses, of which one with several hosts has its best."""
    alone = [guard.breaker for guard in guards if guard.host is None]
    hosts = [guard.breaker for guard in guards if guard.host is not None]
    if hosts:
        alone.append(min(hosts, key=lambda breaker: breaker.seconds_open))
    return max(alone, key=lambda breaker: breaker.seconds_open)


def _hosts(guards: Sequence[Guard]) -> Iterator[Metric]:
    """Each of several hosts of a service; there are as many as the settings name."""
    labels = ["service", "host"]
    calls = CounterMetricFamily(f"{PREFIX}_host_calls", "Calls that a host was given.", labels=labels)
    failed = CounterMetricFamily(f"{PREFIX}_host_failures", "Calls that it failed.", labels=labels)
    up = GaugeMetricFamily(f"{PREFIX}_host_up", "Whether it is given calls.", labels=labels)
    for guard in guards:
        if guard.host is not None:
            name = [guard.service, guard.host]
            calls.add_metric(name, guard.counters.calls)
            failed.add_metric(name, guard.counters.failures)
            up.add_metric(name, guard.breaker.state is BreakerState.CLOSED)
    yield from (calls, failed, up)


def _errors(counters: Iterator[Counters]) -> Tally[str]:
    sums = Tally({"failed": 0, "timeout": 0, "rate_limited": 0, "turned_away": 0})
    for counter in counters:
        sums["failed"] += counter.failures
        sums["timeout"] += counter.timeouts
        sums["rate_limited"] += counter.rate_limited
        sums["turned_away"] += counter.turned_away
    return sums


def _standing(seen: Snapshot) -> Iterator[Metric]:
    parts = _family("ready", "Whether a part is there.", "part")
    for part, is_ready in seen.ready.items():
        parts.add_metric([part], is_ready)
    logged = _family("logged_messages", "Messages in the log by state.", "state")
    for state, count in seen.states.items():
        logged.add_metric([state.value], count)
    yield from (parts, logged)
    oldest = max(0, seen.now_ms - seen.waiting[0].oldest_ms) / 1000 if seen.waiting else 0
    yield _gauge("queue_messages", "Messages that wait for extraction.", sum(b.messages for b in seen.waiting))
    yield _gauge("queue_channels", "Channels in which messages wait.", len(seen.waiting))
    yield _gauge("queue_oldest_seconds", "How long the oldest of them waits.", oldest)
    dead = sum(count for state, count in seen.states.items() if state.value == "dead")
    yield _gauge("dead_letters", "Messages that no usable answer could be had for.", dead)
    yield _gauge("memories", "Memories that hold.", seen.memories)
    yield _gauge("index_backlog", "Changes that the vector index has yet to take.", seen.backlog)


def _servers(traffic: Sequence[GuildTraffic]) -> Iterator[Metric]:
    """The servers with the largest backlog, and the others together: rates of arrival, and what waits."""
    came = _family("guild_messages", "Messages that came in lately, by server.", "guild", "within")
    made = _family("guild_memories", "Memories made lately, by server.", "guild", "within")
    waits = _family("guild_queue_messages", "Messages that wait for extraction, by server.", "guild")
    oldest = _family("guild_queue_oldest_seconds", "How long the oldest of them waits.", "guild")
    shown = list(traffic[:GUILDS_SHOWN])
    if others := traffic[GUILDS_SHOWN:]:
        shown.append(together(others))
    for of in shown:
        guild = OTHERS if of.guild_id is None else str(of.guild_id)
        came.add_metric([guild, "1h"], of.last_hour)
        came.add_metric([guild, "24h"], of.last_day)
        made.add_metric([guild, "24h"], of.memories)
        waits.add_metric([guild], of.pending)
        oldest.add_metric([guild], of.oldest_seconds)
    yield from (came, made, waits, oldest)


def _money(usages: Sequence[Usage], prices: PriceTable) -> Iterator[Metric]:
    spent = CounterMetricFamily(
        f"{PREFIX}_dollars_spent", "Owed by the price table, since the ledger began.", labels=["provider", "model"]
    )
    for provider, model in sorted({(usage.provider, usage.model) for usage in usages}):
        theirs = [usage for usage in usages if (usage.provider, usage.model) == (provider, model)]
        spent.add_metric([provider, model], bill(theirs, prices).spent)
    yield spent
    total = bill(usages, prices)
    saved = _family("dollars_saved", "Against what OpenAI would have cost, since the ledger began.", "baseline")
    for name, dollars in baselines(total).items():
        saved.add_metric([name], dollars - total.spent)
    yield saved
    yield _gauge("electricity_dollars", "Estimated electricity of local models, since the start.", total.electricity)


def baselines(total: Bill) -> dict[str, float]:
    """What OpenAI would have cost for the same messages, by a short name for how it would be asked."""
    return {
        "same_calls": total.same_calls,
        "batches_of_20": total.batches_of_20,
        "one_call_a_message": total.one_call,
    }


def _ollama(loaded: Mapping[str, Sequence[LoadedModel] | None]) -> Iterator[Metric]:
    yield _gauge("ollama_up", "Whether Ollama answers, on any host.", any(m is not None for m in loaded.values()))
    size = _family("ollama_model_bytes", "Memory of a loaded model.", "host", "model")
    vram = _family("ollama_vram_bytes", "Part of it on the graphics card.", "host", "model")
    for host, models in loaded.items():
        for model in models or ():
            size.add_metric([host, model.name], model.size)
            vram.add_metric([host, model.name], model.vram)
    yield from (size, vram)


def _family(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=labels)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, value=float(value))
