"""The names of the people whose messages are kept or cited."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import people_in
from bot.storage import (
    Dialect,
    Scope,
    Sections,
    Store,
    channels,
    citations,
    in_scope,
    members,
    memories,
    messages,
    upsert,
)
from bot.text import STOP_WORDS

if TYPE_CHECKING:
    from bot.storage import Erased, Expired

_WORD = re.compile(r"\w+")

_SHORTEST_PART = 3
"""Letters that a word of a longer name needs to stand for the whole name."""

_NOT_A_NAME = STOP_WORDS["english"]
"""Words of questions that are also words of people's names ("Will Smith"); only the full name counts then."""


class Directory(Store):
    """Finds names for ids, and members for names.

    A name goes with the last thing that is kept of its member.
    """

    name = "names"
    tables = (members,)

    async def names(self, guild_id: int, user_ids: Collection[int]) -> dict[int, str]:
        """Display names of those members who are known."""
        if not user_ids:
            return {}
        async with self._db.read() as connection:
            rows = await connection.execute(
                select(members.c.user_id, members.c.name).where(
                    members.c.guild_id == guild_id, members.c.user_id.in_(set(user_ids))
                )
            )
            return {row.user_id: row.name for row in rows}

    async def channels(self, guild_id: int, channel_ids: Collection[int]) -> dict[int, str]:
        """Names of those channels of a guild that are known."""
        if not channel_ids:
            return {}
        known = select(channels.c.channel_id, channels.c.name).where(channels.c.guild_id == guild_id)
        async with self._db.read() as connection:
            rows = await connection.execute(known.where(channels.c.channel_id.in_(channel_ids), channels.c.name != ""))
            return {row.channel_id: row.name for row in rows}

    async def channel_ids(self, guild_id: int) -> frozenset[int]:
        """Every channel and thread of a guild that is known."""
        known = select(channels.c.channel_id).where(channels.c.guild_id == guild_id)
        async with self._db.read() as connection:
            return frozenset(await connection.scalars(known))

    async def next_after(self, user_id: int) -> tuple[int, frozenset[int]] | None:
        """The known member with the next higher id, and the guilds where they are known; None after the last one."""
        following = select(func.min(members.c.user_id)).where(members.c.user_id > user_id).scalar_subquery()
        query = select(members.c.user_id, members.c.guild_id).where(members.c.user_id == following)
        async with self._db.read() as connection:
            rows = (await connection.execute(query)).all()
        return (rows[0].user_id, frozenset(row.guild_id for row in rows)) if rows else None

    async def find(self, guild_id: int, text: str) -> dict[int, str]:
        """Members whose name, or a word of it, occurs in `text` as whole words, with it; longest match first."""
        words = _words(text)
        if not words:
            return {}
        async with self._db.read() as connection:
            rows = await connection.execute(
                select(members.c.user_id, members.c.name).where(members.c.guild_id == guild_id, self._may_occur(words))
            )
            lengths = {(row.user_id, row.name): _match(_words(row.name), words) for row in rows.all()}
        matches = [member for member, length in lengths.items() if length]
        return dict(sorted(matches, key=lambda member: (-lengths[member], member)))

    def _may_occur(self, words: list[str]) -> ColumnElement[bool]:
        """Whether a name can occur among the words, as far as a database can tell, which folds ASCII letters only."""
        name = members.c.name
        contains = name.contains if self._db.dialect == "sqlite" else name.icontains  # the former folds them itself
        likely = [contains(word, autoescape=True) for word in dict.fromkeys(words) if word.isascii()]
        if all(word.isascii() for word in words):
            return or_(*likely)
        return or_(*likely, func.length(name) != func.octet_length(name))

    async def remember_names(self, guild_id: int, names: Mapping[int, str]) -> None:
        """Keep the display names of people who are cited, replacing older ones."""
        async with self._db.write() as connection:
            await write_names(
                connection, self._db.dialect, {(guild_id, user_id): name for user_id, name in names.items()}
            )

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Names in scope go, and those of people of whom nothing is left."""
        silent = await self.forget_silent(connection, erased.people)
        return await super().erased(connection, erased) + Counter({self.name: silent})

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Names of people of whom nothing is left go."""
        return Counter({self.name: await self.forget_silent(connection, expired.people)})

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """The name in each server."""
        theirs = in_scope(members, Scope(user_id=user_id, guild_id=guild_id))
        async with self._db.read() as connection:
            rows = (await connection.execute(select(members).where(theirs))).all()
        return {self.name: [{"server": str(row.guild_id), "name": row.name} for row in rows]}

    async def forget_silent(self, connection: AsyncConnection, people: Iterable[tuple[int, int]]) -> int:
        """Forget the names of those (guild and user id) of whom nothing is left, in the caller's transaction; how many.

        That is: no message, no citation, and no memory refers to them.
        """
        by_guild: defaultdict[int, set[int]] = defaultdict(set)
        for guild_id, user_id in people:
            by_guild[guild_id].add(user_id)
        forgotten = 0
        for guild_id, user_ids in by_guild.items():
            silent = await _silent_among(connection, guild_id, user_ids)
            nothing_left = and_(members.c.guild_id == guild_id, members.c.user_id.in_(silent))
            forgotten += (await connection.execute(delete(members).where(nothing_left))).rowcount
        return forgotten


async def _silent_among(connection: AsyncConnection, guild_id: int, user_ids: Collection[int]) -> set[int]:
    """Members of whom nothing is left."""
    has_messages = exists().where(messages.c.author_id == members.c.user_id, messages.c.guild_id == guild_id)
    cited = exists().where(
        citations.c.author_id == members.c.user_id,
        ~citations.c.supporting,
        citations.c.memory_id == memories.c.id,
        memories.c.guild_id == guild_id,
    )
    theirs = and_(members.c.guild_id == guild_id, members.c.user_id.in_(user_ids))
    silent = set(await connection.scalars(select(members.c.user_id).where(theirs, ~has_messages, ~cited)))
    if not silent:
        return silent
    referring = select(memories.c.text).where(memories.c.guild_id == guild_id, memories.c.text.contains("<@"))
    return silent - people_in(await connection.scalars(referring))


async def write_names(connection: AsyncConnection, dialect: Dialect, names: Mapping[tuple[int, int], str]) -> None:
    """Keep names by guild and user id, inside the caller's transaction; unchanged ones cost no write."""
    if not names:
        return
    row = upsert(dialect, members)
    statement = row.on_conflict_do_update(
        index_elements=[members.c.guild_id, members.c.user_id],
        set_={"name": row.excluded.name},
        where=members.c.name != row.excluded.name,
    )
    rows = [{"guild_id": guild, "user_id": user, "name": name} for (guild, user), name in names.items()]
    await connection.execute(statement, rows)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _match(name: list[str], words: list[str]) -> int:
    """Letters of the name that occur in the words: all of them in a row, else its longest telling word; 0 if none."""
    size = len(name)
    if name and any(words[start : start + size] == name for start in range(len(words) - size + 1)):
        return sum(map(len, name))
    parts = [part for part in name if part in words and len(part) >= _SHORTEST_PART and part not in _NOT_A_NAME]
    return max(map(len, parts), default=0)
