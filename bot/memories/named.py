"""What members who are named in memories may do about it, and who decides whether they are right.

Naming is found by reference: a memory names whom its text refers to. Their name can be taken out of it, or they flag
it as wrong: then it is hidden until somebody decides who said it, or moderates where it was said. What nobody has
decided in two weeks goes on without the name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import NAMELESS, Clock, Memory, MemoryKind, NotFound, Phrase, Refused
from bot.guilds import Action, AuditTrail, SubjectHasher
from bot.memories import flags, rows
from bot.memories.asker import Asker
from bot.memories.flags import FlagState
from bot.memories.listing import MemoryPage, is_of, page_of
from bot.memories.own import ForgetOutcome, OwnMemories
from bot.memories.store import MemoryStore
from bot.observe import mentions
from bot.storage import STATEMENT_IDS, Database, ErasureLine, LineKind, hashed_id, memories, note_lines

MOST_OPEN = 5
"""Flags of one member in a server that may be open at once."""

UNDECIDED_MS = 14 * 24 * 60 * 60 * 1000
"""After so long without a decision the name is taken out."""

NOT_NAMED = Phrase("There is no memory here that you can read and that names you like that; look with /memories.")
NOT_TO_DECIDE = Phrase("There is nothing here for you to decide any more; look with /memories.")
DECIDED = Phrase(
    "It was decided before that this memory stays as it is; it can be flagged again when its text changes."
)
TOO_MANY = Phrase(
    "{most} memories that you flagged still wait for a decision; flag this one when one of them is decided.",
    most=MOST_OPEN,
)

Reword = Callable[[AsyncConnection, Collection[str]], Awaitable[object]]
"""Has public posts that show these memories changed, in the caller's transaction."""


@dataclass(frozen=True, slots=True)
class Named:
    """How somebody stands to the memories that name people.

    Attributes:
        about: how many memories that they can read name them.
        to_decide: how many flags of others are theirs to decide.
        undecided: how many flags of theirs are open.
    """

    about: int = 0
    to_decide: int = 0
    undecided: int = 0


