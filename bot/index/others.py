"""The indexes of other installations on the same Qdrant server: which there are, and the one way to remove one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.domain import UserError
from bot.index.points import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.index.layout import QdrantAddress
    from bot.index.marks import Mark

WATCHES: Final = 12
WATCH_SECONDS: Final = 5.0
"""Looks, and seconds between them, that show whether somebody works in an index: a holder writes every 20 s."""


@dataclass(frozen=True, slots=True)
class OtherIndex:
    """What an installation has on a server.

    Attributes:
        installation: its id.
        collections: their names.
        marks: one for each collection that has one.
    """

    installation: str
    collections: tuple[str, ...]
    marks: tuple[Mark, ...]

    @property
    def written_ms(self) -> int:
        """When its holder last wrote its number, by that one's clock; 0 where none did."""
        return max((mark.written_ms for mark in self.marks), default=0)


async def indexes_on(address: QdrantAddress) -> dict[str, OtherIndex]:
    """What each installation has on a server, by its id.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    return await asyncio.to_thread(_indexes_on, address)


async def remove_index_of(
    installation: str, address: QdrantAddress, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Remove all that an installation has on a server, after a minute in which nobody wrote there.

    Raises:
        UserError: it has nothing there, or somebody works in it.
        ServiceError: the server does not answer, or declined.
    """
    index = (await indexes_on(address)).get(installation)
    if index is None:
        raise UserError(f"There is no index of {installation} there; `python -m bot doctor` lists those that there are")
    for _ in range(WATCHES):
        await sleep(WATCH_SECONDS)
        if (await indexes_on(address)).get(installation) != index:
            raise UserError(f"The index of {installation} is in use: stop the bot that it belongs to first")
    await asyncio.to_thread(_remove, index, address)


def _indexes_on(address: QdrantAddress) -> dict[str, OtherIndex]:
    from bot.index.collection import names
    from bot.index.marks import mark_of, owner_of
    from bot.index.qdrant_store import connected

    by_owner: defaultdict[str, list[str]] = defaultdict(list)
    marks: defaultdict[str, list[Mark]] = defaultdict(list)
    with connected(address) as client:
        for name in sorted(names(client)):
            owner = owner_of(client, name) if name.startswith(COLLECTION) else None
            if owner is None:
                continue
            by_owner[owner].append(name)
            if (mark := mark_of(client, name)) is not None:
                marks[owner].append(mark)
    return {owner: OtherIndex(owner, tuple(held), tuple(marks[owner])) for owner, held in by_owner.items()}


def _remove(index: OtherIndex, address: QdrantAddress) -> None:
    from qdrant_client import models

    from bot.index.collection import clear
    from bot.index.qdrant_store import connected

    with connected(address) as client:
        named = [alias for alias in client.get_aliases().aliases if alias.collection_name in index.collections]
        gone = [models.DeleteAlias(alias_name=alias.alias_name) for alias in named]
        if gone:
            client.update_collection_aliases([models.DeleteAliasOperation(delete_alias=alias) for alias in gone])
        for name in index.collections:
            clear(client, index.installation, name)
