"""Points in a collection of a Qdrant server or cluster, through mem0's own store for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from json import JSONDecodeError
from typing import TYPE_CHECKING, Final

import httpx
from mem0.vector_stores.qdrant import Qdrant
from pydantic import ValidationError
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from bot.domain import LostIndex, RateLimited, Server, ServiceError, ServiceRejected, ServiceUnavailable, Trouble
from bot.index.collection import (
    check_fits,
    clear,
    collection_of,
    collections_of,
    equal,
    have_collection,
    layout_of,
    name_in_use,
    names,
    unowned,
    without_owner,
)
from bot.index.layout import ANY_LAYOUT, Home, Layout, QdrantAddress
from bot.index.marks import Mark, mark_of, put_mark
from bot.index.points import OWNER, Filters, FoundPoint, Point
from bot.llm import Wire
from bot.storage import chunks

if TYPE_CHECKING:
    from bot.index.claim import ClaimNumber, Numbers

_WIRE = Wire(httpx)

REQUEST_SECONDS: Final = 15
PAGE: Final = 5_000
"""Ids in one page of a scroll: 200 KB of JSON."""

WRITE_POINTS: Final = 250
"""Points in one request: 8 MB of JSON with 1,536 numbers each."""

WRITE_BYTES: Final = 24 * 1024 * 1024
"""Of one request; Qdrant takes 32 MB (service.max_request_size_mb), and ends the connection where there is more."""

NUMBER_BYTES: Final = 24
"""Of a number of a vector as JSON, with its comma."""


class QdrantStore:
    """See PointStore.

    Points of other installations and programs in the same collection are never read, changed or counted.

    Args:
        home: the server, and whose place it is.
        number: of the generation.
        dims: numbers in a vector.
        layout: how a new collection is spread over a cluster.
        fresh: throw away this installation's points, or the whole collection where that holds nothing else.
        makes: make the collection where it is not there, or take it over from an earlier version.

    Raises:
        LostIndex: it is not there, and is not to be made.
        StartupError: the collection's vectors are of another size or kind.
        ServiceError: the server does not answer, or declined.
    """

    def __init__(
        self,
        home: Home,
        number: int,
        dims: int,
        *,
        layout: Layout = ANY_LAYOUT,
        fresh: bool = False,
        makes: bool = True,
    ) -> None:
        self._owner = home.owner
        self._server = home.address.server
        self._client = _client(home.address)
        try:
            with translated(self._server):
                if makes:
                    self._collection = have_collection(self._client, home, number, dims, layout, fresh=fresh)
                else:
                    self._collection = self._existing(home, number, dims)
                self._mem0 = _LaidOut(self._collection, dims, client=self._client)
        except Exception:
            self._client.close()
            raise

    def _existing(self, home: Home, number: int, dims: int) -> str:
        """The collection as it is."""
        name = collection_of(self._client, home.owner, number)
        if name in names(self._client):
            check_fits(self._client, name, dims)
            return name
        if unowned(self._client, number) is not None:
            raise ServiceUnavailable("qdrant", "the collection of an earlier version is taken over when the bot starts")
        raise LostIndex("qdrant", f"the collection {name} does not exist")

    def write(self, points: Sequence[Point]) -> None:
        """See PointStore."""
        for chunk in chunks(points, points_at_once(len(points[0].vector) if points else 1)):
            with translated(self._server):
                self._mem0.insert(
                    vectors=[list(point.vector) for point in chunk],
                    payloads=[point.payload | {OWNER: self._owner} for point in chunk],
                    ids=[point.id for point in chunk],
                )

    def remove(self, point_ids: Sequence[str]) -> None:
        """See PointStore. What an earlier version wrote under our ids carries no installation's id, and goes too."""
        ours = models.Filter(
            must=[models.HasIdCondition(has_id=list(point_ids))],
            should=[*(equal({OWNER: self._owner}).must or ()), without_owner()],
        )
        with translated(self._server):
            self._client.delete(self._collection, models.FilterSelector(filter=ours))

    def search(self, vector: Sequence[float], filters: Filters, limit: int) -> list[FoundPoint]:
        """See PointStore."""
        with translated(self._server):
            hits = self._mem0.search("", list(vector), top_k=limit, filters={**filters, OWNER: self._owner})
        return [FoundPoint(str(hit.id), hit.score, hit.payload or {}) for hit in hits]

    def count(self, filters: Filters) -> int:
        """See PointStore."""
        with translated(self._server):
            return self._client.count(self._collection, count_filter=self._ours(filters), exact=True).count

    def page(self, filters: Filters, after: str | None) -> tuple[list[str], str | None]:
        """See PointStore."""
        with translated(self._server):
            records, following = self._client.scroll(
                self._collection,
                scroll_filter=self._ours(filters),
                offset=after,
                limit=PAGE,
                with_payload=False,
            )
        return [str(record.id) for record in records], None if following is None else str(following)

    def others(self) -> int:
        """See PointStore."""
        others = models.Filter(must_not=equal({OWNER: self._owner}).must)
        with translated(self._server):
            return self._client.count(self._collection, count_filter=others, exact=True).count

    def close(self) -> None:
        """See PointStore."""
        self._client.close()

    def _ours(self, filters: Filters) -> models.Filter:
        return equal({**filters, OWNER: self._owner})


def points_at_once(dims: int) -> int:
    """How many points with vectors of so many numbers go into one request."""
    return max(1, min(WRITE_POINTS, WRITE_BYTES // (dims * NUMBER_BYTES)))


class _LaidOut(Qdrant):
    """mem0's store over a collection that is there: it makes none, and no payload index."""

    def create_col(self, *_: object, **__: object) -> None:
        """Nothing is left to do."""


def remove_points(home: Home, number: int) -> None:
    """Remove a generation's points, and its collection where that holds nothing else.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with connected(home.address) as client:
        clear(client, home.owner, collection_of(client, home.owner, number))


def publish(home: Home, number: int) -> bool:
    """Have the alias name the collection of the generation in use; False where one of ours has the alias' name.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with connected(home.address) as client:
        return name_in_use(client, home.owner, collection_of(client, home.owner, number))


def spread(home: Home, number: int) -> Layout:
    """How a generation's collection is spread over the cluster.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with connected(home.address) as client:
        return layout_of(client, collection_of(client, home.owner, number))


def make(home: Home, number: int, dims: int, layout: Layout) -> None:
    """Have a generation's collection on the server; see `have_collection`.

    Raises:
        StartupError: the collection's vectors are of another size or kind.
        ServiceError: the server does not answer, or declined.
    """
    with connected(home.address) as client:
        have_collection(client, home, number, dims, layout)


def numbers_on(home: Home) -> Numbers:
    """The numbers in all collections of the installation on its server.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with connected(home.address) as client:
        marks = {number: mark_of(client, name) for number, name in collections_of(client, home.owner).items()}
        return {number: None if mark is None else mark.number for number, mark in marks.items()}


def put_number(home: Home, generation: int, dims: int, number: ClaimNumber, now_ms: int) -> None:
    """Leave a number in a generation's collection.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    with connected(home.address) as client:
        name = collection_of(client, home.owner, generation)
        put_mark(client, name, Mark(home.owner, number, now_ms), dims)


@contextmanager
def connected(address: QdrantAddress) -> Iterator[QdrantClient]:
    """A client for the time of the block, whose errors are ours.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
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
