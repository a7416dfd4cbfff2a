"""Points in a collection of a Qdrant server or cluster, through mem0's own store for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, Final

import httpx
from mem0.vector_stores.qdrant import Qdrant
from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from bot.domain import LostIndex, RateLimited, ServiceRejected, ServiceUnavailable
from bot.index.collection import clear, collection_of, equal, lay_out, layout_of, name_in_use, names
from bot.index.layout import ANY_LAYOUT, Layout, QdrantAddress
from bot.index.points import PAGE, Filters, FoundPoint, Point
from bot.storage import chunks

NOT_QDRANT: Final = "its answer is not Qdrant's protocol"

REQUEST_SECONDS: Final = 15
WRITE_POINTS: Final = 250
"""Points in one request: 8 MB of JSON with 1,536 numbers each; Qdrant takes 32 MB."""


class QdrantStore:
    """See PointStore.

    Points of other programs in the same collection are never read, changed or counted.

    Args:
        address: the server.
        collection: of the generation, made if it is not there.
        dims: numbers in a vector.
        layout: how a new collection is spread over a cluster.
        fresh: throw away this program's points, or the whole collection where that holds nothing else.
        makes: make the collection where it is not there.

    Raises:
        LostIndex: it is not there, and is not to be made.
        StartupError: the collection's vectors are of another size or kind.
        ServiceError: the server does not answer, or declined.
    """

    def __init__(
        self,
        address: QdrantAddress,
        collection: str,
        dims: int,
        *,
        layout: Layout = ANY_LAYOUT,
        fresh: bool = False,
        makes: bool = True,
    ) -> None:
        self._client = _client(address)
        try:
            with _translated():
                self._collection = collection_of(self._client, collection)
                if not makes and self._collection not in names(self._client):
                    raise LostIndex("qdrant", f"the collection {self._collection} is not there")
                if fresh:
                    clear(self._client, self._collection)
                lay_out(self._client, self._collection, dims, layout)
                self._mem0 = _LaidOut(self._collection, dims, client=self._client)
        except Exception:
            self._client.close()
            raise

    def write(self, points: Sequence[Point]) -> None:
        """See PointStore."""
        for chunk in chunks(points, WRITE_POINTS):
            with _translated():
                self._mem0.insert(
                    vectors=[list(point.vector) for point in chunk],
                    payloads=[point.payload for point in chunk],
                    ids=[point.id for point in chunk],
                )

    def remove(self, point_ids: Sequence[str]) -> None:
        """See PointStore."""
        with _translated():
            self._client.delete(self._collection, models.PointIdsList(points=list(point_ids)))

    def search(self, vector: Sequence[float], filters: Filters, limit: int) -> list[FoundPoint]:
        """See PointStore."""
        with _translated():
            hits = self._mem0.search("", list(vector), top_k=limit, filters=filters)
        return [FoundPoint(str(hit.id), hit.score, hit.payload or {}) for hit in hits]

    def count(self, filters: Filters) -> int:
        """See PointStore."""
        with _translated():
            return self._client.count(self._collection, count_filter=equal(filters), exact=True).count

    def page(self, filters: Filters, after: str | None) -> tuple[list[str], str | None]:
        """See PointStore."""
        with _translated():
            records, following = self._client.scroll(
                self._collection,
                scroll_filter=equal(filters),
                offset=after,
                limit=PAGE,
                with_payload=False,
            )
        return [str(record.id) for record in records], None if following is None else str(following)

    def close(self) -> None:
        """See PointStore."""
        self._client.close()


class _LaidOut(Qdrant):
    """mem0's store over a collection that is there: it makes none, and no payload index."""

    def create_col(self, *_: object, **__: object) -> None:
        """Nothing is left to do."""


def remove_points(address: QdrantAddress, collection: str) -> None:
    """Remove a generation's points, and its collection where that holds nothing else.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with _connected(address) as client:
        clear(client, collection_of(client, collection))


def publish(address: QdrantAddress, collection: str) -> bool:
    """Have the alias name the collection of the generation in use; False where another collection has that name.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with _connected(address) as client:
        return name_in_use(client, collection_of(client, collection))


def spread(address: QdrantAddress, collection: str) -> Layout:
    """How a generation's collection is spread over the cluster.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with _connected(address) as client:
        return layout_of(client, collection_of(client, collection))


@contextmanager
def _connected(address: QdrantAddress) -> Iterator[QdrantClient]:
    client = _client(address)
    try:
        with _translated():
            yield client
    finally:
        client.close()


def _client(address: QdrantAddress) -> QdrantClient:
    """A client; nothing is asked of the server yet."""
    place: dict[str, Any] = {"url": address.url} if address.url else {"host": address.host, "port": address.port}
    return QdrantClient(**place, api_key=address.api_key, timeout=REQUEST_SECONDS, check_compatibility=False)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the client's errors into ours. Qdrant's reasons name fields and sizes, never payloads."""
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise RateLimited("qdrant", float(error.retry_after_s)) from None
    except QdrantException:  # a 429 whose Retry-After is a date or a fraction
        raise RateLimited("qdrant") from None
    except UnexpectedResponse as error:
        status = error.status_code or 0
        if status == 429:
            raise RateLimited("qdrant") from None
        if status >= 500:
            raise ServiceUnavailable("qdrant", f"HTTP {status}") from None
        raise ServiceRejected("qdrant", f"HTTP {status}: {error.reason_phrase}") from None
    except ResponseHandlingException as error:
        raise ServiceUnavailable("qdrant", _unanswered(error.source)) from None
    except ApiException as error:
        raise ServiceUnavailable("qdrant", type(error).__name__) from None
    except (JSONDecodeError, ValidationError, AssertionError):  # a page of a proxy; the client asserts what it expects
        raise ServiceUnavailable("qdrant", NOT_QDRANT) from None


def _unanswered(error: object) -> str:
    """Why nothing came back, in plain words."""
    match error:
        case httpx.TimeoutException():
            return "no answer in time"
        case httpx.ConnectError():
            return "can't be reached"
        case httpx.TransportError():
            return "the connection was lost before the answer was there"
    return NOT_QDRANT
