"""What the database keeps of the installation's claim to its index on a Qdrant server."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.index.claim import ClaimNumber, Standing
from bot.storage import Store, index_numbers, index_owner, upsert

if TYPE_CHECKING:
    from bot.storage import Database

SETTLED: Final = "settled"
"""How the database says that the holder has held the index for more than a minute."""

_ROW: Final = 1
"""The key of the one row."""


def new_id() -> str:
    """A random id of an installation or a run: twelve hexadecimal digits."""
    return secrets.token_hex(6)


class Owner(NamedTuple):
    """The installation as the database knows it.

    Attributes:
        installation: its id.
        standing: as the keeper last found it.
        settled: whether it has held the index for more than a minute.
        term: see `ClaimNumber`.
        latest: the newest number that was committed.
        take_over: whether it was asked to take over.
    """

    installation: str
    standing: Standing
    settled: bool
    term: int
    latest: ClaimNumber | None
    take_over: bool


class IndexOwner(Store):
    """The installation's id, its numbers and its standing."""

    name = "index owner"
    tables = (index_owner, index_numbers)

    async def load(self) -> Owner:
        """What is known; an installation that has no id yet gets one."""
        query = select(index_owner, index_numbers.c.counter).join(
            index_numbers, index_numbers.c.run == index_owner.c.latest_run, isouter=True
        )
        async with self._db.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            async with self._db.write(patient=True) as connection:
                await self._have_row(connection)
            return await self.load()
        latest = None if row.latest_run is None else ClaimNumber(row.term, row.latest_run, row.counter)
        settled = row.standing == SETTLED
        standing = Standing.HOLDING if settled else Standing(row.standing)
        return Owner(row.installation, standing, settled, row.term, latest, row.take_over)

    async def knows(self, number: ClaimNumber) -> bool:
        """Whether this database once wrote a number, or learned of it."""
        query = select(index_numbers.c.counter).where(index_numbers.c.run == number.run)
        async with self._db.read() as connection:
            counter = await connection.scalar(query)
        return counter is not None and number.counter <= counter

    async def commit(self, number: ClaimNumber) -> None:
        """Keep a number for good, before it is written anywhere."""
        async with self._db.write() as connection:
            await self._keep(connection, number)
            await connection.execute(update(index_owner).values(term=number.term, latest_run=number.run))

    async def learn(self, numbers: Collection[ClaimNumber]) -> None:
        """Know numbers of databases that are gone, or have lost the index, as if this one had written them."""
        if numbers:
            async with self._db.write() as connection:
                for number in numbers:
                    await self._keep(connection, number)

    async def stand(self, standing: Standing, *, settled: bool = False, answered: bool = False) -> None:
        """Tell the other processes how things stand; `answered`: a request to take over is dealt with."""
        request = {"take_over": False} if answered else {}
        async with self._db.write() as connection:
            await connection.execute(
                update(index_owner).values(standing=SETTLED if settled else standing.value, **request)
            )

    async def ask_to_take_over(self, connection: AsyncConnection) -> None:
        """Have the keeper make this database the holder at its next look, in the caller's transaction."""
        await self._have_row(connection)
        await connection.execute(update(index_owner).values(take_over=True))

    async def become_new(self) -> tuple[str, str]:
        """Give the installation a new id, so that it shares nothing with its copies; the old one and the new one."""
        before, installation = (await self.load()).installation, new_id()
        fresh = {"installation": installation, "standing": Standing.WATCHING.value, "take_over": False}
        async with self._db.write(patient=True) as connection:
            await connection.execute(update(index_owner).values(**fresh, term=0, latest_run=None))
        return before, installation

    async def _keep(self, connection: AsyncConnection, number: ClaimNumber) -> None:
        counted = upsert(self._db.dialect, index_numbers).values(run=number.run, counter=number.counter)
        counted = counted.on_conflict_do_update(index_elements=["run"], set_={"counter": number.counter})
        await connection.execute(counted)

    async def _have_row(self, connection: AsyncConnection) -> None:
        first = {"row": _ROW, "installation": new_id(), "standing": Standing.WATCHING.value}
        statement = upsert(self._db.dialect, index_owner).values(**first)
        await connection.execute(statement.on_conflict_do_nothing())


async def ask_to_take_over(db: Database) -> None:
    """Make a restored database the holder of its index on a Qdrant server at the next start, whoever held it before.

    Where its index is embedded, or it is the holder already, this does nothing.
    """
    async with db.write(patient=True) as connection:
        await IndexOwner(db).ask_to_take_over(connection)
