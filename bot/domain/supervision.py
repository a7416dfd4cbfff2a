"""How the parts that work in the background live: nothing that one item, or one part, does stops any other.

A part runs under a `Supervisor`, which starts it again with growing waits whenever it fails. Inside a part, `isolate`
does a piece of work for many items and finds those for which it can't be done, while all others are done. What is found
is set aside (`bot.storage.SetAside`), unless it removes something: that is tried again for as long as it takes.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar

from bot.domain.errors import ChannelMemoryError

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 300.0
"""What removes something is tried again after so long at most, and a part that failed is started again."""

WELL_SECONDS: Final = 600.0
"""A part that ran for so long was well: its next failure is its first one again."""

CANCEL_SECONDS: Final = 0.5
"""Until a cancellation is repeated."""

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
Run = Callable[[], Awaitable[None]]
"""Begins a part; returns or raises when the part ends."""

_ROOT = Path(__file__).parents[2]
_OURS = ("bot", "cogs")
"""The packages of this program, in `_ROOT`; others may lie there as well."""


class Backoff:
    """Waits that double, spread a little so that processes don't come back in step, up to a longest one.

    Args:
        first: seconds of the first wait, or up to a quarter more or less.
        longest: seconds that no wait exceeds.
        spread: gives a factor between two bounds; for tests.
    """

    def __init__(
        self,
        first: float = FIRST_DELAY_SECONDS,
        longest: float = LONGEST_DELAY_SECONDS,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first = first
        self._longest = longest
        self._spread = spread
        self._failures = 0

    def after_failure(self) -> float:
        """Seconds to wait now."""
        self._failures += 1
        return self.after(self._failures)

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row (from 1), whoever counts them."""
        doubled = self._first * 2.0 ** min(failures - 1, 64)
        return min(self._longest, doubled * self._spread(0.75, 1.25))

    def reset(self) -> None:
        """It went well: the next failure is the first one."""
        self._failures = 0


@dataclass(slots=True)
class PartStanding:
    """How a part does.

    Attributes:
        failures: how often it failed since the process began.
        reason: why it failed last, without content; empty where it never did.
        waits: whether it is down now, and waits to be started again.
    """

    failures: int = 0
    reason: str = ""
    waits: bool = False


