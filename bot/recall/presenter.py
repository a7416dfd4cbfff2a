"""What is about to be shown is compared with Discord first: nothing is shown that was deleted or edited meanwhile.

Comparing takes time, in which more may change and permissions may be lost. So what is shown is read twice: before it
is compared, to know which messages it stands on, and afterwards, as it is then and for whom it is then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from bot.domain import Hit, Memory
from bot.recall.hits import Hits

if TYPE_CHECKING:
    from bot.memories import MemoryStore
    from bot.observe import MessageLog

ROUNDS = 3
"""How often something is compared anew because what was read afterwards stands on other messages."""

Item = TypeVar("Item", Hit, Memory)

Reading = Callable[[], Awaitable[frozenset[int]]]
"""Tells what may be read at the moment when it is called; a search, a comparison or a model may take seconds."""


class Comparison(Protocol):
    """Compares kept messages with Discord."""

    async def check(self, guild_id: int, places: Mapping[int, Collection[int]]) -> frozenset[int]:
        """Compare messages, by channel, and have the differences applied; those that could not be compared."""


@dataclass(frozen=True, slots=True)
class Presented(Generic[Item]):
    """What may be shown.

    Attributes:
        items: as they are now, all of them compared.
        incomplete: whether something is left out because it could not be compared.
    """

    items: tuple[Item, ...]
    incomplete: bool


class Presenter:
    """Brings up to date what is about to be shown."""

    def __init__(
        self,
        log: MessageLog,
        store: MemoryStore,
        comparison: Comparison,
        opted_out: Callable[[int, int], bool] = lambda guild_id, user_id: False,
    ) -> None:
        """Prepare comparing.

        Args:
            log: the messages.
            store: the memories.
            comparison: compares with Discord.
            opted_out: tells of a server and a member whether they opted out.
        """
        self._opted_out = opted_out
        self._hits = Hits(log, store)
        self._store = store
        self._comparison = comparison

    async def present(
        self, guild_id: int, read: Callable[[frozenset[int]], Awaitable[Sequence[Item]]]
    ) -> Presented[Item]:
        """Compare what `read` gives, until all that it gives has been compared.

        Args:
            guild_id: where it was said.
            read: gives the items as they are at that moment, and as they may be seen at that moment; told of the
                messages that could not be compared, for a page is filled with other items then.
        """
        doubtful: frozenset[int] = frozenset()
        compared: set[int] = set()
        for _ in range(ROUNDS):
            places = places_of(await read(doubtful), doubts=True)
            compared.update(*places.values())
            doubtful |= await self._comparison.check(guild_id, places)
            items = await read(doubtful)
            if all(_shown_by(item) <= compared for item in items):
                break
        sure = compared - doubtful
        known = (_surely_doubted(item, sure) for item in items if cited_by(item) <= sure)
        return Presented(tuple(known), incomplete=bool(doubtful))

    async def fresh(self, hits: Sequence[Hit], reading: Reading) -> list[Hit]:
        """Those of `hits` that are still there and may be read, as they are now, without comparing them."""
        return await self._hits.fresh(hits, await reading())

    async def again(self, guild_id: int, hits: Sequence[Hit], reading: Reading) -> Presented[Hit]:
        """Those of `hits` that may be shown, as they are now, compared with Discord."""

        async def read(_: frozenset[int]) -> Sequence[Hit]:
            return await self.fresh(hits, reading)

        return await self.present(guild_id, read)

    async def changed(self, hits: Sequence[Hit], reading: Reading) -> bool:
        """Whether one of these hits is not any more what it was, or may not be shown any more.

        What a member who opted out said is not to be shown from then on, while it is being erased still.
        """
        if any(self._opted_out(hit.guild_id, author_id) for hit in hits for author_id in hit.author_ids):
            return True
        return list(hits) != await self.fresh(hits, reading)

    async def past(self, guild_id: int, memory_ids: Sequence[str], reading: Reading) -> dict[str, list[Memory]]:
        """What these memories replaced, newest first, as far as it may be read and still stands so."""
        past: dict[str, list[Memory]] = {}

        async def read(_: frozenset[int]) -> Sequence[Memory]:
            nonlocal past
            past = await self._store.before(memory_ids, readable=await reading())
            return list(chain.from_iterable(past.values()))

        sure = {memory.id for memory in (await self.present(guild_id, read)).items}
        return {newer: [memory for memory in older if memory.id in sure] for newer, older in past.items()}


def cited_by(item: Hit | Memory) -> set[int]:
    """The messages that a hit quotes, or that a memory stands on."""
    return {message_id for _, message_id in _citations(item)}


def places_of(items: Iterable[Hit | Memory], *, doubts: bool = False) -> dict[int, set[int]]:
    """The messages that hits and memories stand on, by channel; with `doubts` those by which they may have changed."""
    places: defaultdict[int, set[int]] = defaultdict(set)
    for item in items:
        for channel_id, message_id in (*_citations(item), *(_doubt_of(item) if doubts else ())):
            places[channel_id].add(message_id)
    return dict(places)


def _shown_by(item: Hit | Memory) -> set[int]:
    """The messages that it stands on, and the one by which it may have changed."""
    return cited_by(item) | {message_id for _, message_id in _doubt_of(item)}


def _surely_doubted(item: Item, sure: Collection[int]) -> Item:
    """The item, in doubt only because of a message that was compared."""
    if all(message_id in sure for _, message_id in _doubt_of(item)):
        return item
    memory = item.memory if isinstance(item, Hit) else item
    certain = None if memory is None else replace(memory, doubt=None)
    return replace(item, memory=certain) if isinstance(item, Hit) else replace(item, doubt=None)


def _doubt_of(item: Hit | Memory) -> list[tuple[int, int]]:
    """The message by which it may have changed, after its channel, if there is one."""
    memory = item.memory if isinstance(item, Hit) else item
    doubt = None if memory is None else memory.doubt
    return [] if doubt is None else [(doubt.channel_id, doubt.message_id)]


def _citations(item: Hit | Memory) -> list[tuple[int, int]]:
    """Each message behind an item, after its channel."""
    match item:
        case Hit(memory=Memory() as memory) | (Memory() as memory):
            return [(citation.channel_id, citation.message_id) for citation in memory.citations]
        case _:
            return [(item.anchor_channel_id, message_id) for message_id in item.message_ids]
