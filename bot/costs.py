"""The cost ledger: what was asked of each model on each day, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import select

from bot.clock import Clock
from bot.storage.engine import Database, upsert
from bot.storage.schema import usage

PRICES_AS_OF = "2026-06"

FREE_PROVIDERS = frozenset({"ollama", "fastembed"})
"""They run on the operator's own machine."""


class Price(NamedTuple):
    """US dollars for a million tokens."""

    prompt: float
    completion: float


PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "gpt-4o-mini": Price(0.15, 0.60),
        "gpt-4o": Price(2.50, 10.00),
        "gpt-4.1": Price(2.00, 8.00),
        "gpt-4.1-mini": Price(0.40, 1.60),
        "gpt-4.1-nano": Price(0.10, 0.40),
        "text-embedding-3-small": Price(0.02, 0.0),
        "text-embedding-3-large": Price(0.13, 0.0),
        "text-embedding-ada-002": Price(0.10, 0.0),
    }
)
"""OpenAI's list prices at PRICES_AS_OF (https://openai.com/api/pricing), without batch or cache discounts."""


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

    @property
    def dollars(self) -> float | None:
        """What it costs by the price table; None for a model that is not in it."""
        return cost(self.provider, self.model, self.prompt_tokens, self.completion_tokens)


def cost(
    provider: str,
    model: str,
    prompt_tokens: int,
    completion_tokens: int,
    prices: Mapping[str, Price] = PRICES,
) -> float | None:
    """US dollars for so many tokens; 0 for models on the operator's machine, None where the price is not known.

    A dated name ("gpt-4o-mini-2024-07-18") costs what its family does.
    """
    if provider in FREE_PROVIDERS:
        return 0.0
    price = prices.get(model) or _family_price(model, prices)
    if price is None:
        return None
    return (prompt_tokens * price.prompt + completion_tokens * price.completion) / 1_000_000


def _family_price(model: str, prices: Mapping[str, Price]) -> Price | None:
    families = [name for name in prices if model.startswith(f"{name}-2")]
    return prices[max(families, key=len)] if families else None


class _Key(NamedTuple):
    day: str
    provider: str
    model: str
    purpose: str


_COUNTS = ("calls", "failures", "prompt_tokens", "completion_tokens", "messages", "seconds")


class Ledger:
    """Counts calls in memory and adds them to the database in groups.

    Memory is bounded by the number of models and purposes, whatever the number of calls.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
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
        key = _Key(self._today(), provider, model, purpose)
        counts = (1, int(failed), prompt_tokens or 0, completion_tokens or 0, messages, seconds)
        self._add(key, dict(zip(_COUNTS, counts, strict=True)))

    async def flush(self) -> None:
        """Add what was counted to the database. If that fails, nothing is forgotten."""
        if not self._pending:
            return
        taken, self._pending = self._pending, {}
        try:
            async with self._db.write() as connection:
                for key, counts in taken.items():
                    insert = upsert(self._db.dialect, usage).values(**key._asdict(), **counts)
                    added = {name: usage.c[name] + insert.excluded[name] for name in _COUNTS}
                    await connection.execute(
                        insert.on_conflict_do_update(index_elements=list(usage.primary_key), set_=added)
                    )
        except BaseException:
            for key, counts in taken.items():
                self._add(key, counts)
            raise

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