class Supervisor:
    """Keeps parts running.

    Attributes:
        standings: of each part, by its name.

    Args:
        backoff: makes the waits of one part.
        sleep: waits; for tests.
        now: a clock that never jumps, in seconds.
    """

    def __init__(
        self,
        *,
        backoff: Callable[[], Backoff] = Backoff,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.standings: dict[str, PartStanding] = {}
        self._backoff = backoff
        self._sleep = sleep
        self._now = now

    def standing(self, name: str) -> PartStanding:
        """How a part does, for who knows it best; `name` is for people."""
        return self.standings.setdefault(name, PartStanding())

    async def keep(
        self, name: str, run: Run, *, may_end: bool = False, fatal: tuple[type[Exception], ...] = ()
    ) -> None:
        """Run a part, and run it again after a wait whenever it fails or ends; until cancelled.

        Args:
            name: of the part, for people.
            run: begins it; called again for each start.
            may_end: whether it is over when it returns.
            fatal: errors that are not its own to deal with: they end it and come out here.
        """
        standing, waits = self.standing(name), self._backoff()
        while True:
            began = self._now()
            try:
                await run()
                if may_end:
                    return
                failure, frames = "it ended by itself", ""
            except fatal:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the other parts go on, and so does this one
                failure = reason_of(error)
                frames = frames_of(error)
            if self._now() - began >= WELL_SECONDS:
                waits.reset()
            seconds = waits.after_failure()
            standing.failures, standing.reason, standing.waits = standing.failures + 1, failure, True
            log.error("Part %r failed, and is started again in %.0f s: %s%s", name, seconds, failure, frames)
            await self._sleep(seconds)
            standing.waits = False

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """For the time of one turn of a part that something else begins again and again: a failure ends there, noted.

        Args:
            name: of the part, for people.
        """
        standing = self.standing(name)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a loop that ended would be noticed by nobody
            reason = reason_of(error)
            if not standing.waits or reason != standing.reason:  # turns come every few seconds
                log.error("Part %r failed, and is tried again: %s%s", name, reason, frames_of(error))  # noqa: TRY400
            standing.failures, standing.reason, standing.waits = standing.failures + 1, reason, True
        else:
            standing.waits = False


async def cut_off(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until they have ended.

    One that hits the database driver may come out as the driver's error and be taken for a passing fault; so it is
    cancelled again.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)


async def do_each(*works: Callable[[], Awaitable[object]]) -> None:
    """Do all of these, one after the other, whatever comes of any of them.

    Raises:
        Exception: why the first one that failed did so, after all were tried.
    """
    failure: Exception | None = None
    for work in works:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the others are done, and then it is raised
            failure = failure or error
    if failure is not None:
        raise failure


async def isolate(
    items: Sequence[T],
    work: Callable[[Sequence[T]], Awaitable[object]],
    *,
    proof: Callable[[], Awaitable[object]],
    outages: tuple[type[Exception], ...] = (),
) -> list[tuple[T, Exception]]:
    """Do `work` for all items but those for which it can't be done, in their order.

    Where it fails for several, it is done for each half, and so on. An item fails by itself twice before it counts.

    Args:
        items: in the order in which they are to be done.
        work: does some of them, neighbours in their order. It may have done any part of them when it raises, so it has
            to be safe to repeat.
        proof: does something of our own by the same means; where that fails as well, the means are at fault and no item
            is.
        outages: errors that say by themselves that no item is at fault.

    Returns:
        Those for which it failed, in their order, each with its error.

    Raises:
        Exception: an outage, or why the work failed while the means are at fault; what came before is done.
    """
    if not items:
        return []
    failure = await _failure(items, work, outages)
    if failure is None:
        return []
    await _prove(proof, failure, outages)
    if len(items) > 1:
        middle = len(items) // 2
        first = await isolate(items[:middle], work, proof=proof, outages=outages)
        return first + await isolate(items[middle:], work, proof=proof, outages=outages)
    again = await _failure(items, work, outages)
    if again is None:
        return []
    await _prove(proof, again, outages)  # the means may have gone since they were proved
    return [(items[0], again)]


async def _prove(
    proof: Callable[[], Awaitable[object]], failure: Exception, outages: tuple[type[Exception], ...]
) -> None:
    try:
        await proof()
    except outages:
        raise
    except Exception:  # noqa: BLE001 - what the work failed with says more
        raise failure from None


async def _failure(
    items: Sequence[T], work: Callable[[Sequence[T]], Awaitable[object]], outages: tuple[type[Exception], ...]
) -> Exception | None:
    try:
        await work(items)
    except outages:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the other items are done
        return error
    return None


def reason_of(error: BaseException) -> str:
    """Why something failed, as it may be kept and shown: an error of ours as it is, of others the kind and the place.

    Their texts may hold what somebody said.
    """
    if isinstance(error, ChannelMemoryError):
        return str(error)
    places = [place for frame in traceback.extract_tb(error.__traceback__) if (place := _place(frame))]
    return type(error).__name__ + (f" in {places[-1]}" if places else "")


def _place(frame: traceback.FrameSummary) -> str:
    """File and line of a frame of this program; empty for others, and for this module, which all go through."""
    path = Path(frame.filename)
    if path == Path(__file__) or not path.is_relative_to(_ROOT) or path.relative_to(_ROOT).parts[0] not in _OURS:
        return ""
    return f"{path.relative_to(_ROOT)}:{frame.lineno}"


def frames_of(error: BaseException) -> str:
    """Where an error that nobody meant came from, frame by frame, without its text."""
    if isinstance(error, ChannelMemoryError):
        return ""
    return "\n" + "".join(traceback.format_tb(error.__traceback__)).rstrip()
