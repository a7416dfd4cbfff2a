"""What was taken away after a backup was made is taken away from it, before anybody sees it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Table, or_, select

from bot.domain import people_in
from bot.forget.composition import ForgetServices, open_without_index
from bot.forget.post_sources import Post
from bot.guilds import ConsentRule, FactsRule, GuildServices, choice_of
from bot.memories import NamedMembers, OwnMemories
from bot.remember import discard_answers
from bot.storage import (
    Database,
    ErasureLine,
    Holds,
    LineKind,
    hashed_id,
    holding,
    memories,
    messages,
    metadata,
    note_lines,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Clock
    from bot.settings import Settings


class Reapplying:
    """Applies lines to a database that nobody uses.

    Args:
        db: the database, a backup that is not in its place yet.
        guilds: what was decided, as it has it.
        forget: erases in it.
        own: takes memories back in it.
        named: takes names out of memories in it.
    """

    def __init__(
        self, db: Database, guilds: GuildServices, forget: ForgetServices, own: OwnMemories, named: NamedMembers
    ) -> None:
        self._db = db
        self._guilds = guilds
        self._forget = forget
        self._own = own
        self._named = named

    async def apply(self, lines: Sequence[ErasureLine]) -> None:
        """Apply lines that the database does not know, oldest first, and let it know them."""
        async with self._db.write() as connection:
            await note_lines(connection, lines)
        people = await self._people() if any(line.subject for line in lines) else {}
        ids = await self._hashed_memories() if any(line.memory_id for line in lines) else {}
        for kind, group in groupby(lines, key=lambda line: line.kind):
            if kind is LineKind.MESSAGE:
                await self._messages(list(group))
            elif kind is LineKind.POST:
                await self._forget.posts.take_down([_post(line) for line in group])
            elif kind is LineKind.MEMORY:
                for memory, parts in groupby(group, key=lambda line: (line.at_ms, line.memory_id)):
                    await self._memory(ids.get(str(memory[1])), list(parts))
            elif kind is LineKind.NAME:
                for line in group:
                    await self._name(ids.get(str(line.memory_id)), people.get(str(line.subject)))
            else:
                for line in group:
                    await self._apply(line, people)
        await self._observe_less(lines)

    async def observe_nothing(self) -> int:
        """Switch observation off everywhere, until admins switch it on; in how many channels."""
        channels = self._guilds.observations.switched_on()
        for channel in channels:
            await self._switch_off(channel.guild_id, channel.channel_id)
        await self._guilds.observations.hold_back_settings()
        return len(channels)

    async def _apply(self, line: ErasureLine, people: dict[str, int]) -> None:
        erasure, guild_id = self._forget.erasure, line.guild_id
        match line.kind:
            case LineKind.MEMBER if line.subject in people:
                await erasure.erase_member(people[line.subject], guild_id, up_to=line.up_to)
            case LineKind.MEMBER:
                await erasure.keep_out(str(line.subject), guild_id, up_to=line.up_to or 0)
            case LineKind.CHANNEL if guild_id is not None and line.channel_id is not None:
                await erasure.erase_channel(guild_id, line.channel_id, up_to=line.up_to)
            case LineKind.SERVER if guild_id is not None:
                await erasure.erase_guild(guild_id, left=line.value == "left", up_to=line.up_to)
            case LineKind.CHOICE:
                choice = choice_of(json.loads(line.value or "{}"))
                await self._guilds.consents.choose(str(line.subject), guild_id or 0, choice, at_ms=line.at_ms)
            case LineKind.RULES if guild_id is not None:
                consent, facts = (line.value or "").split()
                rules = self._guilds.consents.rules
                await rules.decide(guild_id, consent=ConsentRule(consent), facts=FactsRule(facts))

    async def _messages(self, lines: Sequence[ErasureLine]) -> None:
        """Erase messages that were deleted, by channel."""
        by_channel: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for line in lines:
            by_channel[line.guild_id or 0, line.channel_id or 0].append(line.message_id or 0)
        for (guild_id, channel_id), ids in by_channel.items():
            await self._forget.erasure.erase_messages(guild_id, channel_id, ids)

    async def _memory(self, memory_id: str | None, parts: Sequence[ErasureLine]) -> None:
        """Take a memory back; messages that stated it and are not here are never read, for it would be made again."""
        await self._own.take_back(memory_id, parts)
        stating = [line for line in parts if line.value == "states"]
        async with self._db.read() as connection:
            wanted = select(messages.c.id).where(messages.c.id.in_([line.message_id for line in stating]))
            logged = set(await connection.scalars(wanted))
        await self._messages([line for line in stating if line.message_id not in logged])

    async def _name(self, memory_id: str | None, user_id: int | None) -> None:
        """Take a name out of a memory, where both are here."""
        if memory_id is not None and user_id is not None:
            await self._named.take_back(memory_id, user_id)

    async def _observe_less(self, lines: Sequence[ErasureLine]) -> None:
        """Observe no channel that was switched off, and not on again later."""
        last = {line.channel_id: line for line in lines if line.kind is LineKind.OBSERVATION}
        for channel_id, line in last.items():
            if channel_id is not None and line.value == "off":
                await self._switch_off(line.guild_id or 0, channel_id)

    async def _switch_off(self, guild_id: int, channel_id: int) -> None:
        observations = self._guilds.observations
        known = await observations.status(channel_id)
        parent_id, name = (None, "") if known is None else (known.parent_id, known.name)
        await observations.switch_off(guild_id=guild_id, channel_id=channel_id, parent_id=parent_id, name=name, by=None)

    async def _people(self) -> dict[str, int]:
        """Everybody of whom anything stands here, by keyed hash."""
        ids: set[int] = set()
        async with self._db.read() as connection:
            for table in metadata.sorted_tables:
                for column in holding(table, Holds.USER_ID):
                    distinct = select(column).where(column.is_not(None)).distinct()
                    ids.update(value for value in await connection.scalars(distinct) if isinstance(value, int))
                ids.update(people_in(await _mentioning(connection, table)))
        return {self._guilds.hasher.subject(user_id): user_id for user_id in ids}

    async def _hashed_memories(self) -> dict[str, str]:
        async with self._db.read() as connection:
            return {hashed_id(each): each for each in await connection.scalars(select(memories.c.id))}


def _post(line: ErasureLine) -> Post:
    return Post(line.message_id or 0, line.guild_id or 0, line.channel_id or 0)


async def _mentioning(connection: AsyncConnection, table: Table) -> list[str]:
    """Texts of a table that may mention somebody."""
    columns = holding(table, Holds.SAID)
    if not columns:
        return []
    rows = await connection.execute(select(*columns).where(or_(*(column.contains("<@") for column in columns))))
    return [str(value) for row in rows for value in row if value is not None]


async def open_reapplying(settings: Settings, folder: Path, db: Database, clock: Clock) -> Reapplying:
    """Open it over a database that lies in a folder of its own; its index learns of everything later."""
    parts = await open_without_index(settings, folder, db, clock)
    own = OwnMemories(db, parts.store, parts.logged.log, clock, discard_answers)
    guilds = parts.guilds
    named = NamedMembers(db, parts.store, own, guilds.audit, guilds.hasher, clock, parts.forget.posts.reword)
    return Reapplying(db, guilds, parts.forget, own, named)