class NamedMembers:
    """Carries out what members who are named ask for, and what is decided on it."""

    def __init__(
        self,
        db: Database,
        store: MemoryStore,
        own: OwnMemories,
        audit: AuditTrail,
        hasher: SubjectHasher,
        clock: Clock,
        reword: Reword,
        *,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        """Open it.

        Args:
            db: the database.
            store: the memories.
            own: forgets memories.
            audit: notes that something was done, and not what.
            hasher: hides in what is noted for backups whose name was taken out.
            clock: the local clock.
            reword: has public posts changed.
            announce: called when a change waits for the index (`Indexer.wake`).
        """
        self._db = db
        self._store = store
        self._own = own
        self._audit = audit
        self._hasher = hasher
        self._clock = clock
        self._reword = reword
        self._announce = announce

    # --- looking -----------------------------------------------------------------------------------------------------

    async def standing(self, asker: Asker) -> Named:
        """How many memories name the asker or wait for their decision, of those that they can read now."""
        async with self._db.read() as connection:
            return Named(
                about=await _count(connection, _about(asker, asker.readable)),
                to_decide=await _count(connection, _to_decide(asker)),
                undecided=await flags.count_open(connection, asker.guild_id, asker.user_id),
            )

    async def about(
        self,
        asker: Asker,
        *,
        readable: frozenset[int],
        kind: MemoryKind | None = None,
        words: str = "",
        among: Collection[str] | None = None,
        offset: int = 0,
        limit: int = 10,
    ) -> MemoryPage:
        """Memories that name the asker and are not hidden, newest first; superseded ones too.

        Arguments are as of `OwnMemories.of_member`; `among` are ids of the only memories that count.
        """
        wanted = and_(_about(asker, readable & asker.readable), is_of(kind))
        if among is not None:
            wanted = and_(wanted, memories.c.id.in_(among))
        async with self._db.read() as connection:
            return await page_of(connection, wanted, asker.readable, words=words, offset=offset, limit=limit)

    async def to_decide(self, asker: Asker, *, offset: int = 0, limit: int = 10) -> MemoryPage:
        """Flagged memories that are the asker's to decide on, newest first; never what they flagged themselves."""
        async with self._db.read() as connection:
            return await page_of(connection, _to_decide(asker), asker.readable, offset=offset, limit=limit)

    # --- of who is named ---------------------------------------------------------------------------------------------

    async def replace_name(self, memory_id: str, asker: Asker) -> None:
        """Take the asker's name out of a memory and of what it replaced.

        Raises:
            NotFound: there is no such memory that names them and that they can read; neutral on purpose.
        """
        async with self._db.write() as connection:
            memory = await self._naming(connection, memory_id, asker)
            await self._take_out(connection, memory, {asker.user_id})
            await self._audit.note(connection, asker.guild_id, Action.NAME_REPLACED, by=None)
        await self._changed()

    async def flag(self, memory_id: str, asker: Asker) -> None:
        """Hide a memory that names the asker and that they say is wrong, until that is decided; again changes nothing.

        Raises:
            NotFound: there is no such memory that names them and that they can read; neutral on purpose.
            Refused: that was decided already, or too many of their flags are open.
        """
        async with self._db.write() as connection:
            memory = await self._naming(connection, memory_id, asker)
            state = await flags.state_of(connection, memory_id, asker.user_id)
            if state is FlagState.OPEN:
                return
            if state is FlagState.KEPT:
                raise Refused(DECIDED)
            if await flags.count_open(connection, asker.guild_id, asker.user_id) >= MOST_OPEN:
                raise Refused(TOO_MANY)
            await self._put(connection, memory, {asker.user_id}, FlagState.OPEN)
            await self._audit.note(connection, asker.guild_id, Action.MEMORY_FLAGGED, by=None)

    # --- deciding ----------------------------------------------------------------------------------------------------

    async def keep(self, memory_id: str, asker: Asker) -> None:
        """Decide that a flagged memory stays as it is, and show it again.

        Raises:
            NotFound: no such flag is the asker's to decide; neutral on purpose.
        """
        async with self._db.write() as connection:
            memory, _ = await self._flagged(connection, memory_id, asker)
            await flags.keep(connection, memory_id, self._clock())
            await self._note_decision(connection, memory, asker)

    async def take_out_names(self, memory_id: str, asker: Asker) -> None:
        """Decide that a flagged memory is shown again without the names of those who flagged it.

        Raises:
            NotFound: no such flag is the asker's to decide; neutral on purpose.
        """
        async with self._db.write() as connection:
            memory, flagging = await self._flagged(connection, memory_id, asker)
            await self._take_out(connection, memory, flagging)
            await self._note_decision(connection, memory, asker)
        await self._changed()

    async def forget(self, memory_id: str, asker: Asker) -> ForgetOutcome:
        """Forget a memory, or the asker's part in it, as `OwnMemories.forget` does; one that is flagged is decided so.

        Where others said it too it stays hidden, and they decide.

        Raises:
            NotFound: no such memory, or not the asker's to forget; neutral on purpose.
        """
        async with self._db.read() as connection:
            memory = (await self._store.load(connection, [memory_id])).get(memory_id)
            flagged = bool(await flags.open_of(connection, memory_id))
        outcome = await self._own.forget(memory_id, asker)
        if memory is not None and flagged and outcome is ForgetOutcome.REMOVED:
            async with self._db.write() as connection:
                await self._note_decision(connection, memory, asker)
        return outcome

    async def settle_overdue(self) -> int:
        """Take the names out of what nobody has decided in time, and show it again; how many flags that ends."""
        before_ms = self._clock() - UNDECIDED_MS
        async with self._db.read() as connection:
            due = await flags.overdue(connection, before_ms, STATEMENT_IDS)
        for memory_id, user_id in due:
            async with self._db.write() as connection:
                memory = (await self._store.load(connection, [memory_id])).get(memory_id)
                if memory is not None and user_id in await flags.open_of(connection, memory_id):
                    await self._take_out(connection, memory, {user_id})
                    await self._audit.note(connection, memory.guild_id, Action.NAME_REPLACED, by=None)
        if due:
            await self._changed()
        return len(due)

    async def take_back(self, memory_id: str, user_id: int) -> None:
        """Take a name out of a memory in a restored database, as it was before."""
        async with self._db.write() as connection:
            memory = (await self._store.load(connection, [memory_id])).get(memory_id)
            if memory is not None:
                await self._take_out(connection, memory, {user_id})

    # --- details -----------------------------------------------------------------------------------------------------

    async def _naming(self, connection: AsyncConnection, memory_id: str, asker: Asker) -> Memory:
        """The memory, which names the asker; hidden or not, for others who are named may have flagged it meanwhile."""
        memory = (await self._store.load(connection, [memory_id])).get(memory_id)
        if memory is None or not asker.is_named(memory):
            raise NotFound(NOT_NAMED)
        return memory

    async def _flagged(
        self, connection: AsyncConnection, memory_id: str, asker: Asker
    ) -> tuple[Memory, frozenset[int]]:
        """The memory, on which the asker may decide, and who flagged it."""
        memory = (await self._store.load(connection, [memory_id])).get(memory_id)
        flagging = await flags.open_of(connection, memory_id)
        if memory is None or not flagging or asker.user_id in flagging or not asker.may_decide(memory):
            raise NotFound(NOT_TO_DECIDE)
        return memory, flagging

    async def _take_out(self, connection: AsyncConnection, memory: Memory, user_ids: Collection[int]) -> None:
        """Take names out of a memory and of what it replaced, for good."""
        past = await self._store.with_past(connection, [memory.id])
        reworded = await self._store.take_out(connection, past, frozenset(user_ids), NAMELESS)
        for each in {m.id: m for m in (memory, *reworded)}.values():
            await self._put(connection, each, user_ids, FlagState.NAMELESS)
        await self._reword(connection, [each.id for each in reworded])
        await note_lines(connection, [self._line(each, user_id) for each in reworded for user_id in user_ids])

    def _line(self, memory: Memory, user_id: int) -> ErasureLine:
        """What keeps a name from coming back with a backup."""
        return ErasureLine(
            kind=LineKind.NAME,
            at_ms=self._clock(),
            guild_id=memory.guild_id,
            memory_id=hashed_id(memory.id),
            subject=self._hasher.subject(user_id),
        )

    async def _put(
        self, connection: AsyncConnection, memory: Memory, user_ids: Collection[int], state: FlagState
    ) -> None:
        await flags.put(connection, self._db.dialect, memory, user_ids, state, self._clock())

    async def _note_decision(self, connection: AsyncConnection, memory: Memory, asker: Asker) -> None:
        """Note who decided where that is a moderator, and not who said what."""
        by = None if asker.user_id in memory.author_ids else asker.user_id
        await self._audit.note(connection, asker.guild_id, Action.FLAG_DECIDED, by=by)

    async def _changed(self) -> None:
        """Let the index learn of it, and let the name leave the files."""
        self._announce()
        await self._db.scrub()


def _about(asker: Asker, readable: frozenset[int]) -> ColumnElement[bool]:
    """Memories of the asker's server that name them and may be shown to them."""
    named = mentions(memories.c.text, asker.user_id)
    return and_(memories.c.guild_id == asker.guild_id, named, rows.shown_to(readable))


def _to_decide(asker: Asker) -> ColumnElement[bool]:
    """Memories that others flagged and that the asker may decide on."""
    flagged = and_(memories.c.guild_id == asker.guild_id, flags.flagged_by_others(asker.user_id))
    theirs = or_(rows.states_author(asker.user_id), rows.within(asker.moderated & asker.readable))
    return and_(flagged, rows.within(asker.readable), theirs)


async def _count(connection: AsyncConnection, wanted: ColumnElement[bool]) -> int:
    return await connection.scalar(select(func.count()).select_from(memories).where(wanted)) or 0
