"""What the bot posted for everybody to see, and what it cites: such a post goes when one of its sources goes.

Nothing of a post's text is kept, only where it is and what it stands on. A post is due when a cited message or memory
is no longer there, was changed since, or belongs to what is erased. That is read off the state of the tables, so no way
of deleting has to think of it, and what is due stays on the list until Discord has confirmed that the post is gone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Backoff, Clock, Hit, jump_url
from bot.storage import (
    Sections,
    Store,
    chunks,
    citations,
    corrections,
    memories,
    messages,
    moment,
    post_people,
    post_sources,
    posts,
    tombstones,
)

if TYPE_CHECKING:
    from bot.storage import Database, Edited, Erased, Expired, Scope

FIRST_WAIT_SECONDS = 5.0
GIVEN_UP_AFTER_MS = 30 * 24 * 60 * 60 * 1000
"""A server that the bot was removed from never lets it delete; after this time the ids of its posts are dropped."""

UP, DUE = "up", "due"
QUOTED = ""
"""In place of a memory's id: the message itself is quoted."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message of the bot that everybody in its channel sees."""

    message_id: int
    guild_id: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class PostSource:
    """What a post stands on: a quoted message, or one that a shown memory cites or is doubted because of.

    Attributes:
        memory_id: the memory; empty where the message itself is quoted.
    """

    message_id: int
    channel_id: int
    memory_id: str = QUOTED


@dataclass(frozen=True, slots=True)
class Glance:
    """How sources stood just before they were read: what changes after that shows.

    Attributes:
        at_ms: the local time.
        edited_ms: message to the time of its last edit; 0 where there was none.
    """

    at_ms: int
    edited_ms: Mapping[int, int]


def sources_of(hits: Collection[Hit]) -> frozenset[PostSource]:
    """What shows when these hits are shown."""
    sources: set[PostSource] = set()
    for hit in hits:
        if hit.memory is None:
            sources |= {PostSource(message_id, hit.anchor_channel_id) for message_id in hit.message_ids}
        else:
            sources |= {PostSource(c.message_id, c.channel_id, hit.memory.id) for c in hit.memory.citations}
            if (doubt := hit.memory.doubt) is not None:
                sources.add(PostSource(doubt.message_id, doubt.channel_id, hit.memory.id))
    return frozenset(sources)


