"""Several hosts of one service: a call goes where it is likely to be answered first, and on to another if one fails.

Each host has a guard of its own: its rate, its time limit, its breaker. A host whose breaker has opened is passed over;
when it may be tried again its health check is asked beside the calls, and only a host that passes it gets one. So no
call waits for a sick host while another is well. Every call is safe to repeat: a model's answer changes nothing until
somebody stores it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from bot.domain import (
    AnswerError,
    ChannelMemoryError,
    RateLimited,
    ServiceError,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
)
from bot.llm.base import Completion, CompletionRequest, LanguageModel
from bot.llm.costs import Ledger
from bot.llm.embeddings import Embedder
from bot.llm.guarded import CountedModel, count_failed_embedding
from bot.llm.resilience import BreakerState, Guard

log = logging.getLogger(__name__)

FAILURES_TO_OPEN: Final = 2
"""In a row, after which a host is left alone: another one takes its calls, so being wrong costs little."""

DECLINED_SECONDS: Final = 60.0
"""For so long a host that declined a call (its model is not pulled, it has too much to do) comes last."""

_NEWEST = 0.3
"""Weight of the newest answer in a host's mean time."""

R = TypeVar("R")


class Client(Protocol):
    """What a pool needs of a host's client."""

    async def check(self) -> None:
        """The health check; raises ServiceError."""

    async def aclose(self) -> None:
        """Close its connections."""


C = TypeVar("C", bound=Client)


@dataclass(slots=True, eq=False)
class Host(Generic[C]):
    """One host.

    Attributes:
        client: asks it.
        guard: stands before it; named for it, without retries.
        slots: calls that it works on at once.
        busy: calls that it works on now.
        seconds: of an answer, the newer ones counting more; None before the first.
        checked: it passed the health check after its breaker opened, and may be tried.
        rests_until: it declined something, and comes last until then.
    """

    client: C
    guard: Guard
    slots: int
    busy: int = 0
    seconds: float | None = None
    checked: bool = False
    rests_until: float = field(default=0.0)

    @property
    def name(self) -> str:
        """Its address for people, without a password."""
        return self.guard.host or ""

    @property
    def ready(self) -> bool:
        """Whether it may be asked."""
        match self.guard.breaker.state:
            case BreakerState.CLOSED:
                return self.guard.seconds_to_wait <= 0
            case BreakerState.HALF_OPEN:
                return self.checked
        return False

    @property
    def wait(self) -> float:
        """Seconds until it is likely to have answered one more call; 0 where nothing is known yet."""
        return (self.busy + 1) * (self.seconds or 0.0)

    def answered(self, seconds: float) -> None:
        """It answered after so long."""
        self.seconds = seconds if self.seconds is None else (1 - _NEWEST) * self.seconds + _NEWEST * seconds


