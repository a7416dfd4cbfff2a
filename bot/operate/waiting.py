"""What waits, and what was set aside, in words: how much of what, why, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.forget import Removing
from bot.index import PART
from bot.operate.troubles import Troubles
from bot.remember import READING, DeadLetters, HeldUp
from bot.storage import ErasureLines, Installation, SetAside

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.forget import Undone
    from bot.index import Backlog, WaitingChanges
    from bot.remember import Waits
    from bot.storage import Database, SetAsideCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """What is not done, though it was tried; a line for each reason.

    Attributes:
        removals: what is to be removed and can't be now.
        waiting: what waits for the index.
        aside: what was set aside.
        parts: parts of running processes that failed, and did not do well again yet.
    """

    removals: Sequence[str] = ()
    waiting: Sequence[str] = ()
    aside: Sequence[str] = ()
    parts: Sequence[str] = ()

    @property
    def lines(self) -> list[str]:
        """All of it, the gravest first."""
        return [*self.removals, *self.parts, *self.waiting, *self.aside]


class DelayReport:
    """Looks for what is not done.

    Args:
        removing: what is to be removed.
        changes: what the index has yet to learn.
        held_up: what has yet to be read.
        dead: what could not be read.
        aside: what was set aside.
        lines: what the file of erasures is to say.
        troubles: of running processes.
    """

    def __init__(
        self,
        removing: Removing,
        changes: Backlog,
        held_up: HeldUp,
        dead: DeadLetters,
        aside: SetAside,
        lines: ErasureLines,
        troubles: Troubles,
    ) -> None:
        self._removing = removing
        self._changes = changes
        self._held_up = held_up
        self._dead = dead
        self._aside = aside
        self._lines = lines
        self._troubles = troubles

    async def look(self, guild_id: int | None = None) -> Delays:
        """What is not done now; of what was set aside only that of one server, or (None) of all."""
        waiting, trouble = await self._changes.waiting(), await self._troubles.look()
        return Delays(
            removals=[
                *trouble.removals,
                *_undone(await self._removing.undone(guild_id)),
                *(_waits(rows) for rows in waiting if rows.removes),
            ],
            waiting=[
                *(_held_up(rows) for rows in await self._held_up.waits(guild_id)),
                *(_waits(rows) for rows in waiting if not rows.removes),
                *_not_noted(*await self._lines.overdue()),
            ],
            aside=[
                *(_dead(count) for count in await self._dead.counts(guild_id)),
                *(_aside(count) for count in await self._aside.counts(guild_id) if count.part != READING),
            ],
            parts=trouble.parts,
        )


def delay_report(db: Database, clock: Clock, changes: Backlog, troubles: Troubles | None = None) -> DelayReport:
    """A report on what is in a database; see `DelayReport`."""
    return DelayReport(
        Removing(db, clock),
        changes,
        HeldUp(db, clock),
        DeadLetters(db, clock),
        SetAside(db, clock),
        ErasureLines(db, clock),
        troubles or Troubles(Installation(db), clock),
    )


def _undone(undone: Undone) -> list[str]:
    lines: list[str] = []
    if undone.erasures:
        what = "erasure that was asked for is" if undone.erasures == 1 else "erasures that were asked for are"
        lines.append(f"{undone.erasures:,} {what} not done yet, and tried again until done; the log says why")
    if undone.posts:
        what = "public post of the bot is" if undone.posts == 1 else "public posts of the bot are"
        lines.append(f"{undone.posts:,} {what} not taken down yet, and tried again every five minutes")
    return lines


def _not_noted(lines: int, seconds: float) -> list[str]:
    if not lines:
        return []
    what = "erasure waits" if lines == 1 else "erasures wait"
    return [
        f"{lines:,} {what} to be noted in ERASURES_FILE, the oldest for {seconds / 60:,.0f} min: see that the process "
        "with shard 0 runs and may write it; until then a backup can bring back what they are about"
    ]


def _waits(waiting: WaitingChanges) -> str:
    if waiting.removes:
        many = "deletion waits" if waiting.rows == 1 else "deletions wait"
    elif waiting.messages:
        many = "message waits" if waiting.rows == 1 else "messages wait"
    else:
        many = "memory waits" if waiting.rows == 1 else "memories wait"
    return f"{waiting.rows:,} {many} for the index because {waiting.reason}"


def _held_up(waits: Waits) -> str:
    many = "message waits" if waits.messages == 1 else "messages wait"
    line = f"{waits.messages:,} {many} to be read because {waits.reason}"
    if waits.model_unfit:
        return f"{line}: choose another model; until then one stretch is tried every 15 minutes"
    return line


def _dead(count: SetAsideCount) -> str:
    what = "message" if count.items == 1 else "messages"
    return f"{count.items:,} {what} could not be read by the model: {count.reason}{_again(count)}"


def _aside(count: SetAsideCount) -> str:
    is_single = count.items == 1
    if count.part != PART:
        what = "item was set aside" if is_single else "items were set aside"
        return f"{count.items:,} {what} by the {count.part}: {count.reason}{_again(count)}"
    what = "memory or message is" if is_single else "memories or messages are"
    return f"{count.items:,} {what} not in the index but found by words, because {count.reason}{_again(count)}"


def _again(count: SetAsideCount) -> str:
    return "; tried again within a day" if count.next_try_ms is not None else "; tried again after a change"
