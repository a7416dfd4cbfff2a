"""What a memory looks like in the vector index, and how it gets through mem0.

The index holds no text and nothing that text could be made from but the vector: mem0 puts a memory's text, its hash and
its lemmas into the payload, and they are taken out again before anything is stored.
"""

from __future__ import annotations

import uuid
from array import array
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from bot.domain import Memory, Message, snowflake

COLLECTION: Final = "discord_memories"

SCHEMA: Final = 1
"""Version of the fields below. Points without it belong to another program and are left alone."""

TENANT: Final = "agent_id"
"""mem0's word for the scope of a memory: here the guild, as text. Every search compares it.

The messages of a guild are a scope of their own, so that neither kind is in the way of a search for the other."""

LOOKUPS: Final = ("channel_ids", "author_ids")
"""Numbers that searches look for."""

OWNER: Final = "installation"
"""On a Qdrant server: the id of the installation that a point belongs to. What carries another is left alone."""

RANGE: Final = "said_ms"
"""A number that searches bound."""

_KEPT = frozenset({TENANT, *LOOKUPS, RANGE, "memory_id", "kind", "said_id", "version", "schema"})

PAGE: Final = 1_000
"""Ids in one page of a scroll."""

Filters = dict[str, Any]
"""mem0's words for conditions on payload fields."""


@dataclass(frozen=True, slots=True)
class Point:
    """A memory as it is stored. The point's id is the memory's, so that writing it again replaces it."""

    id: str
    vector: Sequence[float]
    payload: dict[str, Any]

    @property
    def packed(self) -> bytes:
        """The vector as 32-bit floats."""
        return packed(self.vector)


class FoundPoint(NamedTuple):
    """A point that a search found; `score` is the cosine similarity."""

    id: str
    score: float
    payload: Mapping[str, Any]


class PointStore(Protocol):
    """Where points are kept: one class for Qdrant Edge, one for a Qdrant server. Called from threads.

    Raises ServiceUnavailable and ServiceRejected.
    """

    def write(self, points: Sequence[Point]) -> None:
        """Write points, durable on return; those that are there already are replaced."""

    def remove(self, point_ids: Sequence[str]) -> None:
        """Remove points and what files of ours hold of them; unknown ids are fine."""

    def search(self, vector: Sequence[float], filters: Filters, limit: int) -> list[FoundPoint]:
        """The points nearest to `vector`, best first."""

    def count(self, filters: Filters) -> int:
        """How many points match."""

    def page(self, filters: Filters, after: str | None) -> tuple[list[str], str | None]:
        """Ids of matching points, PAGE at a time, and where the next page begins (None: this was the last)."""

    def others(self) -> int:
        """How many points in the same place belong to others."""

    def close(self) -> None:
        """Release files and connections."""


def packed(vector: Sequence[float]) -> bytes:
    """A vector as 32-bit floats."""
    return array("f", vector).tobytes()


def other_size(dims: int, size: object, where: str) -> str:
    """The line for an operator whose settings and index disagree on the size of a vector."""
    return (
        f"EMBEDDING_DIMS is {dims}, but {where} holds vectors of {size} numbers: set EMBEDDING_MODEL and "
        f"EMBEDDING_DIMS back to what it was made with, or run `python -m bot reindex` to embed everything again"
    )


@dataclass(slots=True)
class StoreCall:
    """One use of mem0: the vectors that it asks for, and the points that it means to store.

    mem0 embeds and stores one memory at a time. It gets the vectors of a whole call from here, and leaves its points
    here, so that a call costs one embedding request and one write however many memories it has.
    """

    vectors: Mapping[str, list[float]]
    points: list[Point] = field(default_factory=list)


CALL: ContextVar[StoreCall] = ContextVar("CALL")
"""The call at hand; mem0 hands it on to the threads that it works in."""


def tenant(guild_id: int, *, messages: bool = False) -> str:
    """The scope of a guild's memories, or of its messages."""
    return f"{guild_id}:messages" if messages else str(guild_id)


def metadata(source: Memory | Message) -> dict[str, Any]:
    """Our fields of a memory or a message, but for the scope, which mem0 takes by itself."""
    said_id = source.id if isinstance(source, Message) else source.newest.message_id
    payload = {
        "said_id": said_id,
        "said_ms": snowflake.to_ms(said_id),  # ranges are compared as 64-bit floats, which can't tell snowflakes apart
        "schema": SCHEMA,
    }
    if isinstance(source, Message):
        place = {"channel_ids": [source.channel_id], "author_ids": [source.author_id]}
        return {"memory_id": point_id(source.id), "kind": "message", "version": 1, **place, **payload}
    return {
        "memory_id": source.id,
        "channel_ids": sorted(source.channel_ids),
        "author_ids": sorted(source.author_ids),
        "kind": source.kind.value,
        "version": source.version,
        **payload,
    }


def point_id(message_id: int) -> str:
    """The id of a message's point: its snowflake, in the form of a UUID. No memory's id looks like that."""
    return str(uuid.UUID(int=message_id))


def gather(vectors: Sequence[Sequence[float]], payloads: Sequence[Mapping[str, Any]]) -> None:
    """Add what mem0 means to store to the call at hand, under our ids and without its text."""
    CALL.get().points.extend(
        Point(payload["memory_id"], vector, {name: payload[name] for name in payload.keys() & _KEPT})
        for vector, payload in zip(vectors, payloads, strict=True)
    )


def own() -> Filters:
    """Matches the points of this program."""
    return {"schema": SCHEMA}


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorQuery:
    """What to look for in a vector index.

    Attributes:
        guild_id: only what was said there.
        text: with names rather than references; one embedding request unless it was prefetched.
        channel_ids: only memories of which every cited channel is among these; None means any channel.
        author_id: only memories that cite this member.
        up_to: only memories whose newest cited message is this snowflake or older.
        since: only memories whose newest cited message is this snowflake or newer.
        messages: look for messages instead of memories.
        limit: at most so many.
    """

    guild_id: int
    text: str
    channel_ids: frozenset[int] | None
    author_id: int | None = None
    up_to: int | None = None
    since: int | None = None
    messages: bool = False
    limit: int


def filters_of(query: VectorQuery) -> Filters:
    """The filter of a search, in mem0's words."""
    filters: Filters = {"agent_id": tenant(query.guild_id, messages=query.messages), **own()}
    if query.channel_ids is not None:
        channels = sorted(query.channel_ids)
        filters["channel_ids"] = {"in": channels}
        filters["NOT"] = [{"channel_ids": {"nin": channels}}]  # "nin" holds where any channel is another one
    if query.author_id is not None:
        filters["author_ids"] = query.author_id
    bounds = {"lte": query.up_to, "gte": query.since}
    if times := {name: snowflake.to_ms(bound) for name, bound in bounds.items() if bound is not None}:
        filters["said_ms"] = times
    return filters
