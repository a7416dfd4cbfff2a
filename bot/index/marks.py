"""The mark of an installation in its collection on a Qdrant server: whose it is, and the number that its holder keeps.

It is a point without the fields of this program's other points, so that no search, count or page comes upon it.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from qdrant_client import models

from bot.index.claim import ClaimNumber
from bot.index.points import COLLECTION, OWNER

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

MARK: Final = str(uuid.UUID(int=2**128 - 1))
"""The id of the point."""

_OWN_NAME: Final = re.compile(rf"{COLLECTION}_([0-9a-f]{{12}})_\d+")


@dataclass(frozen=True, slots=True)
class Mark:
    """See above.

    Attributes:
        installation: its id.
        number: of its holder; None where none has looked yet.
        written_ms: when that was written, by the holder's clock; 0 without a number.
    """

    installation: str
    number: ClaimNumber | None = None
    written_ms: int = 0


def mark_of(client: QdrantClient, collection: str) -> Mark | None:
    """The mark in a collection that is there, if any."""
    for record in client.retrieve(collection, [MARK], with_payload=True):
        fields: dict[str, Any] = record.payload or {}
        number = ClaimNumber(fields["term"], fields["run"], fields["counter"]) if "run" in fields else None
        return Mark(fields[OWNER], number, fields["written_ms"])
    return None


def put_mark(client: QdrantClient, collection: str, mark: Mark, dims: int) -> None:
    """Write the mark into a collection of vectors of `dims` numbers, durable on return."""
    payload: dict[str, Any] = {OWNER: mark.installation, "written_ms": mark.written_ms}
    if mark.number is not None:
        payload |= mark.number._asdict()
    point = models.PointStruct(id=MARK, vector=[1.0] + [0.0] * (dims - 1), payload=payload)
    client.upsert(collection, [point], wait=True)


def owner_of(client: QdrantClient, collection: str) -> str | None:
    """The installation whose collection it is; None of one that no installation made."""
    named = _OWN_NAME.fullmatch(collection)
    if named is not None:
        return named[1]
    mark = mark_of(client, collection)
    return None if mark is None else mark.installation
