"""Guards and breakers: what is retried, what is waited for, and who is turned away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiolimiter import AsyncLimiter

from bot.domain.errors import AnswerCut, RateLimited, ServiceRejected, ServiceUnavailable
from bot.llm.resilience import Breaker, BreakerState, Guard


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Service:
    """Answers as scripted: errors are raised, everything else is answered; "ok" when the script is over."""

    def __init__(self, *script: Exception | str) -> None:
        self.script = list(script)
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        step = self.script.pop(0) if self.script else "ok"
        if isinstance(step, Exception):
            raise step
        return step


DOWN = ServiceUnavailable("ollama", "down")
REJECTED = ServiceRejected("ollama", "no")


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    return Breaker(threshold=3, cooldown=10, longest_cooldown=25, now=time)


def make_guard(
    time: Time,
    breaker: Breaker,
    *,
    retries: int = 2,
    timeout: float = 5.0,
    probe: Callable[[], Awaitable[None]] | None = None,
    limiter: AsyncLimiter | None = None,
) -> Guard:
    return Guard(
        "ollama",
        limiter=limiter or AsyncLimiter(1000, 1),
        timeout=timeout,
        breaker=breaker,
        retries=retries,
        probe=probe,
        sleep=time.sleep,
        now=time,
    )


async def test_unavailable_is_tried_again_with_growing_waits(time: Time, breaker: Breaker) -> None:
    service = Service(DOWN, DOWN)
    guard = make_guard(time, breaker)
    assert await guard.call(service) == "ok"
    assert service.asked == 3
    assert len(time.slept) == 2
    assert all(0 <= wait <= 2 for wait in time.slept)
    assert (guard.counters.calls, guard.counters.attempts, guard.counters.failures) == (1, 3, 0)


async def test_waits_have_jitter_and_grow(time: Time) -> None:
    breaker = Breaker(threshold=1000, now=time)
    for _ in range(20):
        with pytest.raises(ServiceUnavailable):
            await make_guard(time, breaker, retries=6).call(Service(*[DOWN] * 7))
    assert len(set(time.slept)) == len(time.slept) == 120
    assert max(time.slept[0::6]) <= 1 < max(time.slept[5::6]) <= 20


async def test_gives_up_after_its_retries(time: Time, breaker: Breaker) -> None:
    service = Service(DOWN, DOWN, DOWN)
    guard = make_guard(time, breaker, retries=1)
    with pytest.raises(ServiceUnavailable):
        await guard.call(service)
    assert service.asked == 2
    assert guard.counters.failures == 1


@pytest.mark.parametrize("error", [REJECTED, AnswerCut("cut"), ValueError("bug")])
async def test_what_repeating_does_not_help_is_not_repeated(time: Time, breaker: Breaker, error: Exception) -> None:
    service = Service(error)
    with pytest.raises(type(error)):
        await make_guard(time, breaker).call(service)
    assert service.asked == 1
    assert breaker.state is BreakerState.CLOSED


async def test_no_answer_in_time_is_unavailable(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker, retries=0, timeout=0.01)
    with pytest.raises(ServiceUnavailable, match=r"no answer within 0\.01 s"):
        await guard.call(asyncio.Event().wait)
    assert guard.counters.timeouts == 1


async def test_short_wait_that_the_service_asks_for_is_kept_by_every_call(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker)
    started = time.now
    assert await guard.call(Service(RateLimited("ollama", 12.0))) == "ok"
    assert time.now - started >= 12

    with pytest.raises(RateLimited):
        await make_guard(time, breaker, retries=0).call(Service(RateLimited("ollama", 1.0)))
    assert breaker.state is BreakerState.CLOSED


async def test_long_wait_is_told_to_the_caller_and_nobody_asks_meanwhile(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker)
    service = Service(RateLimited("ollama", 300.0))
    with pytest.raises(RateLimited) as caught:
        await guard.call(service)
    assert caught.value.retry_after == 300
    time.now += 100
    with pytest.raises(RateLimited) as caught:
        await guard.call(service)
    assert caught.value.retry_after == pytest.approx(200)
    assert service.asked == 1
    time.now += 180
    assert await guard.call(service) == "ok"  # waits for the last 20 s
    assert guard.counters.rate_limited == 1
    assert guard.counters.turned_away == 1


async def test_rate_limit_without_a_time_backs_off(time: Time, breaker: Breaker) -> None:
    assert await make_guard(time, breaker).call(Service(RateLimited("ollama"))) == "ok"
    assert len(time.slept) == 1


async def test_breaker_opens_after_failures_in_a_row_and_stops_the_retries(time: Time, breaker: Breaker) -> None:
    service = Service(*[DOWN] * 9)
    guard = make_guard(time, breaker, retries=8)
    with pytest.raises(ServiceUnavailable):
        await guard.call(service)
    assert service.asked == 3
    assert breaker.state is BreakerState.OPEN
    with pytest.raises(ServiceUnavailable, match="left alone"):
        await guard.call(service)
    assert service.asked == 3
    assert guard.counters.turned_away == 1
    time.now += 4
    assert breaker.seconds_open >= 4


async def test_success_between_failures_keeps_it_closed(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker, retries=0)
    service = Service(DOWN, DOWN, "ok", DOWN, DOWN)
    for _ in range(5):
        try:
            await guard.call(service)
        except ServiceUnavailable:
            continue
    assert breaker.state is BreakerState.CLOSED


async def open_it(guard: Guard) -> None:
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            await guard.call(Service(DOWN))
    assert guard.breaker.state is BreakerState.OPEN


async def test_half_open_asks_for_health_first_and_closes_on_success(time: Time, breaker: Breaker) -> None:
    health, service = Service(DOWN), Service()

    async def probe() -> None:
        await health()

    guard = make_guard(time, breaker, retries=0, probe=probe)
    await open_it(guard)
    time.now += 10
    with pytest.raises(ServiceUnavailable, match="down"):
        await guard.call(service)
    assert service.asked == 0
    time.now += 19
    assert breaker.seconds_to_try == 1  # the cooldown has doubled
    time.now += 1
    assert await guard.call(service) == "ok"
    assert breaker.state is BreakerState.CLOSED
    assert breaker.seconds_open == 0
    assert health.asked == 2


async def test_healthy_service_that_still_fails_stays_shut_out(time: Time, breaker: Breaker) -> None:
    async def probe() -> None:
        """Healthy."""

    guard = make_guard(time, breaker, retries=0, probe=probe)
    await open_it(guard)
    for wait in (10, 20, 25, 25):  # doubling ends at the longest
        time.now += wait - 0.5
        assert breaker.state is BreakerState.OPEN
        time.now += 0.5
        with pytest.raises(ServiceUnavailable):
            await guard.call(Service(DOWN))


async def test_half_open_lets_one_call_through(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker, retries=0)
    await open_it(guard)
    time.now += 10
    answered = asyncio.Event()

    async def slow() -> str:
        await answered.wait()
        return "ok"

    first = asyncio.create_task(guard.call(slow))
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable, match="left alone"):
        await guard.call(Service())
    answered.set()
    assert await first == "ok"
    assert await guard.call(Service()) == "ok"


async def test_cancelled_try_does_not_block_the_next(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker, retries=0)
    await open_it(guard)
    time.now += 10
    task = asyncio.create_task(guard.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await guard.call(Service()) == "ok"


async def test_failures_of_calls_under_way_do_not_lengthen_the_cooldown(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker, retries=0)
    await asyncio.gather(*(guard.call(Service(DOWN)) for _ in range(8)), return_exceptions=True)
    time.now += 10
    assert breaker.state is BreakerState.HALF_OPEN


async def test_attempts_go_out_no_faster_than_the_limiter_allows(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker, limiter=AsyncLimiter(2, 0.2))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.gather(*(guard.call(Service()) for _ in range(4)))
    assert loop.time() - started >= 0.19


@pytest.mark.parametrize(("seconds", "counts"), [(0.0, False), (1.9, False), (2.0, True), (60.0, True)])
async def test_a_call_that_was_cancelled_counts_as_failed_only_where_somebody_was_kept_waiting(
    time: Time, breaker: Breaker, seconds: float, counts: bool
) -> None:
    guard = make_guard(time, breaker, retries=5)
    for _ in range(3):
        call = asyncio.create_task(guard.call(asyncio.Event().wait))
        await asyncio.sleep(0)
        time.now += seconds
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert breaker.state is (BreakerState.OPEN if counts else BreakerState.CLOSED)
    assert (guard.counters.attempts, guard.counters.failures, guard.counters.timeouts) == (3, 0, 0)


async def test_cancelled_calls_do_not_count_between_failures(time: Time, breaker: Breaker) -> None:
    guard = make_guard(time, breaker, retries=0)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            await guard.call(Service(DOWN))
    call = asyncio.create_task(guard.call(asyncio.Event().wait))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait({call})
    assert breaker.seconds_to_try == 0, "it is closed"
    with pytest.raises(ServiceUnavailable):
        await guard.call(Service(DOWN))
    assert breaker.state is BreakerState.OPEN, "and they are no success either"


async def test_a_health_check_that_is_cancelled_leaves_the_try_to_the_next(time: Time, breaker: Breaker) -> None:
    async def slow() -> None:
        await asyncio.Event().wait()

    guard = make_guard(time, breaker, retries=0, probe=slow)
    await open_it(guard)
    time.now += 10
    states = []
    for ask in (guard.check, lambda: guard.call(Service())):
        call = asyncio.create_task(ask())
        await asyncio.sleep(0)
        states.append(breaker.state)
        call.cancel()
        await asyncio.wait({call})
        states.append(breaker.state)
    assert states == [BreakerState.OPEN, BreakerState.HALF_OPEN] * 2, "one at a time"
