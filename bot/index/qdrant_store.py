"""Points in a collection of a Qdrant server or cluster, through mem0's own store for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, Final

from mem0.vector_stores.qdrant import Qdrant
from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from bot.chunks import chunks
from bot.errors import RateLimited, ServiceRejected, ServiceUnavailable, StartupError
from bot.index import points
from bot.index.points import PAGE, Filters, Found, Point, other_size

if TYPE_CHECKING:
    from bot.index.opening import QdrantAddress

REQUEST_SECONDS: Final = 15
WRITE_POINTS: Final = 250
"""Points in one request: 8 MB of JSON with 1,536 numbers each; Qdrant takes 32 MB."""


class QdrantStore:
    """See PointStore.

    Points of other programs in the same collection are never read, changed or counted.

    Args:
        address: the server.
        collection: made if it is not there.
        dims: numbers in a vector.
        fresh: throw away this program's points, or the whole collection where that holds nothing else.

    Raises:
        StartupError: the collection's vectors are of another size or kind.
        ServiceError: the server does not answer, or declined.
    """

    def __init__(self, address: QdrantAddress, collection: str, dims: int, *, fresh: bool = False) -> None:
        self._collection = collection
        self._client = _client(address)
        try:
            with _translated():
                if fresh:
                    _clear(self._client, collection)
                self._check_size(dims)
                self._mem0 = Qdrant(collection, dims, client=self._client)
                self._index_fields()
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

    def search(self, vector: Sequence[float], filters: Filters, limit: int) -> list[Found]:
        """See PointStore."""
        with _translated():
            hits = self._mem0.search("", list(vector), top_k=limit, filters=filters)
        return [Found(str(hit.id), hit.score, hit.payload or {}) for hit in hits]

    def count(self, filters: Filters) -> int:
        """See PointStore."""
        with _translated():
            return self._client.count(self._collection, count_filter=_equal(filters), exact=True).count

    def page(self, filters: Filters, after: str | None) -> tuple[list[str], str | None]:
        """See PointStore."""
        with _translated():
            records, following = self._client.scroll(
                self._collection,
                scroll_filter=_equal(filters),
                offset=after,
                limit=PAGE,
                with_payload=False,
            )
        return [str(record.id) for record in records], None if following is None else str(following)

    def close(self) -> None:
        """See PointStore."""
        self._client.close()

    def _check_size(self, dims: int) -> None:
        if not self._client.collection_exists(self._collection):
            return
        vectors = self._client.get_collection(self._collection).config.params.vectors
        if not isinstance(vectors, models.VectorParams):
            raise StartupError(
                f"the collection {self._collection} on MEM0_QDRANT_HOST or MEM0_QDRANT_URL was made by another program "
                "for vectors of another kind: name another Qdrant server"
            )
        if vectors.size != dims:
            raise StartupError(other_size(dims, vectors.size, f"the collection {self._collection}"))

    def _index_fields(self) -> None:
        """Payload indexes on every field that searches compare; mem0 makes some of its own."""
        lookup = models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, lookup=True, range=False)
        indexes: dict[str, models.PayloadSchemaParams] = dict.fromkeys((*points.LOOKUPS, "schema"), lookup)
        indexes[points.TENANT] = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        indexes[points.RANGE] = models.IntegerIndexParams(
            type=models.IntegerIndexType.INTEGER, lookup=False, range=True
        )
        for field, params in indexes.items():
            self._client.create_payload_index(self._collection, field, params)


def remove_points(address: QdrantAddress, collection: str) -> None:
    """Remove this program's points, and the collection where it holds nothing else.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    client = _client(address)
    try:
        with _translated():
            _clear(client, collection)
    finally:
        client.close()


def _clear(client: QdrantClient, collection: str) -> None:
    if not client.collection_exists(collection):
        return
    ours = _equal(points.own())
    everything = client.count(collection, exact=True).count
    if everything == client.count(collection, count_filter=ours, exact=True).count:
        client.delete_collection(collection)
    else:
        client.delete(collection, models.FilterSelector(filter=ours))


def _client(address: QdrantAddress) -> QdrantClient:
    """A client; nothing is asked of the server yet."""
    place: dict[str, Any] = {"url": address.url} if address.url else {"host": address.host, "port": address.port}
    return QdrantClient(**place, api_key=address.api_key, timeout=REQUEST_SECONDS, check_compatibility=False)


def _equal(filters: Mapping[str, Any]) -> models.Filter:
    """Filters that only compare for equality."""
    return models.Filter(
        must=[models.FieldCondition(key=key, match=models.MatchValue(value=value)) for key, value in filters.items()]
    )


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
        raise ServiceUnavailable("qdrant", type(error.source).__name__) from None
    except ApiException as error:
        raise ServiceUnavailable("qdrant", type(error).__name__) from None
    except (JSONDecodeError, ValidationError, AssertionError):  # a page of a proxy; the client asserts what it expects
        raise ServiceUnavailable("qdrant", "its answer is not Qdrant's protocol") from None