class Pool(Generic[C]):
    """Chooses hosts.

    Args:
        service: its name in errors.
        hosts: all of them.
        now: a clock that never jumps, in seconds.
    """

    def __init__(self, service: str, hosts: Sequence[Host[C]], *, now: Callable[[], float] = time.monotonic) -> None:
        self.hosts = hosts
        self._service = service
        self._now = now
        self._changed = asyncio.Event()
        self._checks: dict[Host[C], asyncio.Task[None]] = {}

    async def call(self, ask: Callable[[C], Awaitable[R]]) -> R:
        """Have one host answer; each is asked at most once.

        Raises:
            ServiceError: none of them could.
            AnswerError: the one that was asked answered with something unusable.
        """
        tried: dict[Host[C], ServiceError] = {}
        while (host := await self._take(tried)) is not None:
            try:
                return await self._on(host, ask)
            except ServiceError as error:
                tried[host] = error
                log.info("%s at %s: %s", self._service, host.name, error)
        raise self._nobody(tried.values())

    async def check(self) -> None:
        """Whether any host answers.

        Raises:
            ServiceError: none does.
        """
        outcomes = await asyncio.gather(*(host.client.check() for host in self.hosts), return_exceptions=True)
        if None in outcomes:
            return
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def aclose(self) -> None:
        """End the health checks, and close all connections."""
        checks = list(self._checks.values())
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)
        for host in self.hosts:
            await host.client.aclose()

    async def _take(self, tried: Mapping[Host[C], object]) -> Host[C] | None:
        """A place at the best host that is left; None where no host can be asked."""
        while True:
            self._check_the_sick()
            ready = [host for host in self.hosts if host.ready and host not in tried]
            if not ready and not any(host not in tried for host in self._checks):
                return None
            free = [host for host in ready if host.busy < host.slots]
            if free:
                host = min(free, key=self._rank)
                host.busy += 1
                host.checked = False  # one call tries it
                return host
            await self._changed.wait()

    def _rank(self, host: Host[C]) -> tuple[bool, bool, float, int]:
        """Small for the host to ask: one that is to be tried again before all, for nothing else would tell."""
        again = host.guard.breaker.state is BreakerState.HALF_OPEN
        return (not again, host.rests_until > self._now(), host.wait, host.guard.counters.calls)

    async def _on(self, host: Host[C], ask: Callable[[C], Awaitable[R]]) -> R:
        started = self._now()
        try:
            answer = await host.guard.call(lambda: ask(host.client))
        except (ServiceRejected, RateLimited):
            host.rests_until = self._now() + DECLINED_SECONDS
            raise
        else:
            host.answered(self._now() - started)
            return answer
        finally:
            host.busy -= 1
            self._tell()

    def _tell(self) -> None:
        """A place is free, or a check is over: whoever waits looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _check_the_sick(self) -> None:
        for host in self.hosts:
            half_open = host.guard.breaker.state is BreakerState.HALF_OPEN
            if half_open and not host.checked and not host.busy and host not in self._checks:
                self._checks[host] = asyncio.create_task(self._check(host), name=f"check {host.name}")

    async def _check(self, host: Host[C]) -> None:
        try:
            await host.guard.check()
            host.checked = True
        except ChannelMemoryError as error:
            log.info("%s at %s is not back yet: %s", self._service, host.name, error)
            host.rests_until = self._now() + DECLINED_SECONDS  # one that is there, without the model, comes last
        finally:
            del self._checks[host]
            self._tell()

    def _nobody(self, errors: Iterable[ServiceError]) -> ServiceError:
        """What a caller is told: of a call that broke before all, then of what waiting helps against."""
        waits = [host.guard.seconds_to_wait for host in self.hosts]
        if all(wait > 0 for wait in waits):
            return RateLimited(self._service, min(waits))
        if failures := sorted(errors, key=_weight):
            return failures[0]
        wait = min(max(host.guard.breaker.seconds_to_try, host.guard.seconds_to_wait) for host in self.hosts)
        return ServiceUnavailable(
            self._service, f"all {len(self.hosts)} hosts are left alone after failures; next try in {wait:.0f} s"
        )


def _weight(error: ServiceError) -> int:
    """Small for what a caller can do most about."""
    if isinstance(error, ServiceFailed):
        return 0
    return 2 if isinstance(error, (ServiceRejected, RateLimited)) else 1


class PooledModel(CountedModel):
    """A language model on several hosts; see LanguageModel. Each call is counted once.

    Args:
        pool: the hosts, all with the same model.
        ledger: counts calls.
    """

    def __init__(self, pool: Pool[LanguageModel], ledger: Ledger) -> None:
        super().__init__(pool.hosts[0].client.provider, pool.hosts[0].client.model, ledger)
        self.pool = pool

    @property
    def guards(self) -> list[Guard]:
        """One for each host, for status and metrics."""
        return [host.guard for host in self.pool.hosts]

    async def _ask(self, request: CompletionRequest) -> Completion:
        return await self.pool.call(lambda model: model.complete(request))

    async def _answers(self, request: CompletionRequest) -> bool:
        """Whether any host answers this; each is asked, for each was counted a failure that it may not have earned."""
        asked = (host.guard.call(partial(host.client.complete, request)) for host in self.pool.hosts)
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        answered = [outcome for outcome in outcomes if isinstance(outcome, (Completion, AnswerError))]
        for outcome in answered:
            self._count(request, outcome if isinstance(outcome, Completion) else None)
        return bool(answered)

    async def check(self) -> None:
        """Whether any host could answer."""
        await self.pool.check()

    async def aclose(self) -> None:
        """Close all connections."""
        await self.pool.aclose()


class PooledEmbedder:
    """An embedding model on several hosts; see Embedder.

    Args:
        pool: the hosts, all with the same model.
        ledger: counts calls that failed; the others are counted by the embedders' tally.
    """

    def __init__(self, pool: Pool[Embedder], ledger: Ledger) -> None:
        self.pool = pool
        self.provider = pool.hosts[0].client.provider
        self.model = pool.hosts[0].client.model
        self.dims = pool.hosts[0].client.dims
        self._ledger = ledger

    @property
    def guards(self) -> list[Guard]:
        """One for each host, for status and metrics."""
        return [host.guard for host in self.pool.hosts]

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See Embedder."""
        try:
            return await self.pool.call(lambda embedder: embedder.embed(texts))
        except ServiceError:
            count_failed_embedding(self._ledger, self)
            raise

    async def check(self) -> None:
        """Whether any host could answer."""
        await self.pool.check()

    async def aclose(self) -> None:
        """Close all connections."""
        await self.pool.aclose()
