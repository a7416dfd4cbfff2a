"""Where the bot may listen, and from when on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, and_, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import snowflake
from bot.storage import ErasureLine, Installation, LineKind, Sections, Store, channels, moment, note_lines, upsert

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database, Erased


SETTINGS_FROM = "settings_observe_from_ms"
"""Under this key the installation has a local time: the settings may switch on channels that are made later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRef:
    """A channel, thread or category, as far as observation needs to know it.

    Attributes:
        parent_id: the channel that a thread belongs to.
    """

    guild_id: int
    channel_id: int
    name: str
    parent_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedChannel:
    """What was decided about a channel, a thread, or a category, whose channels then follow.

    Attributes:
        observed: whether its messages are kept; None where nobody decided and a public thread follows its parent.
        decided_by: user id; None where the operator's settings decided.
        decided_ms: milliseconds since 1970.
        observed_from: the first snowflake that may be kept.
        notice_message_id: the notice that was posted, in `notice_channel_id`.
        checkpoint: the snowflake up to which it was read when this was loaded.
    """

    guild_id: int
    channel_id: int
    parent_id: int | None
    name: str
    observed: bool | None
    decided_by: int | None
    decided_ms: int | None
    observed_from: int
    notice_channel_id: int | None
    notice_message_id: int | None
    checkpoint: int


