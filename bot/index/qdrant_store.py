"""Points in a collection of a Qdrant server or cluster, through mem0's own store for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from json import JSONDecodeError
from typing import Final

import httpx
from mem0.vector_stores.qdrant import Qdrant
from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from bot.domain import LostIndex, RateLimited, Server, ServiceError, ServiceRejected, ServiceUnavailable, Trouble
from bot.index.collection import clear, collection_of, equal, lay_out, layout_of, name_in_use, names
from bot.index.layout import ANY_LAYOUT, Layout, QdrantAddress
from bot.index.points import PAGE, Filters, FoundPoint, Point
from bot.llm import Wire
from bot.storage import chunks

_WIRE = Wire(httpx)

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
        self._server = address.server
        try:
            with translated(self._server):
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
            with translated(self._server):
                self._mem0.insert(
                    vectors=[list(point.vector) for point in chunk],
                    payloads=[point.payload for point in chunk],
                    ids=[point.id for point in chunk],
                )

    def remove(self, point_ids: Sequence[str]) -> None:
        """See PointStore."""
        with translated(self._server):
            self._client.delete(self._collection, models.PointIdsList(points=list(point_ids)))

    def search(self, vector: Sequence[float], filters: Filters, limit: int) -> list[FoundPoint]:
        """See PointStore."""
        with translated(self._server):
            hits = self._mem0.search("", list(vector), top_k=limit, filters=filters)
        return [FoundPoint(str(hit.id), hit.score, hit.payload or {}) for hit in hits]

    def count(self, filters: Filters) -> int:
        """See PointStore."""
        with translated(self._server):
            return self._client.count(self._collection, count_filter=equal(filters), exact=True).count

    def page(self, filters: Filters, after: str | None) -> tuple[list[str], str | None]:
        """See PointStore."""
        with translated(self._server):
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
        with translated(address.server):
            yield client
    finally:
        client.close()


def _client(address: QdrantAddress) -> QdrantClient:
    """A client; nothing is asked of the server yet.

    The key goes into its header by itself: handed over as a key it has the library warn at every start where it
    travels unencrypted, which `doctor` says once.
    """
    headers = {} if address.api_key is None else {"api-key": address.api_key}
    return QdrantClient(url=address.place, metadata=headers, timeout=REQUEST_SECONDS, check_compatibility=False)


@contextmanager
def translated(server: Server) -> Iterator[None]:
    """Turn the client's errors into ours. Qdrant is sent no text, so that its own sentences can't hold any."""
    try:
        yield
    except ResourceExhaustedResponse as error:
        raise RateLimited("qdrant", float(error.retry_after_s)) from None
    except QdrantException:  # a 429 whose Retry-After is a date or a fraction
        raise RateLimited("qdrant") from None
    except UnexpectedResponse as error:
        raise _declined(error.status_code or 0, error.content, server) from None
    except ResponseHandlingException as error:
        raise _unanswered(error.source, server) from None
    except (ApiException, JSONDecodeError, ValidationError, AssertionError):  # a proxy's page; the client asserts
        raise ServiceUnavailable("qdrant", *server.words(Trouble.OTHER)) from None


def _declined(status: int, content: bytes, server: Server) -> ServiceError:
    """What an HTTP status says, with Qdrant's own reason."""
    reason = _reason(content)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited("qdrant")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ServiceRejected("qdrant", *server.words(Trouble.BAD_KEY, status=status))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        trouble = Trouble.BUSY if status == HTTPStatus.SERVICE_UNAVAILABLE else Trouble.BROKEN
        return ServiceUnavailable("qdrant", *server.words(trouble, reason or "", status=status))
    if reason is None:
        return ServiceRejected("qdrant", *server.words(Trouble.OTHER, status=status))
    return ServiceRejected("qdrant", *server.words(Trouble.DECLINED, reason, status=status))


def _reason(content: bytes) -> str | None:
    """The reason in an error of Qdrant's; None where it is not one."""
    try:
        return str(json.loads(content)["status"]["error"])
    except (ValueError, LookupError, TypeError):
        return None


def _unanswered(error: object, server: Server) -> ServiceUnavailable:
    """Why nothing came back."""
    if isinstance(error, httpx.HTTPError):
        failure = _WIRE.failure(error, "qdrant", server)
        return ServiceUnavailable("qdrant", failure.what, failure.todo)
    return ServiceUnavailable("qdrant", *server.words(Trouble.OTHER))
