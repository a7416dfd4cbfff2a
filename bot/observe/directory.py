"""The names of the people whose messages are kept or cited."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage import Dialect, members, upsert
from bot.text import STOP_WORDS

if TYPE_CHECKING:
    from bot.storage import Database

_WORD = re.compile(r"\w+")

_SHORTEST_PART = 3
"""Letters that a word of a longer name needs to stand for the whole name."""

_NOT_A_NAME = STOP_WORDS["english"]
"""Words of questions that are also words of people's names ("Will Smith"); only the full name counts then."""


class Directory:
    """Finds names for ids, and members for names."""

    def __init__(self, db: Database) -> None:
        self._db = db

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
                select(members.c.user_id, members.c.name).where(members.c.guild_id == guild_id, _may_occur(words))
            )
            lengths = {(row.user_id, row.name): _match(_words(row.name), words) for row in rows.all()}
        found = [member for member, length in lengths.items() if length]
        return dict(sorted(found, key=lambda member: (-lengths[member], member)))

    async def remember_names(self, guild_id: int, names: Mapping[int, str]) -> None:
        """Keep the display names of people who are cited, replacing older ones."""
        async with self._db.write() as connection:
            await write_names(
                connection, self._db.dialect, {(guild_id, user_id): name for user_id, name in names.items()}
            )


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


def _may_occur(words: list[str]) -> ColumnElement[bool]:
    """Whether a name can occur among the words, as far as a database can tell, which folds ASCII letters only."""
    likely = [func.lower(members.c.name).contains(word, autoescape=True) for word in set(words) if word.isascii()]
    if all(word.isascii() for word in words):
        return or_(*likely)
    return or_(*likely, func.length(members.c.name) != func.octet_length(members.c.name))


def _match(name: list[str], words: list[str]) -> int:
    """Letters of the name that occur in the words: all of them in a row, else its longest telling word; 0 if none."""
    size = len(name)
    if name and any(words[start : start + size] == name for start in range(len(words) - size + 1)):
        return sum(map(len, name))
    parts = [part for part in name if part in words and len(part) >= _SHORTEST_PART and part not in _NOT_A_NAME]
    return max(map(len, parts), default=0)
