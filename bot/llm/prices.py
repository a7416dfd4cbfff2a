"""What tokens cost: the list prices of the providers, and the operator's own figures over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, ValidationError

from bot.domain import StartupError

PRICES_AS_OF = "2026-06"
"""When the list prices of the providers were looked up."""

GPU_WATTS = 300.0
"""What a gaming card draws while it answers; a 4090 is limited to 450 and takes less on an 8B model."""

DOLLARS_PER_KWH = 0.30
"""Electricity for a household, on the high side."""


class Price(NamedTuple):
    """US dollars for a million tokens."""

    prompt: float
    completion: float


@dataclass(frozen=True, slots=True)
class PriceTable:
    """What things cost, and from when the figures are.

    Attributes:
        as_of: when the prices were looked up, as YYYY-MM.
        models: prices by model.
        free: labels of providers that run on the operator's own machine.
        gpu_watts: what that machine draws more while a model answers.
        dollars_per_kwh: what its electricity costs.
    """

    as_of: str = PRICES_AS_OF
    models: Mapping[str, Price] = field(default_factory=dict)
    free: frozenset[str] = frozenset()
    gpu_watts: float = GPU_WATTS
    dollars_per_kwh: float = DOLLARS_PER_KWH

    def cost(self, provider: str, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """US dollars for so many tokens; 0 on the operator's machine, None where the price is not known.

        A dated name ("gpt-4o-mini-2024-07-18") costs what its family does.
        """
        if provider in self.free:
            return 0.0
        price = self.models.get(model) or self._family_price(model)
        if price is None:
            return None
        return (prompt_tokens * price.prompt + completion_tokens * price.completion) / 1_000_000

    def electricity(self, seconds: float) -> float:
        """US dollars for a model on the operator's own machine answering for so long."""
        return seconds / 3600 * self.gpu_watts / 1000 * self.dollars_per_kwh

    def _family_price(self, model: str) -> Price | None:
        families = [name for name in self.models if model.startswith(f"{name}-2")]
        return self.models[max(families, key=len)] if families else None


class _PriceFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: str
    models: dict[str, tuple[NonNegativeFloat, NonNegativeFloat]] = {}
    gpu_watts: NonNegativeFloat = GPU_WATTS
    dollars_per_kwh: NonNegativeFloat = DOLLARS_PER_KWH


def with_own_prices(table: PriceTable, path: Path | None) -> PriceTable:
    """The price table with the operator's own figures over the list prices.

    Args:
        table: of list prices.
        path: a JSON file such as `{"as_of": "2026-11", "models": {"gpt-4o-mini": [0.15, 0.60]}, "gpu_watts": 250,
            "dollars_per_kwh": 0.35}`: dollars for a million tokens of prompt and of answer; None for none.

    Raises:
        StartupError: the file can't be read, or is not of that form.
    """
    if path is None:
        return table
    try:
        given = _PriceFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise StartupError(f"PRICES_FILE: can't read {path} ({error.strerror}); mend the path or unset it") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the whole"
        raise StartupError(
            f"PRICES_FILE: {where} of {path} is missing, unknown or of the wrong kind; docs/costs.md shows the form"
        ) from None
    except (ValueError, RecursionError):
        raise StartupError(f"PRICES_FILE: {path} is not JSON; docs/costs.md shows the form") from None
    models = {**table.models, **{name: Price(*price) for name, price in given.models.items()}}
    return replace(
        table,
        as_of=given.as_of,
        models=models,
        gpu_watts=given.gpu_watts,
        dollars_per_kwh=given.dollars_per_kwh,
    )
