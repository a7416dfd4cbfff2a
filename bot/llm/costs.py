"""The cost ledger: what was asked of each model on each day, and what that costs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Clock
from bot.storage import Database, Store, upsert, usage

log = logging.getLogger(__name__)

WRITE_SECONDS = 60.0
"""Between two writes of what was counted, where nothing else writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was asked of one model for one purpose.

    Attributes:
        day: UTC day as YYYY-MM-DD.
        messages: logged messages that the calls were about, where that makes sense.
        seconds: time spent waiting for answers.
    """

    day: str
    provider: str
    model: str
    purpose: str
    calls: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    messages: int = 0
    seconds: float = 0.0


class _Key(NamedTuple):
    day: str
    provider: str
    model: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCall:
    """One call as it was counted; see `Ledger.record`."""

    provider: str
    model: str
    purpose: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    failed: bool


def _nobody(call: CountedCall) -> None:
    """Tell nobody."""


_COUNTS = ("calls", "failures", "prompt_tokens", "completion_tokens", "messages", "seconds")


class Ledger(Store):
    """Counts calls in memory and adds them to the database in groups.

    Memory is bounded by the number of models and purposes, whatever the number of calls.
    """

    name = "costs"
    tables = (usage,)

    def __init__(self, db: Database, clock: Clock, on_call: Callable[[CountedCall], None] = _nobody) -> None:
        """Open the ledger; `told` hears of each call as it is counted."""
        super().__init__(db)
        self._clock = clock
        self._told = on_call
        self._pending: dict[_Key, dict[str, float]] = {}

    def record(
        self,
        provider: str,
        model: str,
        purpose: str,
        *,
        prompt_tokens: int | None,
        completion_tokens: int | None,
        messages: int = 0,
        seconds: float = 0.0,
        failed: bool = False,
    ) -> None:
        """Count one call; never waits. Token counts that the service did not tell are None and count as 0."""
        call = CountedCall(
            provider=provider,
            model=model,
            purpose=purpose,
            prompt_tokens=prompt_tokens or 0,
            completion_tokens=completion_tokens or 0,
            seconds=seconds,
            failed=failed,
        )
        key = _Key(self._today(), provider, model, purpose)
        counts = (1, int(failed), call.prompt_tokens, call.completion_tokens, messages, seconds)
        self._add(key, dict(zip(_COUNTS, counts, strict=True)))
        self._told(call)

    def settled(self, provider: str, model: str, purpose: str, messages: int) -> None:
        """Count messages that calls have dealt with, which is known only after their answers were applied."""
        if messages:
            counts = (0, 0, 0, 0, messages, 0.0)
            self._add(_Key(self._today(), provider, model, purpose), dict(zip(_COUNTS, counts, strict=True)))

    async def flush(self) -> None:
        """Add what was counted to the database. If that fails, nothing is forgotten."""
        if not self._pending:
            return
        counted, self._pending = self._pending, {}
        try:
            async with self._db.write() as connection:
                for key, counts in counted.items():
                    insert = upsert(self._db.dialect, usage).values(**key._asdict(), **counts)
                    added = {name: usage.c[name] + insert.excluded[name] for name in _COUNTS}
                    await connection.execute(
                        insert.on_conflict_do_update(index_elements=list(usage.primary_key), set_=added)
                    )
        except BaseException:
            for key, counts in counted.items():
                self._add(key, counts)
            raise

    async def run(self) -> None:
        """Write once a minute until cancelled: other processes see what was used, and a kill loses little of it."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.flush()
            except SQLAlchemyError as error:
                log.warning("What was used is written later: %s", type(error).__name__)

    async def totals(self, since_day: str) -> list[Usage]:
        """What was used from `since_day` (YYYY-MM-DD, UTC) on, one row a day, model and purpose, oldest first.

        Includes what is not flushed yet.
        """
        await self.flush()
        async with self._db.read() as connection:
            rows = await connection.execute(
                select(usage).where(usage.c.day >= since_day).order_by(*usage.primary_key.columns)
            )
            return [Usage(**row) for row in rows.mappings()]

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock() / 1000, tz=UTC).date().isoformat()

    def _add(self, key: _Key, counts: Mapping[str, float]) -> None:
        total = self._pending.setdefault(key, dict.fromkeys(_COUNTS, 0))
        for name in _COUNTS:
            total[name] += counts[name]
