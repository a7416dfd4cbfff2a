"""What a running process can't do now, noted in the database, so that the doctor and other processes can name it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.storage import Installation

if TYPE_CHECKING:
    from bot.domain import Clock, PartStanding

NOTED_SECONDS: Final = 15.0
"""Between two notes of a process."""

FRESH_MS: Final = 60_000
"""A note that is older is of a process that ended, or can't write: what it says may not be so any more."""

_PREFIX: Final = "trouble "

Unwritten = Callable[[], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class TroubleReport:
    """What can't be done now; a line for each reason, without content.

    Attributes:
        removals: what is to be removed.
        parts: parts that failed, and did not do well again yet.
    """

    removals: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


class Troubles:
    """Those of this process, and of others on the same database.

    Args:
        installation: where they are noted.
        clock: the local clock.
        standings: of the parts of this process, by their names.
        unwritten: how many edits and deletions the database does not take from this process, by the reason why.
    """

    def __init__(
        self,
        installation: Installation,
        clock: Clock,
        standings: Mapping[str, PartStanding] | None = None,
        unwritten: Unwritten = dict,
    ) -> None:
        self._installation = installation
        self._clock = clock
        self._standings = {} if standings is None else standings  # parts that are yet to begin come to it later
        self._unwritten = unwritten
        self._key = f"{_PREFIX}{secrets.token_hex(8)}"
        self._noted = False

    async def run(self) -> None:
        """Note those of this process, for ever; notes of processes that have ended go."""
        await self._installation.drop([key for key, note in (await self._notes()).items() if self._is_old(note)])
        while True:
            await self.note()
            await asyncio.sleep(NOTED_SECONDS)

    async def note(self) -> None:
        """Note those of this process; where there are none, and none are noted, nothing is written."""
        own = self._own()
        if own != TroubleReport():
            await self._installation.set(self._key, json.dumps({"at_ms": self._clock(), **asdict(own)}))
            self._noted = True
        elif self._noted:
            await self._installation.drop([self._key])
            self._noted = False

    async def look(self) -> TroubleReport:
        """Those of this process now, and what others noted lately."""
        own, notes = self._own(), await self._notes()
        fresh = [note for key, note in notes.items() if key != self._key and not self._is_old(note)]
        return TroubleReport(
            (*own.removals, *(line for note in fresh for line in note["removals"])),
            (*own.parts, *(line for note in fresh for line in note["parts"])),
        )

    async def _notes(self) -> dict[str, Any]:
        notes = await self._installation.beginning_with(_PREFIX)
        return {key: json.loads(note) for key, note in notes.items()}

    def _is_old(self, note: Mapping[str, Any]) -> bool:
        return bool(note["at_ms"] < self._clock() - FRESH_MS)

    def _own(self) -> TroubleReport:
        return TroubleReport(
            tuple(_unwritten_line(count, reason) for reason, count in self._unwritten().items()),
            tuple(_down(name, standing) for name, standing in self._standings.items() if standing.waits),
        )


def _unwritten_line(count: int, reason: str) -> str:
    what = "edit or deletion" if count == 1 else "edits or deletions"
    return f"{count:,} {what} can't be written, and tried again until done: {reason}"


def _down(name: str, standing: PartStanding) -> str:
    return f"The {name} failed and is tried again soon: {standing.reason}"
