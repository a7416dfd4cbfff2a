"""Which vector index is in use, which one is being filled to take over from it, and which ones are to be removed.

Each is a generation with a number of its own. Generations of other embedding models, of other sizes or in other places
exist side by side; what the database says of them outlives the process, so filling the next one can go on at any time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from bot.domain import qdrant_address

if TYPE_CHECKING:
    from bot.storage import Installation

STATE: Final = "index_generations"
"""Where the installation remembers them."""

ASKED: Final = "index_asked_anew"
"""Set by the command line for a running bot: make the next generation although nothing changed."""

FOLDER: Final = "index"
"""Of the embedded index, inside the data folder."""

MADE_WITH: Final = "index_made_with"
"""Where the installation remembers which embedding model the index was made with."""


@dataclass(frozen=True, slots=True)
class Made:
    """How an index is made; as a string, for logs.

    Attributes:
        provider: of the embeddings, as in EMBEDDING_PROVIDER.
        model: their model.
        dims: numbers in a vector.
        server: `qdrant_address` of the Qdrant server; None for the embedded index.
    """

    provider: str
    model: str
    dims: int
    server: str | None = None

    def __str__(self) -> str:
        where = "the data folder" if self.server is None else self.server
        return f"{self.provider} {self.model} ({self.dims} numbers) in {where}"


@dataclass(frozen=True, slots=True)
class Generation:
    """An index, by its number (from 1) and how it is made; `bot.index.collection` names its collection on a server."""

    number: int
    made: Made

    @property
    def folder(self) -> str:
        """Its folder inside the data folder, where it is embedded."""
        return FOLDER if self.number == 1 else f"{FOLDER}-{self.number}"

    @property
    def made_with(self) -> str:
        """The key under which its embedding model is remembered beside it."""
        return MADE_WITH if self.number == 1 else f"{MADE_WITH}:{self.number}"


@dataclass(frozen=True, slots=True)
class GenerationState:
    """Where things stand.

    Attributes:
        in_use: what recall searches.
        to_come: what is being filled; None between two of them.
        done: up to which memory (by its place in the database) it is filled.
        done_messages: up to which message (by its snowflake), once it has all memories.
        leftover: what is to be removed.
        left_ms: when the latest of these was in use, by the clock of the process that moved on; others may be a little
            late.
    """

    in_use: Generation
    to_come: Generation | None = None
    done: int = 0
    leftover: tuple[Generation, ...] = field(default=())
    done_messages: int = 0
    left_ms: int = 0

    @property
    def all(self) -> tuple[Generation, ...]:
        """All that the database knows of."""
        return (self.in_use, *(() if self.to_come is None else (self.to_come,)), *self.leftover)

    def following(self, made: Made) -> Generation:
        """The generation that comes next."""
        return Generation(max(generation.number for generation in self.all) + 1, made)

    def given_up(self) -> GenerationState:
        """The one in use stays."""
        if self.to_come is None:
            return self
        return GenerationState(self.in_use, leftover=(*self.leftover, self.to_come), left_ms=self.left_ms)

    def taken_over(self, now_ms: int) -> GenerationState:
        """What was filled is in use, and what was in use is left over."""
        if self.to_come is None:
            return self
        return GenerationState(self.to_come, leftover=(*self.leftover, self.in_use), left_ms=now_ms)


class Generations:
    """The state, in the database; each change is one write, whole or not at all."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def load(self, wanted: Made) -> GenerationState:
        """Where things stand; an installation that has no index yet is to begin with what is `wanted`.

        An index that was made before there were generations is the first; it is where the settings say.
        """
        known = await self.known()
        if known is not None:
            return known
        before = json.loads(await self._installation.get(MADE_WITH) or "{}")
        return GenerationState(Generation(1, replace(wanted, **before)))

    async def known(self) -> GenerationState | None:
        """Where things stand; None where there never was an index."""
        stored = await self._installation.get(STATE)
        return None if stored is None else _from_json(stored)

    async def save(self, state: GenerationState) -> None:
        """Remember it; only for a process that keeps the others from the outbox meanwhile."""
        await self._installation.set(STATE, _to_json(state))

    async def save_first(self, state: GenerationState) -> None:
        """Remember it where nothing is remembered yet."""
        await self._installation.set_first(STATE, _to_json(state))

    async def begin(self, state: GenerationState) -> None:
        """Remember that the next generation is being filled; whoever asked for that has it."""
        await self._installation.set(STATE, _to_json(state))
        await self._installation.set(ASKED, "")

    async def ask(self) -> None:
        """Have the running bot fill a new generation."""
        await self._installation.set(ASKED, "1")

    async def asked(self) -> bool:
        """Whether somebody asked."""
        return await self._installation.get(ASKED) == "1"


def _to_json(state: GenerationState) -> str:
    return json.dumps(asdict(state))


def _from_json(text: str) -> GenerationState:
    state: dict[str, Any] = json.loads(text)
    to_come = state["to_come"]
    return GenerationState(
        _generation(state["in_use"]),
        None if to_come is None else _generation(to_come),
        state["done"],
        tuple(_generation(fields) for fields in state["leftover"]),
        state.get("done_messages", 0),
        state.get("left_ms", 0),
    )


def _generation(fields: dict[str, Any]) -> Generation:
    made = Made(**fields["made"])
    if made.server is not None:  # earlier versions kept it as it was written in the settings
        made = replace(made, server=qdrant_address(made.server))
    return Generation(fields["number"], made)
