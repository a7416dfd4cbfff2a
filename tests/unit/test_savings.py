"""What the work costs, and what it is compared with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import StartupError
from bot.llm.costs import Usage
from bot.llm.prices import with_own_prices
from bot.llm.savings import BATCHED_TOKENS, ONE_CALL_TOKENS, Bill, bill, bills_by_day, estimate
from tests.fixtures.prices import list_prices

LLM = ("ollama", "llama3.1:8b")
EMBEDDER = ("openai", "text-embedding-3-small")

EXTRACTION = Usage(
    day="2026-05-01",
    provider="ollama",
    model="llama3.1:8b",
    purpose="extraction",
    calls=40,
    prompt_tokens=40_000,
    completion_tokens=4_000,
    messages=1_000,
    seconds=80.0,
)
EMBEDDING = Usage(
    day="2026-05-01",
    provider="openai",
    model="text-embedding-3-small",
    purpose="embedding",
    calls=2,
    prompt_tokens=5_000,
)


def test_only_what_is_owed_is_spent() -> None:
    owed = bill([EXTRACTION, EMBEDDING], list_prices())
    assert owed.spent == pytest.approx(5_000 * 0.02 / 1e6)
    assert (owed.messages, owed.calls, owed.tokens, owed.embedding_tokens) == (1_000, 40, 44_000, 5_000)


def test_each_comparison_is_what_its_name_says() -> None:
    owed = bill([EXTRACTION, EMBEDDING], list_prices())
    embedding = 5_000 * 0.02 / 1e6
    assert owed.same_calls == pytest.approx((40_000 * 0.15 + 4_000 * 0.60) / 1e6 + embedding)
    assert owed.batches_of_20 == pytest.approx(1_000 * BATCHED_TOKENS * 0.15 / 1e6 + embedding)
    assert owed.one_call == pytest.approx(1_000 * ONE_CALL_TOKENS * 0.15 / 1e6 + embedding)
    assert owed.saved == pytest.approx(owed.one_call - owed.spent)
    assert owed.saving(owed.one_call) == pytest.approx(1 - owed.spent / owed.one_call)
    assert owed.saving(0.0) is None


def test_extraction_at_openai_saves_nothing_against_the_same_calls() -> None:
    bought = replace(EXTRACTION, provider="openai", model="gpt-4o-mini")
    owed = bill([bought, EMBEDDING], list_prices())
    assert owed.spent == pytest.approx(owed.same_calls)
    assert owed.electricity == 0


def test_electricity_counts_the_seconds_of_local_models() -> None:
    assert bill([EXTRACTION], list_prices()).electricity == pytest.approx(80 / 3600 * 0.3 * 0.30)


def test_a_model_without_a_price_is_named() -> None:
    owed = bill([replace(EMBEDDING, model="somebody-elses")], list_prices())
    assert (owed.spent, owed.unpriced) == (0.0, frozenset({"somebody-elses"}))


def test_days_are_billed_apart() -> None:
    days = bills_by_day([EXTRACTION, replace(EXTRACTION, day="2026-05-02", messages=7)], list_prices())
    assert {day: one.messages for day, one in days.items()} == {"2026-05-01": 1_000, "2026-05-02": 7}


def test_ten_thousand_messages_a_day_cost_less_than_a_cent() -> None:
    day = estimate(10_000, prices=list_prices(), llm=LLM, embedder=EMBEDDER)
    assert 0 < day.spent <= 0.01
    assert (day.saving(day.one_call) or 0) >= 0.98
    assert (day.saving(day.batches_of_20) or 0) >= 0.9
    assert estimate(10_000, prices=list_prices(), llm=LLM, embedder=("ollama", "nomic-embed-text")).spent == 0


def test_what_was_measured_takes_the_place_of_general_figures() -> None:
    measured = bill([EXTRACTION, EMBEDDING], list_prices())
    day = estimate(2_000, prices=list_prices(), measured=measured, llm=LLM, embedder=EMBEDDER)
    assert day.tokens == pytest.approx(88_000, rel=0.001)
    assert day.embedding_tokens == 10_000
    assert day.seconds == pytest.approx(160)
    assert estimate(2_000, prices=list_prices(), measured=Bill(), llm=LLM, embedder=EMBEDDER) == estimate(
        2_000, prices=list_prices(), llm=LLM, embedder=EMBEDDER
    )


def test_operators_prices_win_over_ours(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"as_of": "2027-01", "models": {"text-embedding-3-small": [0.5, 0]}, "gpu_watts": 100}))
    prices = with_own_prices(list_prices(), file)
    assert prices.as_of == "2027-01"
    assert bill([EMBEDDING], prices).spent == pytest.approx(5_000 * 0.5 / 1e6)
    assert prices.models["gpt-4o"] == list_prices().models["gpt-4o"]
    assert prices.electricity(3600) == pytest.approx(0.03)
    assert with_own_prices(list_prices(), None) == list_prices()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "can't read"),
        ("{", "not JSON"),
        ('{"models": {}}', "as_of"),
        ('{"as_of": "2027-01", "models": {"m": [-1, 0]}}', "models.m.0"),
        ('{"as_of": "2027-01", "prices": {}}', "prices"),
    ],
)
def test_a_price_file_with_a_fault_is_one_line(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "prices.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(StartupError, match=r"^PRICES_FILE: .*") as caught:
        with_own_prices(list_prices(), file)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