class Observations(Store):
    """Decisions about channels: in memory for the listeners, in the database to last."""

    name = "decisions about channels"
    tables = (channels,)
    of_server = True

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock
        self._decided: dict[int, ObservedChannel] = {}
        self._settings_from_ms = 0

    async def load(self) -> None:
        """Read all decisions; call once before anything is asked."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(channels).where(channels.c.observed.is_not(None)))
            self._decided = {row.channel_id: _from_row(row) for row in rows}
        self._settings_from_ms = int(await Installation(self._db).get(SETTINGS_FROM) or 0)

    def observed(self, channel_id: int, parent_id: int | None = None, *, private: bool = False) -> bool:
        """Whether messages of this channel or thread are kept now.

        Its own decision counts first; without one a public thread follows its parent, and a private one is left alone.
        """
        decision = self._decision(channel_id, None if private else parent_id)
        return decision is not None and bool(decision.observed)

    def observed_from(self, channel_id: int, parent_id: int | None = None) -> int:
        """The first snowflake that may be kept of an observed channel or thread."""
        decision = self._decision(channel_id, parent_id)
        return 0 if decision is None else decision.observed_from

    def channels(self, guild_id: int) -> list[int]:
        """Ids of the channels and threads of this server that were switched on themselves, oldest first."""
        return sorted(
            decision.channel_id
            for decision in self._decided.values()
            if decision.guild_id == guild_id and decision.observed
        )

    async def status(self, channel_id: int) -> ObservedChannel | None:
        """What is known about a channel now, its checkpoint included; None if nothing is."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(channels).where(channels.c.channel_id == channel_id))).one_or_none()
        return None if row is None else _from_row(row)

    async def last_seen(self, channel_id: int, parent_id: int | None = None) -> int:
        """The snowflake after which the channel is to be read.

        That is its checkpoint, but nothing from before the moment at which it was switched on.
        """
        known = await self.status(channel_id)
        return max(0 if known is None else known.checkpoint, self.observed_from(channel_id, parent_id) - 1)

    def reading(self, channel_id: int) -> AbstractAsyncContextManager[bool]:
        """For the time that a channel's history is read: whether this process is to; False while another one does.

        A process that dies stops with that at once. One of two that serve the same server is about to end.
        """
        return self._db.alone(channel_id, wait=False)

    async def switch_on(
        self, *, guild_id: int, channel_id: int, parent_id: int | None, name: str, by: int | None, from_id: int
    ) -> bool:
        """Keep messages of this channel from the snowflake `from_id` on; tells whether that is a change.

        An earlier `from_id` than now asks for reading back: the checkpoint then starts before it, and what is kept
        already is not kept twice.
        """
        if self._is(channel_id, observed=True):
            return False
        channel = ChannelRef(guild_id=guild_id, channel_id=channel_id, parent_id=parent_id, name=name)
        await self._decide(channel, by, observed=True, observed_from=from_id, checkpoint=max(0, from_id - 1))
        return True

    async def switch_off(
        self, *, guild_id: int, channel_id: int, parent_id: int | None, name: str, by: int | None
    ) -> bool:
        """Keep no more messages of this channel; tells whether that is a change. What is kept stays."""
        if self._is(channel_id, observed=False):
            return False
        channel = ChannelRef(guild_id=guild_id, channel_id=channel_id, parent_id=parent_id, name=name)
        await self._decide(channel, by, observed=False)
        return True

    async def seed(self, wanted: Iterable[ChannelRef], *, from_id: int, by: int | None = None) -> list[ChannelRef]:
        """Switch on what the settings name, or (with `by`) what follows a category, where nobody has decided yet.

        Returns:
            What changed.
        """
        fresh = [
            channel
            for channel in wanted
            if channel.channel_id not in self._decided and not self.held_back(channel.channel_id)
        ]
        for channel in fresh:
            await self._decide(channel, by, observed=True, observed_from=from_id, checkpoint=max(0, from_id - 1))
        return fresh

    def held_back(self, channel_id: int) -> bool:
        """Whether only an admin may switch a channel on, not the settings: see `hold_back_settings`."""
        return channel_id not in self._decided and snowflake.to_ms(channel_id) < self._settings_from_ms

    async def hold_back_settings(self) -> None:
        """Let the settings switch on no channel that there is now: it is not known what was decided about it."""
        self._settings_from_ms = self._clock()
        await Installation(self._db).set(SETTINGS_FROM, str(self._settings_from_ms))

    def switched_on(self) -> list[ObservedChannel]:
        """The channels and threads of all servers that were switched on themselves."""
        return [decision for decision in self._decided.values() if decision.observed]

    async def reach_back(self, channel_id: int, from_id: int) -> None:
        """Keep messages of an observed channel and its threads from an earlier snowflake on.

        Their checkpoints go back, so that they are read again from there; what is kept already is not kept twice.
        """
        family = or_(
            channels.c.channel_id == channel_id,
            and_(channels.c.parent_id == channel_id, channels.c.observed.is_(None)),
        )
        reread = update(channels).where(family, channels.c.checkpoint >= from_id).values(checkpoint=from_id - 1)
        later = and_(channels.c.channel_id == channel_id, channels.c.observed_from > from_id)
        async with self._db.write() as connection:
            await connection.execute(reread)
            await connection.execute(update(channels).where(later).values(observed_from=from_id))
        decided = await self.status(channel_id)
        if decided is not None and channel_id in self._decided:
            self._decided[channel_id] = decided

    async def set_notice(self, channel_id: int, notice_channel_id: int, notice_message_id: int) -> None:
        """Note where the members were told."""
        values = {"notice_channel_id": notice_channel_id, "notice_message_id": notice_message_id}
        async with self._db.write() as connection:
            await connection.execute(update(channels).where(channels.c.channel_id == channel_id).values(**values))
        if channel_id in self._decided:
            self._decided[channel_id] = replace(
                self._decided[channel_id], notice_channel_id=notice_channel_id, notice_message_id=notice_message_id
            )

    def list(self, guild_id: int) -> list[ObservedChannel]:
        """All decisions of this server, on and off, by name."""
        decisions = [decision for decision in self._decided.values() if decision.guild_id == guild_id]
        return sorted(decisions, key=lambda decision: (decision.name, decision.channel_id))

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """The channels of a server that the bot has left go, from memory too; a member who decided goes unnamed."""
        if erased.left:
            guild_id = erased.scope.guild_id
            self._decided = {key: known for key, known in self._decided.items() if known.guild_id != guild_id}
        return await super().erased(connection, erased)

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """The channels that the member decided about."""
        theirs = and_(channels.c.decided_by == user_id, true() if guild_id is None else channels.c.guild_id == guild_id)
        async with self._db.read() as connection:
            rows = (await connection.execute(select(channels).where(theirs))).all()
        return {
            self.name: [
                {"channel_id": str(r.channel_id), "observed": r.observed, "decided_at": moment(r.decided_ms)}
                for r in rows
            ]
        }

    def _decision(self, channel_id: int, parent_id: int | None) -> ObservedChannel | None:
        own = self._decided.get(channel_id)
        return own if own or parent_id is None else self._decided.get(parent_id)

    def _is(self, channel_id: int, *, observed: bool) -> bool:
        decision = self._decided.get(channel_id)
        return decision is not None and decision.observed is observed

    async def _decide(self, channel: ChannelRef, by: int | None, **decision: bool | int) -> None:
        values = {
            "parent_id": channel.parent_id,
            "name": channel.name,
            "decided_by": by,
            "decided_ms": self._clock(),
            **decision,
        }
        row = upsert(self._db.dialect, channels).values(
            channel_id=channel.channel_id, guild_id=channel.guild_id, **values
        )
        line = ErasureLine(
            kind=LineKind.OBSERVATION,
            at_ms=self._clock(),
            guild_id=channel.guild_id,
            channel_id=channel.channel_id,
            value="on" if decision["observed"] else "off",
        )
        async with self._db.write() as connection:
            await note_lines(connection, [line])
            await connection.execute(row.on_conflict_do_update(index_elements=[channels.c.channel_id], set_=values))
            stored = await connection.execute(select(channels).where(channels.c.channel_id == channel.channel_id))
            decided = _from_row(stored.one())
        self._decided[channel.channel_id] = decided


def _from_row(row: Row[Any]) -> ObservedChannel:
    return ObservedChannel(
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        parent_id=row.parent_id,
        name=row.name,
        observed=row.observed,
        decided_by=row.decided_by,
        decided_ms=row.decided_ms,
        observed_from=row.observed_from or 0,
        notice_channel_id=row.notice_channel_id,
        notice_message_id=row.notice_message_id,
        checkpoint=row.checkpoint,
    )
