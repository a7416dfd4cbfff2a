"""Nothing that one item or one part does stops any other."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import snowflake
from bot.domain.errors import InUse, ServiceUnavailable
from bot.domain.supervision import (
    LONGEST_DELAY_SECONDS,
    WELL_SECONDS,
    Backoff,
    Supervisor,
    cut_off,
    do_each,
    isolate,
    reason_of,
)

CANARY = "zqxvkw said this"


class Outage(Exception):
    """Nothing can be done now."""


class Means:
    """What a part works with: it does items, in order, but some fail, and for some time nothing works at all.

    Attributes:
        done: what was done, in the order in which it was done last.
        calls: how often it was asked for anything.
        outages: the calls at which nothing works, the proof included.
        glitches: the calls that fail by chance.
    """

    def __init__(
        self,
        poisoned: dict[int, Exception] | None = None,
        outages: frozenset[int] = frozenset(),
        glitches: frozenset[int] = frozenset(),
    ) -> None:
        self.poisoned = poisoned or {}
        self.done: list[int] = []
        self.calls = 0
        self.outages, self.glitches = outages, glitches

    def _call(self) -> None:
        self.calls += 1
        if self.calls in self.outages:
            raise Outage

    async def work(self, items: Sequence[int]) -> None:
        self._call()
        if self.calls in self.glitches:
            raise TimeoutError
        for item in items:
            if item in self.poisoned:
                raise self.poisoned[item]
            if item not in self.done:
                self.done.append(item)

    async def proof(self) -> None:
        self._call()


ERRORS = st.sampled_from([ValueError(CANARY), OverflowError(), KeyError(7), ServiceUnavailable("embeddings", "500")])


@given(st.integers(0, 60), st.dictionaries(st.integers(0, 59), ERRORS))
async def test_all_but_the_poisoned_is_done_in_order_and_the_poisoned_is_told(
    size: int, poisoned: dict[int, Exception]
) -> None:
    means = Means(poisoned)
    failures = await isolate(range(size), means.work, proof=means.proof, outages=(Outage,))
    assert means.done == [item for item in range(size) if item not in poisoned]
    assert failures == [(item, poisoned[item]) for item in range(size) if item in poisoned]


@given(st.integers(1, 40), st.dictionaries(st.integers(0, 39), ERRORS), st.sets(st.integers(1, 60)))
async def test_while_the_means_are_at_fault_nothing_is_held_against_any_item(
    size: int, poisoned: dict[int, Exception], outages: set[int]
) -> None:
    """Tried again after each outage, everything is done or told at last, and nothing is told that could be done."""
    means, waiting, told = Means(poisoned, frozenset(outages)), list(range(size)), set[int]()
    while waiting:
        try:
            failures = await isolate(waiting, means.work, proof=means.proof, outages=(Outage,))
        except Outage:
            waiting = [item for item in waiting if item not in means.done]
        else:
            told, waiting = {item for item, _ in failures}, []
    assert told <= poisoned.keys()
    assert set(means.done) | told == set(range(size))


@given(st.integers(1, 40), st.sets(st.integers(1, 60)))
async def test_what_fails_once_by_chance_is_done(size: int, glitches: set[int]) -> None:
    lonely = frozenset(call for call in glitches if call + 1 not in glitches and call + 2 not in glitches)
    means = Means(glitches=lonely)
    assert await isolate(range(size), means.work, proof=means.proof) == []
    assert means.done == list(range(size))


async def test_an_item_counts_for_nothing_where_the_means_go_between_the_proof_and_the_second_try() -> None:
    means = Means(
        {7: ValueError(CANARY)}, outages=frozenset({4})
    )  # it fails, the means are proved, it fails, they went
    with pytest.raises(ValueError, match=CANARY):
        await isolate([7], means.work, proof=means.proof)
    assert means.calls == 4


async def test_nothing_is_asked_for_no_items() -> None:
    means = Means()
    assert await isolate([], means.work, proof=means.proof) == []
    assert means.calls == 0


class Time:
    """A clock that waiting moves on; after `end` seconds everything is cancelled."""

    def __init__(self, end: float = float("inf")) -> None:
        self.seconds, self.end = 0.0, end
        self.waits: list[float] = []

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds
        if self.seconds >= self.end:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


def supervisor(time: Time) -> Supervisor:
    def backoff() -> Backoff:
        return Backoff(spread=lambda low, high: (low + high) / 2)

    return Supervisor(sleep=time.sleep, now=time.now, backoff=backoff)


LIVES = st.lists(st.sampled_from([None, ValueError, OverflowError, KeyError, Outage]), min_size=1, max_size=8)


@given(st.dictionaries(st.sampled_from(["indexer", "mover", "intake", "clerk"]), LIVES, min_size=1))
async def test_a_part_is_started_again_however_it_ends_and_no_other_one_notices(
    lives: dict[str, list[type[Exception] | None]],
) -> None:
    """Each part ends, by an error or by itself, as often as `lives` says, and then works."""
    time, starts, working = Time(), Counter[str](), {name: asyncio.Event() for name in lives}
    supervised = supervisor(time)

    async def part(name: str) -> None:
        starts[name] += 1
        if starts[name] > len(lives[name]):
            working[name].set()
            await asyncio.Event().wait()
        if (error := lives[name][starts[name] - 1]) is not None:
            raise error(CANARY)

    tasks = [asyncio.create_task(supervised.keep(name, partial(part, name))) for name in lives]
    await asyncio.wait_for(asyncio.gather(*(event.wait() for event in working.values())), 10)
    assert not any(task.done() for task in tasks)
    assert {name: standing.failures for name, standing in supervised.standings.items()} == {
        name: len(ends) for name, ends in lives.items()
    }
    assert not any(standing.waits for standing in supervised.standings.values())
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_the_waits_of_a_part_grow_up_to_five_minutes_and_begin_anew_after_it_was_well() -> None:
    time, starts = Time(end=10_000), 0

    async def part() -> None:
        nonlocal starts
        starts += 1
        if starts == 14:
            time.seconds += WELL_SECONDS
        raise ValueError

    with pytest.raises(asyncio.CancelledError):
        await supervisor(time).keep("indexer", part)
    assert time.waits[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(time.waits[9:13]) == {LONGEST_DELAY_SECONDS}
    assert time.waits[13:15] == [1, 2]


async def test_a_part_that_may_end_ends_and_what_is_fatal_comes_out() -> None:
    supervised = supervisor(Time())

    async def over() -> None:
        pass

    async def taken() -> None:
        raise InUse("another process has it")

    await supervised.keep("intake", over, may_end=True)
    with pytest.raises(InUse):
        await supervised.keep("shards", taken, fatal=(InUse,))


async def test_a_turn_that_fails_is_told_once_for_each_reason_and_named_until_one_goes_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor = Supervisor()
    for error in (KeyError(CANARY), KeyError(CANARY), ServiceUnavailable("discord", "HTTP 500")):
        async with supervisor.turn("search"):
            raise error
        assert supervisor.standings["search"].waits
    assert (supervisor.standings["search"].failures, len(caplog.records)) == (3, 2)
    assert "HTTP 500" in supervisor.standings["search"].reason
    assert CANARY not in caplog.text
    async with supervisor.turn("search"):
        pass
    assert not supervisor.standings["search"].waits


async def test_tasks_that_are_cut_off_have_ended_even_where_one_takes_its_cancellation_for_a_fault() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # as a database driver may do
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(stubborn()) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.wait_for(cut_off(tasks), 10)
    assert all(task.cancelled() for task in tasks)


async def test_a_failure_is_told_by_its_kind_and_place_and_never_by_its_text(caplog: pytest.LogCaptureFixture) -> None:
    time = Time(end=1)
    supervised = supervisor(time)

    async def part() -> None:
        snowflake.to_datetime(CANARY)  # type: ignore[arg-type]

    with caplog.at_level(logging.DEBUG), pytest.raises(asyncio.CancelledError):
        await supervised.keep("indexer", part)
    assert supervised.standings["indexer"].reason in caplog.text
    assert supervised.standings["indexer"].reason.startswith("TypeError in bot/domain/snowflake.py:")
    assert CANARY not in caplog.text
    assert "_TIME_SHIFT" in caplog.text  # the line that it came from


def test_an_error_of_ours_is_its_own_reason() -> None:
    assert reason_of(ServiceUnavailable("embeddings", "HTTP 503")) == "embeddings: HTTP 503"
    assert reason_of(KeyError(CANARY)) == "KeyError"


@pytest.mark.parametrize("failing", [{0}, {1}, {0, 2}, {0, 1, 2}])
async def test_each_is_done_whatever_comes_of_the_others(failing: set[int]) -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(number)
        if number in failing:
            raise KeyError(number)

    with pytest.raises(KeyError, match=str(min(failing))):
        await do_each(*(partial(work, number) for number in range(3)))
    assert done == [0, 1, 2]


def test_a_part_stands_well_until_it_fails() -> None:
    supervised = supervisor(Time())
    standing = supervised.standing("indexer")
    assert (standing.failures, standing.reason, standing.waits) == (0, "", False)
    assert supervised.standings == {"indexer": standing}
    assert supervised.standing("indexer") is standing


def test_a_failure_is_placed_where_it_came_from_last_and_never_in_what_all_go_through() -> None:
    with pytest.raises(ValueError, match="snowflake") as caught:
        snowflake.parse("no id")
    assert reason_of(caught.value).startswith("ValueError in bot/domain/snowflake.py:")
    assert reason_of(ValueError()) == "ValueError"
