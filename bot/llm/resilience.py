"""Calls to outside services: a rate, a time limit, retries with backoff and jitter, and a circuit breaker.

One `Guard` stands before one use of a service. It knows only our own errors (bot.domain.errors), which each client
raises after translating its library's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from bot.domain import (
    AnswerError,
    ChannelMemoryError,
    RateLimited,
    ServiceError,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
)

FAILURES_TO_OPEN = 5
COOLDOWN_SECONDS = 10.0
LONGEST_COOLDOWN_SECONDS = 120.0
"""Half the time that members should need at most to see a service back; doubling ends here."""

BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 20.0

PROBE_SECONDS = 10.0
"""Time for a health check, where a call may take longer."""

PATIENCE_SECONDS = 30.0
"""A service that asks to wait for longer is not waited for inside a call: the caller is told."""

GIVEN_UP_SECONDS = 2.0
"""An attempt that the caller gave up on after so long counts as a failure: somebody was kept waiting for nothing."""

SLOW_TODO = "see whether its machine is overloaded"

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"  # all of them
    OPEN = "open"  # none
    HALF_OPEN = "half-open"  # one, after the health check


class Breaker:
    """Opens after failures in a row; after a cooldown lets one call try, and closes when it succeeds.

    Guards of the same service may share one. The cooldown doubles with each failed try.

    Args:
        threshold: failures in a row that open it.
        cooldown: seconds until the first try.
        longest_cooldown: where doubling ends.
        now: a clock that never jumps, in seconds.
    """

    def __init__(
        self,
        *,
        threshold: int = FAILURES_TO_OPEN,
        cooldown: float = COOLDOWN_SECONDS,
        longest_cooldown: float = LONGEST_COOLDOWN_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._first_cooldown = self._cooldown = cooldown
        self._longest_cooldown = longest_cooldown
        self._now = now
        self._failures = 0
        self._opened_at: float | None = None
        self._try_at = 0.0
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._trying or self.seconds_to_try > 0 else BreakerState.HALF_OPEN

    @property
    def seconds_open(self) -> float:
        """For how long the service has been down; 0 while closed."""
        return 0.0 if self._opened_at is None else self._now() - self._opened_at

    @property
    def seconds_to_try(self) -> float:
        """How long until a call may try again; 0 while closed."""
        return 0.0 if self._opened_at is None else max(0.0, self._try_at - self._now())

    def begin_try(self) -> None:
        """Half-open: take the one try; everybody else is turned away until `end_try`."""
        self._trying = True

    def end_try(self) -> None:
        """The try is over, whatever came of it."""
        self._trying = False

    def success(self) -> None:
        """The service answered."""
        self._failures = 0
        self._opened_at = None
        self._cooldown = self._first_cooldown

    def failure(self) -> None:
        """The service did not answer."""
        self._failures += 1
        if self._opened_at is None:
            if self._failures < self._threshold:
                return
            self._opened_at = self._now()
        elif self._trying:
            self._cooldown = min(self._cooldown * 2, self._longest_cooldown)
        else:
            return  # was under way when it opened, and says nothing new
        self._try_at = self._now() + self._cooldown


@dataclass(slots=True)
class Counters:
    """What a guard has seen since the start.

    Attributes:
        calls: that were asked for.
        attempts: that went out; retries included.
        failures: calls that ended in a ServiceError.
        timeouts: attempts without an answer in time.
        rate_limited: attempts that were told to wait.
        turned_away: attempts that did not go out because the breaker was open or a wait was in force.
    """

    calls: int = 0
    attempts: int = 0
    failures: int = 0
    timeouts: int = 0
    rate_limited: int = 0
    turned_away: int = 0


class Guard:
    """Stands before one use of an outside service.

    Args:
        service: its name in errors and metrics.
        limiter: the rate at which attempts may go out.
        timeout: seconds for one attempt.
        breaker: shared by the guards of a service.
        retries: further attempts after the first.
        probe: the service's health check, asked before the one call that tries a service again.
        host: which of several hosts of the service it stands before, for people; None where there is one.
        patience: seconds that a call waits at most when the service asks to wait.
        sleep: waits; for tests.
        now: a clock that never jumps, in seconds.
    """

    def __init__(
        self,
        service: str,
        *,
        limiter: AsyncLimiter,
        timeout: float,
        breaker: Breaker,
        retries: int = 2,
        probe: Callable[[], Awaitable[None]] | None = None,
        host: str | None = None,
        patience: float = PATIENCE_SECONDS,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.host = host
        self.breaker = breaker
        self.counters = Counters()
        self._limiter = limiter
        self._timeout = timeout
        self._retries = retries
        self._probe = probe
        self._patience = patience
        self._sleep = sleep
        self._now = now
        self._not_before = 0.0
        self._because = self._todo = ""

    @property
    def name(self) -> str:
        """The service, with the host where it has several."""
        return self.service if self.host is None else f"{self.service} at {self.host}"

    @property
    def seconds_to_wait(self) -> float:
        """How long the service asked to be left alone for; 0 where it did not."""
        return max(0.0, self._not_before - self._now())

    async def check(self) -> None:
        """The health check, where a call may be tried again; what it finds is the breaker's to know.

        Raises:
            ServiceError: the service is not there.
        """
        self.breaker.begin_try()
        try:
            await self._probed()
        finally:
            self.breaker.end_try()

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the service; again after a while where that may help.

        Args:
            ask: makes one attempt; must raise our errors, and must be safe to repeat.

        Raises:
            ServiceUnavailable: it could not answer, or the breaker is open (RateLimited: it asks for a longer wait).
            ServiceRejected: it declined for good.
            AnswerError: it answered with something unusable; repeating that is the caller's decision.
        """
        self.counters.calls += 1
        retrying = AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(self._retries + 1),
            wait=wait_random_exponential(multiplier=BACKOFF_SECONDS, max=LONGEST_BACKOFF_SECONDS),
            retry=retry_if_exception(self._may_help),
            reraise=True,
        )
        try:
            return await retrying(self._attempt, ask)
        except ServiceError:
            self.counters.failures += 1
            raise

    def _may_help(self, error: BaseException) -> bool:
        """Whether another attempt is worth it."""
        if isinstance(error, RateLimited):
            return (error.retry_after or 0.0) <= self._patience
        return isinstance(error, ServiceUnavailable) and self.breaker.state is BreakerState.CLOSED

    async def _attempt(self, ask: Callable[[], Awaitable[T]]) -> T:
        await self._wait_as_told()
        match self.breaker.state:
            case BreakerState.CLOSED:
                return await self._timed(ask)
            case BreakerState.OPEN:
                self.counters.turned_away += 1
                wait = self.breaker.seconds_to_try
                why = f"left alone after repeated failures{self._because}; next try in {wait:.0f} s"
                raise ServiceUnavailable(self.service, why, self._todo)
        self.breaker.begin_try()
        try:
            await self._probed()
            return await self._timed(ask)
        finally:
            self.breaker.end_try()

    async def _probed(self) -> None:
        if self._probe is not None:
            await self._timed(self._probe, proves=False, seconds=min(self._timeout, PROBE_SECONDS))

    async def _wait_as_told(self) -> None:
        wait = self.seconds_to_wait
        if wait > self._patience:
            self.counters.turned_away += 1
            raise RateLimited(self.service, wait)
        if wait > 0:
            await self._sleep(wait)

    async def _timed(self, ask: Callable[[], Awaitable[T]], *, proves: bool = True, seconds: float | None = None) -> T:
        """One attempt within the time limit, reported to the breaker; a health check's success `proves` nothing yet."""
        await self._limiter.acquire()
        self.counters.attempts += 1
        started = self._now()
        limit = self._timeout if seconds is None else seconds
        try:
            async with asyncio.timeout(limit):
                result = await ask()
        except TimeoutError:
            self.counters.timeouts += 1
            self.breaker.failure()
            self._because, self._todo = f" (no answer within {limit:g} s)", SLOW_TODO
            late = ServiceFailed if proves else ServiceUnavailable
            raise late(self.service, f"no answer within {limit:g} s", SLOW_TODO) from None
        except asyncio.CancelledError:
            if self._now() - started >= GIVEN_UP_SECONDS:
                self.breaker.failure()
            raise
        except ChannelMemoryError as error:
            self._learn(error)
            raise
        if proves:
            self.breaker.success()
        return result

    def _learn(self, error: ChannelMemoryError) -> None:
        if isinstance(error, RateLimited):
            self.counters.rate_limited += 1
            self._not_before = max(self._not_before, self._now() + (error.retry_after or 0.0))
        elif isinstance(error, ServiceUnavailable):
            self.breaker.failure()
            self._because, self._todo = f" ({error.what})", error.todo
        elif isinstance(error, (ServiceRejected, AnswerError)):
            self.breaker.success()  # it is there, whatever it said
