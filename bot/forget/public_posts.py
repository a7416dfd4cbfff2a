"""What the bot posted for everybody to see, and what it cites: such a post goes when one of its sources goes.

Nothing of a post's text is kept, only where it is and what it stands on. A post is due when a cited message or memory
is no longer there, was changed since, or belongs to what is erased. That is read off the state of the tables, so no way
of deleting has to think of it, and what is due stays on the list until Discord has confirmed that the post is gone.

Some posts consist of lines, each of one memory: such a post loses the line that lost a source, and stays on the list
until it was edited in Discord; it goes with its last line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Backoff, Clock
from bot.forget.post_sources import (
    Glance,
    Post,
    PostSource,
    in_guild,
    is_lost,
    line_of_post,
    lines_in,
    lines_meant,
    link_of,
    posts_meant,
)
from bot.storage import (
    Sections,
    Store,
    chunks,
    memories,
    messages,
    moment,
    note_lines,
    post_people,
    post_sources,
    posts,
    tombstones,
    upsert,
)

if TYPE_CHECKING:
    from bot.storage import Database, Edited, Erased, Expired, Scope

FIRST_WAIT_SECONDS = 5.0
GIVEN_UP_AFTER_MS = 30 * 24 * 60 * 60 * 1000
"""A server that the bot was removed from never lets it delete; after this time the ids of its posts are dropped."""

UP, EDIT, DUE = "up", "edit", "due"
STANDING = (UP, EDIT)
Also = Callable[[AsyncConnection], Awaitable[None]]
"""Notes in the same transaction what hangs on it."""


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
        also: Also | None = None,
    ) -> None:
        """Note a post before its text is shown; one that consists of lines is on the list until it was.

        Args:
            post: where it is.
            glance: how the sources stood before they were read.
            sources: what it stands on.
            people: whoever is quoted, named or asked; erasing one of them takes the post down.
            asked_id: the snowflake of the question, where it is one of a member whose messages may be kept.
            also: notes more, or raises, and then nothing is noted.
        """
        row = {
            "message_id": post.message_id,
            "guild_id": post.guild_id,
            "channel_id": post.channel_id,
            "asked_id": asked_id,
            "state": UP if post.covers_ms is None else EDIT,
            "posted_ms": glance.at_ms,
            "covers_ms": post.covers_ms,
        }
        async with self._db.write() as connection:
            await connection.execute(insert(posts).values(row))
            await note_lines(connection, [line_of_post(post, self._clock())])
            await self._cite(connection, post, sources, people, glance)
            if also is not None:
                await also(connection)

    async def take_down(self, unknown: Collection[Post]) -> None:
        """Put posts on the list of which a restored database does not know what they stand on."""
        now = self._clock()
        fresh = upsert(self._db.dialect, posts).on_conflict_do_nothing(index_elements=[posts.c.message_id])
        rows = [
            {
                "message_id": post.message_id,
                "guild_id": post.guild_id,
                "channel_id": post.channel_id,
                "state": DUE,
                "posted_ms": now,
                "due_ms": now,
            }
            for post in unknown
        ]
        async with self._db.write() as connection:
            for chunk in chunks(rows):
                await connection.execute(fresh, chunk)

    async def extend(
        self, post: Post, sources: Collection[PostSource], people: Collection[int], *, glance: Glance
    ) -> bool:
        """Note what a post stands on besides, before that is shown; False where the post goes already.

        What it stood on before counts on: all of it was seen.
        """
        async with self._db.write() as connection:
            this = (posts.c.message_id == post.message_id, posts.c.state == UP)
            if await connection.scalar(select(posts.c.state).where(*this)) is None:
                return False
            await self._cite(connection, post, sources, people, glance)
        return True

    async def _cite(
        self,
        connection: AsyncConnection,
        post: Post,
        sources: Collection[PostSource],
        people: Collection[int],
        glance: Glance,
    ) -> None:
        cited = [
            {
                "post_id": post.message_id,
                "message_id": source.message_id,
                "memory_id": source.memory_id,
                "channel_id": source.channel_id,
                "edited_ms": glance.edited_ms.get(source.message_id, 0),
                "line": source.line,
            }
            for source in sources
        ]
        named = [{"post_id": post.message_id, "user_id": user_id} for user_id in set(people)]
        if cited:
            await connection.execute(upsert(self._db.dialect, post_sources).on_conflict_do_nothing(), cited)
        if named:
            await connection.execute(upsert(self._db.dialect, post_people).on_conflict_do_nothing(), named)

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
            return await self._find_lost(connection)

    async def standing(self, guild_id: int) -> dict[int, set[int]]:
        """The channels of a server that posts show from, by the channel that the posts are in."""
        query = select(posts.c.channel_id, post_sources.c.channel_id).distinct()
        query = query.join(post_sources, post_sources.c.post_id == posts.c.message_id)
        sources: defaultdict[int, set[int]] = defaultdict(set)
        async with self._db.read() as connection:
            for place, source in await connection.execute(
                query.where(posts.c.guild_id == guild_id, posts.c.state.in_(STANDING))
            ):
                sources[place].add(source)
        return dict(sources)

    async def hide(self, place_id: int, source_ids: Collection[int]) -> int:
        """Put what shows from these channels in that place on the list; how many posts."""
        async with self._db.write() as connection:
            from_there = (post_sources.c.channel_id.in_(chunk) for chunk in chunks(source_ids))
            place = posts.c.channel_id == place_id
            return sum([await self._strike(connection, place, condition) for condition in from_there])

    async def take_back(self, message_ids: Collection[int]) -> int:
        """Put posts on the list that may not be seen any more; how many."""
        async with self._db.write() as connection:
            return sum([await self._mark(connection, posts.c.message_id.in_(chunk)) for chunk in chunks(message_ids)])

    async def reword(self, connection: AsyncConnection, memory_ids: Collection[str]) -> None:
        """Have posts edited whose lines tell these memories, which were reworded, in the caller's transaction."""
        now = self._clock()
        for chunk in chunks(memory_ids):
            telling = select(post_sources.c.post_id).where(post_sources.c.memory_id.in_(chunk))
            lined = (posts.c.covers_ms.is_not(None), posts.c.state.in_(STANDING), posts.c.message_id.in_(telling))
            change = update(posts).where(*lined).values(state=EDIT, due_ms=now, next_try_ms=now)
            await connection.execute(change)

    async def due(self, limit: int) -> list[Post]:
        """Posts to delete in Discord now, those first that wait longest."""
        return await self._listed(DUE, limit)

    async def to_edit(self, limit: int) -> list[Post]:
        """Posts that consist of lines and are to be edited in Discord now."""
        return await self._listed(EDIT, limit)

    async def _listed(self, state: str, limit: int) -> list[Post]:
        wanted = select(posts).where(posts.c.state == state, posts.c.next_try_ms <= self._clock())
        async with self._db.read() as connection:
            rows = (await connection.execute(wanted.order_by(posts.c.next_try_ms).limit(limit))).all()
        return [Post(row.message_id, row.guild_id, row.channel_id, row.covers_ms) for row in rows]

    async def lines(self, post: Post) -> list[str]:
        """The memories that a post consists of, in order."""
        async with self._db.read() as connection:
            return await lines_in(connection, post)

    async def is_known(self, message_id: int) -> bool:
        """Whether this message is noted."""
        async with self._db.read() as connection:
            return await connection.scalar(select(posts.c.state).where(posts.c.message_id == message_id)) is not None

    async def is_answer(self, message_id: int) -> bool:
        """Whether this message stands and answers somebody."""
        this = (posts.c.message_id == message_id, posts.c.state == UP, posts.c.covers_ms.is_(None))
        async with self._db.read() as connection:
            return await connection.scalar(select(posts.c.state).where(*this)) is not None

    async def was_edited(self, post: Post, shown: Mapping[str, int], people: Collection[int]) -> bool:
        """Discord shows these memories, in these versions, as the lines of a post now.

        False where other lines stand by now, or one has another text; then it stays on the list.
        """
        named = [{"post_id": post.message_id, "user_id": user_id} for user_id in set(people)]
        this = posts.c.message_id == post.message_id
        async with self._db.write() as connection:
            lines = await lines_in(connection, post)
            known = select(memories.c.id, memories.c.version).where(memories.c.id.in_(lines))
            if set(lines) != shown.keys() or shown != {row.id: row.version for row in await connection.execute(known)}:
                return False
            change = update(posts).where(this, posts.c.state == EDIT)
            await connection.execute(change.values(state=UP, due_ms=None, attempts=0, next_try_ms=0))
            await connection.execute(delete(post_people).where(post_people.c.post_id == post.message_id))
            if named:
                await connection.execute(insert(post_people), named)
        return True

    async def gone(self, post: Post) -> None:
        """Discord has no such post any more."""
        async with self._db.write() as connection:
            await self._drop(connection, [post.message_id])

    async def later(self, post: Post, *, removed: bool = False) -> bool:
        """Try again after a growing wait.

        Args:
            post: what could not be deleted or edited.
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
        wanted = select(posts).where(posts.c.message_id.in_(theirs), in_guild(guild_id)).order_by(posts.c.message_id)
        async with self._db.read() as connection:
            rows = (await connection.execute(wanted)).all()
        return {self.name: [{"link": link_of(row), "posted_at": moment(row.posted_ms)} for row in rows]}

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Put what has lost a source by now on the list, and at last what is in scope."""
        marked = await self._find_lost(connection)
        if erased.last:
            marked += await self._mark(connection, posts.c.covers_ms.is_(None), posts_meant(erased.scope))
            if erased.scope.user_id is None:
                marked += await self._strike(connection, posts.c.covers_ms.is_not(None), lines_meant(erased.scope))
            else:
                marked += await self._unname(connection, erased.scope)
        return Counter({self.name: marked})

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Put what shows the old text on the list."""
        return await self._find_lost(connection)

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Put what quotes an expired message on the list."""
        return Counter({self.name: await self._find_lost(connection)})

    async def count(self, scope: Scope) -> Counter[str]:
        """Posts in scope that are not on the list."""
        async with self._db.read() as connection:
            query = select(func.count()).select_from(posts).where(posts.c.state.in_(STANDING), posts_meant(scope))
            return Counter({self.name: await connection.scalar(query) or 0})

    async def _find_lost(self, connection: AsyncConnection) -> int:
        """Put what has lost a source, or whose question was deleted, on the list."""
        deleted = exists().where(tombstones.c.message_id == posts.c.asked_id)
        return await self._strike(connection, is_lost()) + await self._mark(connection, deleted)

    async def _strike(self, connection: AsyncConnection, *sources: ColumnElement[bool]) -> int:
        """Put posts on the list that stand on such sources: whole, or without the lines that do; how many."""
        query = select(post_sources.c.post_id, post_sources.c.memory_id, posts.c.covers_ms).distinct()
        query = query.join(posts, posts.c.message_id == post_sources.c.post_id)
        rows = (await connection.execute(query.where(posts.c.state.in_(STANDING), *sources))).all()
        lines = [(row.post_id, row.memory_id) for row in rows if row.covers_ms is not None]
        for post_id, memory_id in lines:
            own = (post_sources.c.post_id == post_id, post_sources.c.memory_id == memory_id)
            await connection.execute(delete(post_sources).where(*own))
        touched, now = {row.post_id for row in rows}, self._clock()
        for chunk in chunks({post_id for post_id, _ in lines}):
            stand = set(
                await connection.scalars(select(post_sources.c.post_id).where(post_sources.c.post_id.in_(chunk)))
            )
            change = update(posts).where(posts.c.message_id.in_(stand), posts.c.state == UP)
            await connection.execute(change.values(state=EDIT, due_ms=now, next_try_ms=now))
            touched -= stand
        for chunk in chunks(touched):
            await self._mark(connection, posts.c.message_id.in_(chunk))
        return len({row.post_id for row in rows})

    async def _unname(self, connection: AsyncConnection, scope: Scope) -> int:
        """Have posts edited whose lines name a member: what they tell is told without the name by now."""
        named = posts_meant(scope)
        ids = list(await connection.scalars(select(posts.c.message_id).where(posts.c.state.in_(STANDING), named)))
        now = self._clock()
        for chunk in chunks(ids):
            change = update(posts).where(posts.c.message_id.in_(chunk))
            await connection.execute(change.values(state=EDIT, due_ms=now, next_try_ms=now))
            theirs = (post_people.c.post_id.in_(chunk), post_people.c.user_id == scope.user_id)
            await connection.execute(delete(post_people).where(*theirs))
        return len(ids)

    async def _mark(self, connection: AsyncConnection, *wanted: ColumnElement[bool]) -> int:
        """Put posts on the list; what they cite and whom they name is forgotten with that."""
        query = select(posts.c.message_id).where(posts.c.state.in_(STANDING), *wanted)
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