class Posts(Store):
    """Remembers public posts and what they cite, and lists those that have to go."""

    name = "public posts"
    tables = (posts, post_sources, post_people)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def glance(self, message_ids: Collection[int]) -> Glance:
        """Look at messages that are about to be read and posted."""
        at_ms = self._clock()
        edited: dict[int, int] = {}
        for chunk in chunks(message_ids):
            query = select(messages.c.id, messages.c.edited_ms).where(messages.c.id.in_(chunk))
            async with self._db.read() as connection:
                edited |= {row.id: row.edited_ms or 0 for row in await connection.execute(query)}
        return Glance(at_ms, edited)

    async def record(
        self,
        post: Post,
        sources: Collection[PostSource],
        people: Collection[int],
        *,
        glance: Glance,
        asked_id: int | None = None,
    ) -> None:
        """Note a post before its text is shown.

        Args:
            post: where it is.
            glance: how the sources stood before they were read.
            sources: what it stands on.
            people: whoever is quoted, named or asked; erasing one of them takes the post down.
            asked_id: the snowflake of the question, where it is one of a member whose messages may be kept.
        """
        row = {
            "message_id": post.message_id,
            "guild_id": post.guild_id,
            "channel_id": post.channel_id,
            "asked_id": asked_id,
            "state": UP,
            "posted_ms": glance.at_ms,
        }
        cited = [
            {
                "post_id": post.message_id,
                "message_id": source.message_id,
                "memory_id": source.memory_id,
                "channel_id": source.channel_id,
                "edited_ms": glance.edited_ms.get(source.message_id, 0),
            }
            for source in sources
        ]
        named = [{"post_id": post.message_id, "user_id": user_id} for user_id in set(people)]
        async with self._db.write() as connection:
            await connection.execute(insert(posts).values(row))
            if cited:
                await connection.execute(insert(post_sources), cited)
            if named:
                await connection.execute(insert(post_people), named)

    async def cited(self, guild_id: int) -> dict[int, set[int]]:
        """The messages that the posts of a server stand on, by channel."""
        query = select(post_sources.c.channel_id, post_sources.c.message_id).distinct()
        query = query.join(posts, posts.c.message_id == post_sources.c.post_id).where(posts.c.guild_id == guild_id)
        places: defaultdict[int, set[int]] = defaultdict(set)
        async with self._db.read() as connection:
            for row in await connection.execute(query):
                places[row.channel_id].add(row.message_id)
        return dict(places)

    async def find_due(self) -> int:
        """Put every post on the list that has lost a source or shows what was changed since; how many."""
        async with self._db.write() as connection:
            return await self._mark(connection, _lost())

    async def standing(self, guild_id: int) -> dict[int, dict[int, set[int]]]:
        """The posts of a server by the channel that they are in, and there by each channel that they show from."""
        query = select(posts.c.channel_id, post_sources.c.channel_id, posts.c.message_id).distinct()
        query = query.join(post_sources, post_sources.c.post_id == posts.c.message_id)
        sources: dict[int, dict[int, set[int]]] = {}
        async with self._db.read() as connection:
            for place, source, post_id in await connection.execute(
                query.where(posts.c.guild_id == guild_id, posts.c.state == UP)
            ):
                sources.setdefault(place, {}).setdefault(source, set()).add(post_id)
        return sources

    async def take_back(self, message_ids: Collection[int]) -> int:
        """Put posts on the list that may not be seen any more; how many."""
        async with self._db.write() as connection:
            return sum([await self._mark(connection, posts.c.message_id.in_(chunk)) for chunk in chunks(message_ids)])

    async def due(self, limit: int) -> list[Post]:
        """Posts to delete in Discord now, those first that wait longest."""
        now = self._clock()
        wanted = select(posts).where(posts.c.state == DUE, posts.c.next_try_ms <= now)
        async with self._db.read() as connection:
            rows = (await connection.execute(wanted.order_by(posts.c.next_try_ms).limit(limit))).all()
        return [Post(row.message_id, row.guild_id, row.channel_id) for row in rows]

    async def gone(self, post: Post) -> None:
        """Discord has no such post any more."""
        async with self._db.write() as connection:
            await self._drop(connection, [post.message_id])

    async def later(self, post: Post, *, removed: bool = False) -> bool:
        """Try again after a growing wait.

        Args:
            post: what could not be deleted.
            removed: the bot is in its server no more.

        Returns:
            False where it was tried for so long in such a server that it is dropped.
        """
        now = self._clock()
        this = posts.c.message_id == post.message_id
        async with self._db.write() as connection:
            row = (await connection.execute(select(posts).where(this))).one_or_none()
            if row is None:
                return True
            if removed and row.due_ms is not None and now - row.due_ms > GIVEN_UP_AFTER_MS:
                await self._drop(connection, [post.message_id])
                return False
            wait = round(1000 * Backoff(FIRST_WAIT_SECONDS).after(row.attempts + 1))
            await connection.execute(
                update(posts).where(this).values(attempts=row.attempts + 1, next_try_ms=now + wait)
            )
        return True

    # --- erasure and data of a member --------------------------------------------------------------------------------

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """Posts that quote the member, name them or answer them."""
        theirs = select(post_people.c.post_id).where(post_people.c.user_id == user_id)
        wanted = select(posts).where(posts.c.message_id.in_(theirs), _in(guild_id)).order_by(posts.c.message_id)
        async with self._db.read() as connection:
            rows = (await connection.execute(wanted)).all()
        return {
            self.name: [
                {"link": jump_url(row.guild_id, row.channel_id, row.message_id), "posted_at": moment(row.posted_ms)}
                for row in rows
            ]
        }

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Put what has lost a source by now on the list, and at last what is in scope."""
        wanted = or_(_lost(), _meant(erased.scope)) if erased.last else _lost()
        return Counter({self.name: await self._mark(connection, wanted)})

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Put what shows the old text on the list."""
        return await self._mark(connection, _lost())

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Put what quotes an expired message on the list."""
        return Counter({self.name: await self._mark(connection, _lost())})

    async def count(self, scope: Scope) -> Counter[str]:
        """Posts in scope that are not on the list."""
        async with self._db.read() as connection:
            query = select(func.count()).select_from(posts).where(posts.c.state == UP, _meant(scope))
            return Counter({self.name: await connection.scalar(query) or 0})

    async def _mark(self, connection: AsyncConnection, wanted: ColumnElement[bool]) -> int:
        """Put posts on the list; what they cite and whom they name is forgotten with that."""
        query = select(posts.c.message_id).where(posts.c.state == UP, wanted)
        ids = list(await connection.scalars(query))
        now = self._clock()
        for chunk in chunks(ids):
            change = update(posts).where(posts.c.message_id.in_(chunk))
            await connection.execute(change.values(state=DUE, asked_id=None, due_ms=now, next_try_ms=now))
            await self._forget(connection, chunk)
        return len(ids)

    async def _drop(self, connection: AsyncConnection, ids: Collection[int]) -> None:
        await self._forget(connection, ids)
        await connection.execute(delete(posts).where(posts.c.message_id.in_(ids)))

    @staticmethod
    async def _forget(connection: AsyncConnection, ids: Collection[int]) -> None:
        await connection.execute(delete(post_sources).where(post_sources.c.post_id.in_(ids)))
        await connection.execute(delete(post_people).where(post_people.c.post_id.in_(ids)))


def _lost() -> ColumnElement[bool]:
    """Posts of which a source is gone or was changed after they were posted, or whose question was deleted."""
    own = post_sources.c.post_id == posts.c.message_id
    quoted = post_sources.c.memory_id == QUOTED
    is_logged = exists().where(messages.c.id == post_sources.c.message_id)
    edited = exists().where(messages.c.id == post_sources.c.message_id, messages.c.edited_ms > post_sources.c.edited_ms)
    cited = exists().where(
        citations.c.memory_id == post_sources.c.memory_id, citations.c.message_id == post_sources.c.message_id
    )
    doubted = exists().where(
        memories.c.id == post_sources.c.memory_id, memories.c.doubt_message_id == post_sources.c.message_id
    )
    corrected = exists().where(
        corrections.c.memory_id == post_sources.c.memory_id, corrections.c.corrected_ms >= posts.c.posted_ms
    )
    deleted = exists().where(tombstones.c.message_id == posts.c.asked_id)
    return or_(
        exists().where(own, quoted, or_(~is_logged, edited)),
        exists().where(own, ~quoted, or_(and_(~cited, ~doubted), corrected)),
        deleted,
    )


def _meant(scope: Scope) -> ColumnElement[bool]:
    """Posts that quote, name or answer what is in scope."""
    conditions = [_in(scope.guild_id)]
    sources = select(post_sources.c.post_id)
    if scope.user_id is not None:
        theirs = select(post_people.c.post_id).where(post_people.c.user_id == scope.user_id)
        conditions.append(posts.c.message_id.in_(theirs))
    if scope.channel_ids is not None:
        from_there = sources.where(post_sources.c.channel_id.in_(scope.channel_ids))
        conditions.append(or_(posts.c.channel_id.in_(scope.channel_ids), posts.c.message_id.in_(from_there)))
    if scope.message_ids is not None:
        of_these = sources.where(post_sources.c.message_id.in_(scope.message_ids))
        conditions.append(or_(posts.c.asked_id.in_(scope.message_ids), posts.c.message_id.in_(of_these)))
    return and_(*conditions)


def _in(guild_id: int | None) -> ColumnElement[bool]:
    return true() if guild_id is None else posts.c.guild_id == guild_id
