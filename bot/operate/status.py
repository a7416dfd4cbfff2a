"""What an admin is shown of costs, services and the last thirty days."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.llm import EMBEDDING, Bill, BreakerState, bill, bills_by_day
from bot.operate.activity import DAY_MS, Activity, DayActivity, day_name
from bot.operate.chart import Bar, draw

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.index import Indexer
    from bot.llm import FallbackModel, FallbackStanding, Guard, Ledger, PriceTable, Usage
    from bot.operate.traffic import GuildTraffic, Traffic
    from bot.operate.waiting import DelayReport, Delays
    from bot.remember import FlushReport, Refusals

log = logging.getLogger(__name__)

DAYS = 30


@dataclass(frozen=True, slots=True)
class Service:
    """One outside service, or one host of it, as the breaker before it has it.

    Attributes:
        seconds_down: for how long it is not there; 0 where it is.
    """

    name: str
    state: BreakerState
    seconds_down: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """How things are. Costs are those of the whole installation, traffic and days those of one server.

    Attributes:
        today: bill of this UTC day.
        month: bill of the last `DAYS` days.
        traffic: what came in lately, and what waits, of one server.
        days: messages and memories by day, oldest first.
        bills: bill of each UTC day that has one.
        answer_seconds: mean time of a language model's answer today; None without any.
        services: each outside service.
        index_backlog: changes that the vector index has yet to take.
        index_figures: while there are any, how many memories and messages it holds, and is to hold.
        delays: what is not done, though it was tried.
        last_flush_ms: when messages were last made into memories; None if not since the start.
        prices_as_of: when the prices were looked up.
        refusals: statements of the model that were not kept of the server in the last `DAYS` days, by reason.
        fallback: who makes memories, where OLLAMA_FALLBACK leaves a choice.
    """

    today: Bill
    month: Bill
    traffic: GuildTraffic
    days: Sequence[DayActivity]
    bills: Mapping[str, Bill]
    answer_seconds: float | None
    services: Sequence[Service]
    index_backlog: int
    delays: Delays
    last_flush_ms: int | None
    prices_as_of: str
    refusals: Mapping[str, int]
    fallback: FallbackStanding | None = None
    index_figures: tuple[int, int] | None = None


class Status:
    """Gathers the report, and draws its chart.

    Attributes:
        fallback: the model that knows who makes memories; None where there is one that can.
    """

    def __init__(
        self,
        *,
        activity: Activity,
        traffic: Traffic,
        ledger: Ledger,
        prices: PriceTable,
        guards: Sequence[Guard],
        indexer: Indexer,
        delays: DelayReport,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._activity = activity
        self._traffic = traffic
        self._ledger = ledger
        self._prices = prices
        self._guards = guards
        self._indexer = indexer
        self._delays = delays
        self._refusals = refusals
        self._clock = clock
        self._last_flush_ms: int | None = None
        self.fallback: FallbackModel | None = None

    def flushed(self, report: FlushReport) -> None:
        """A channel was flushed."""
        if report.messages:
            self._last_flush_ms = self._clock()

    async def report(self, guild_id: int) -> StatusReport:
        """How things are now, for one server."""
        now = self._clock()
        today = day_name(now // DAY_MS)
        backlog = await self._indexer.backlog()
        usages = await self._ledger.totals(day_name(now // DAY_MS - DAYS + 1))
        return StatusReport(
            today=bill((usage for usage in usages if usage.day == today), self._prices),
            month=bill(usages, self._prices),
            traffic=await self._traffic.of_guild(guild_id),
            days=await self._activity.by_day(guild_id, days=DAYS, now_ms=now),
            bills=bills_by_day(usages, self._prices),
            answer_seconds=_mean_seconds(usages, today),
            services=[Service(g.name, g.breaker.state, g.breaker.seconds_open) for g in self._guards],
            index_backlog=backlog,
            index_figures=await self._indexer.figures() if backlog else None,
            delays=await self._delays.look(guild_id),
            last_flush_ms=self._last_flush_ms,
            prices_as_of=self._prices.as_of,
            refusals=await self._refusals.by_reason(guild_id, since_ms=now - (DAYS - 1) * DAY_MS),
            fallback=self.fallback.standing if self.fallback is not None else None,
        )

    async def chart(self, report: StatusReport) -> bytes | None:
        """The report's days as a PNG; None where none can be drawn, such as without a folder for the fonts' list."""
        bars = [_bar(day, report.bills.get(day.day, Bill())) for day in report.days]
        try:
            return await asyncio.to_thread(draw, bars)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            log.warning("No chart could be drawn: %s", error)
            return None


def _bar(day: DayActivity, owed: Bill) -> Bar:
    return Bar(day.day[5:], day.messages, day.memories, owed.spent, owed.one_call)


def _mean_seconds(usages: Sequence[Usage], today: str) -> float | None:
    asked = [usage for usage in usages if usage.day == today and usage.purpose != EMBEDDING]
    answers = sum(usage.calls - usage.failures for usage in asked)
    return sum(usage.seconds for usage in asked) / answers if answers else None
