"""How far filling the index anew is, for who watches beside the process that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bot.domain import UserError
from bot.index.claim import Standing
from bot.index.generations import Generations, GenerationState
from bot.index.keeper import IS_COPY
from bot.index.owner import IndexOwner
from bot.storage import memories

if TYPE_CHECKING:
    from bot.index.message_vectors import MessageVectors
    from bot.storage import Database


class Onlooker:
    """Has the running bot fill the index anew, and sees how far it is."""

    def __init__(self, db: Database, generations: Generations, messages: MessageVectors) -> None:
        self._db = db
        self._generations = generations
        self._messages = messages

    async def ask(self) -> int:
        """Ask for it; the number of the generation that is in use now.

        Raises:
            UserError: there is no index yet, or it is another database's.
        """
        state = await self._known()
        if state.in_use.made.server and (await IndexOwner(self._db).load()).standing is Standing.COPY:
            raise UserError(IS_COPY[0].upper() + IS_COPY[1:])
        await self._generations.ask()
        return state.in_use.number

    async def standing(self) -> tuple[int, int, int]:
        """The number of the generation in use, how many memories the next one holds, and how many there are."""
        state = await self._known()
        return state.in_use.number, *await copied(self._db, state)

    async def messages(self) -> int:
        """How many messages the index holds besides."""
        return await self._messages.count_told()

    async def _known(self) -> GenerationState:
        state = await self._generations.known()
        if state is None:
            raise UserError("The running bot has no vector index; see `python -m bot doctor`")
        return state


async def copied(db: Database, state: GenerationState) -> tuple[int, int]:
    """How many memories are copied, and how many there are."""
    filled = select(func.count()).select_from(memories).where(memories.c.seq <= state.done)
    async with db.read() as connection:
        total = await connection.scalar(select(func.count()).select_from(memories)) or 0
        return await connection.scalar(filled) or 0, total
