"""Where a Qdrant server is, and how a collection is spread over a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.domain import QDRANT, QDRANT_PORT, Server, qdrant_address


@dataclass(frozen=True, slots=True)
class QdrantAddress:
    """Where a Qdrant server is: MEM0_QDRANT_URL, or else MEM0_QDRANT_HOST and MEM0_QDRANT_PORT."""

    url: str | None = None
    host: str | None = None
    port: int = QDRANT_PORT
    api_key: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """The server as one address with its port, without the key."""
        return qdrant_address(self.url or f"{'https' if self.api_key else 'http'}://{self.host}:{self.port}")

    @property
    def server(self) -> Server:
        """The server, in words for people."""
        return Server(QDRANT, self.place, "MEM0_QDRANT_HOST, _PORT and _URL", "MEM0_QDRANT_API_KEY")


@dataclass(frozen=True, slots=True)
class Home:
    """An installation's place on a Qdrant server.

    Attributes:
        address: of the server.
        owner: the installation's id, which its collections and points carry.
        knows: those of some points' ids that its database knows; called from a thread.
    """

    address: QdrantAddress
    owner: str
    knows: Callable[[Sequence[str]], set[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a new collection is spread over a cluster; None leaves it to the server.

    Attributes:
        shards: pieces that the collection is cut into.
        replicas: copies of each piece.
        confirmations: copies that have to take a write before it counts.
    """

    shards: int | None = None
    replicas: int | None = None
    confirmations: int | None = None

    def differs(self, other: Layout) -> str:
        """How a collection that is there differs from what is asked for, in words; empty where it does not."""
        pairs = (
            ("shards", self.shards, other.shards),
            ("replicas of each", self.replicas, other.replicas),
            ("confirmations of a write", self.confirmations, other.confirmations),
        )
        return ", ".join(
            f"{existing} {what} instead of {asked}"
            for what, asked, existing in pairs
            if asked is not None and asked != existing
        )


ANY_LAYOUT = Layout()
