"""The cost ledger: what was asked of each model on each day, and what that costs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Clock, StartupError
from bot.storage import Database, Store, upsert, usage

log = logging.getLogger(__name__)

WRITE_SECONDS = 60.0
"""Between two writes of what was counted, where nothing else writes it."""

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

GPU_WATTS = 300.0
"""What a gaming card draws while it answers; a 4090 is limited to 450 and takes less on an 8B model."""

DOLLARS_PER_KWH = 0.30
"""Electricity for a household, on the high side."""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """What things cost, and from when the figures are.

    Attributes:
        as_of: when the prices were looked up, as YYYY-MM.
        models: prices by model.
        gpu_watts: what the operator's own machine draws more while a model answers.
        dollars_per_kwh: what its electricity costs.
    """

    as_of: str = PRICES_AS_OF
    models: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    gpu_watts: float = GPU_WATTS
    dollars_per_kwh: float = DOLLARS_PER_KWH

    def cost(self, provider: str, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """See `cost`, with this table's prices."""
        return cost(provider, model, prompt_tokens, completion_tokens, self.models)

    def electricity(self, seconds: float) -> float:
        """US dollars for a model on the operator's own machine answering for so long."""
        return seconds / 3600 * self.gpu_watts / 1000 * self.dollars_per_kwh


class _PriceFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: str
    models: dict[str, tuple[NonNegativeFloat, NonNegativeFloat]] = {}
    gpu_watts: NonNegativeFloat = GPU_WATTS
    dollars_per_kwh: NonNegativeFloat = DOLLARS_PER_KWH


def load_prices(path: Path | None) -> PriceTable:
    """The price table with the operator's own figures over ours.

    Args:
        path: a JSON file such as `{"as_of": "2026-11", "models": {"gpt-4o-mini": [0.15, 0.60]}, "gpu_watts": 250,
            "dollars_per_kwh": 0.35}`: dollars for a million tokens of prompt and of answer; None for ours alone.

    Raises:
        StartupError: the file can't be read, or is not of that form.
    """
    if path is None:
        return PriceTable()
    try:
        given = _PriceFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise StartupError(f"PRICES_FILE: can't read {path} ({error.strerror}); mend the path or unset it") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the whole"
        raise StartupError(f"PRICES_FILE: {where} of {path}: {fault['msg']}; docs/costs.md shows the form") from None
    except ValueError:
        raise StartupError(f"PRICES_FILE: {path} is not JSON; docs/costs.md shows the form") from None
    models = {**PRICES, **{name: Price(*price) for name, price in given.models.items()}}
    return PriceTable(given.as_of, models, given.gpu_watts, given.dollars_per_kwh)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it was counted; see `Ledger.record`."""

    provider: str
    model: str
    purpose: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    failed: bool


def _nobody(call: Call) -> None:
    """Tell nobody."""


_COUNTS = ("calls", "failures", "prompt_tokens", "completion_tokens", "messages", "seconds")


class Ledger(Store):
    """Counts calls in memory and adds them to the database in groups.

    Memory is bounded by the number of models and purposes, whatever the number of calls.
    """

    name = "costs"
    tables = (usage,)

    def __init__(self, db: Database, clock: Clock, told: Callable[[Call], None] = _nobody) -> None:
        """Open the ledger; `told` hears of each call as it is counted."""
        super().__init__(db)
        self._clock = clock
        self._told = told
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
        call = Call(
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
