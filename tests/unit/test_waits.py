"""How long what failed waits until it is tried again, by which clock, and that no two wait alike."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Backoff, RateLimited, Retries, steady_clock, system_clock
from bot.domain.clock import FAR_MS
from bot.domain.errors import LONGEST_WAIT_SECONDS
from bot.domain.supervision import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS

NOW_MS = 1_750_000_000_000


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def test_waits_double_from_the_first_to_the_longest_and_begin_anew_when_it_went_well() -> None:
    backoff = Backoff(3.0, 40.0, middle)
    assert [backoff.after_failure() for _ in range(6)] == [3, 6, 12, 24, 40, 40]
    backoff.reset()
    assert backoff.after_failure() == 3


def test_who_counts_failures_elsewhere_waits_as_long() -> None:
    backoff = Backoff(3.0, 1e9, middle)
    assert [backoff.after(failures) for failures in (1, 2, 5)] == [3, 6, 48]
    assert backoff.after(10_000) == 1e9


@given(st.integers(1, 5))
def test_waits_are_spread_by_a_quarter_to_either_side(failures: int) -> None:
    doubled = 2.0 ** (failures - 1)
    assert Backoff(spread=lambda low, _: low).after(failures) == 0.75 * doubled
    assert Backoff(spread=lambda _, high: high).after(failures) == 1.25 * doubled


def test_two_processes_do_not_come_back_in_step() -> None:
    waits = {Backoff().after(1) for _ in range(20)}
    assert len(waits) > 1
    assert all(0.75 * FIRST_DELAY_SECONDS <= wait <= 1.25 * FIRST_DELAY_SECONDS for wait in waits)


def test_nothing_waits_longer_than_five_minutes() -> None:
    assert Backoff().after(1000) == LONGEST_DELAY_SECONDS == 300


class TestRetries:
    """Of several things, each waits by itself."""

    def setup_method(self) -> None:
        self.now = NOW_MS
        self.retries = Retries[str](lambda: self.now, first=8.0)

    def waits(self, key: str) -> float:
        """Seconds until it is due, to the millisecond."""
        began, low, high = self.now, self.now - 1, self.now + 1_000_000
        while high - low > 1:
            self.now = (low + high) // 2
            low, high = (low, self.now) if self.retries.due(key) else (self.now, high)
        self.now = began
        return (high - began) / 1000

    def test_what_never_failed_is_due_at_once(self) -> None:
        assert self.retries.due("a")

    def test_each_failure_doubles_the_wait(self) -> None:
        for expected in (8, 16, 32):
            self.retries.failed("a")
            assert 0.75 * expected <= self.waits("a") <= 1.25 * expected

    def test_it_is_due_from_the_very_moment_on(self) -> None:
        retries = Retries[str](lambda: self.now, first=0.0)
        retries.failed("a")
        assert retries.due("a")
        self.now -= 1
        assert not retries.due("a")

    def test_others_do_not_wait_with_it(self) -> None:
        self.retries.failed("a")
        assert self.retries.due("b")

    def test_what_went_well_is_due_and_its_next_failure_is_the_first(self) -> None:
        for _ in range(5):
            self.retries.failed("a")
        self.retries.succeeded("a")
        assert self.retries.due("a")
        self.retries.failed("a")
        assert self.waits("a") <= 10
        self.retries.succeeded("b")  # it never failed


@pytest.mark.parametrize("clock", [system_clock, steady_clock()])
def test_clocks_count_milliseconds_since_1970(clock: object) -> None:
    assert callable(clock)
    now = time.time() * 1000
    assert now - 60_000 < clock() < now + 60_000
    assert type(clock()) is int


def test_the_steady_clock_runs_with_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = 5_000_000_000
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: ticks)
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000 * NOW_MS)
    clock = steady_clock()
    assert clock() == NOW_MS
    ticks += 1_500_000_000
    assert clock() == NOW_MS + 1500


def test_no_wait_is_set_further_ahead_than_a_day() -> None:
    assert FAR_MS == 24 * 60 * 60 * 1000


@pytest.mark.parametrize(
    ("asked", "waits"), [(None, None), (-3.0, 0.0), (0.0, 0.0), (12.5, 12.5), (1e9, LONGEST_WAIT_SECONDS)]
)
def test_a_service_may_ask_for_an_hour_at_most(asked: float | None, waits: float | None) -> None:
    assert RateLimited("openai", asked).retry_after == waits
    assert LONGEST_WAIT_SECONDS == 3600
