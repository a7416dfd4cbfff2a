"""A loopback Qdrant: the REST calls that qdrant-client and mem0 make, over the client's own in-memory engine.

It keeps the habits of a server that matter here: points and deletions are visible on return, a missing collection is
404, one that is made twice 409, a vector of the wrong size 400, a request over 32 MB ends the connection, payload
indexes are listed with their parameters, an alias stands for its collection in every call and can't have the name of
one. In the suite `make real` it passes everything on to a real server instead, see `real_qdrant`; it goes on keeping a
record of what was asked, and shows faults on demand.
"""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models

from tests.loopback.http import BODY, LoopbackServer, Plan
from tests.loopback.real_qdrant import RealEngine, aliases_in, engine

_SELECTOR: TypeAdapter[Any] = TypeAdapter(models.PointsSelector)
_POINTS: TypeAdapter[list[models.PointStruct]] = TypeAdapter(list[models.PointStruct])


MAX_REQUEST = 32 * 1024 * 1024


@dataclass(slots=True)
class LoopbackQdrant(LoopbackServer):
    """A Qdrant server on 127.0.0.1; what it holds stays over stop and start.

    Attributes:
        api_key: the only key that is let in; None lets everybody in.
        version: that it tells.
        engine: what it holds, for looking into it; a test that gives it one has no real server behind it.
        indexes: payload indexes by collection and field, as they were asked for.
        created: how each collection was asked for.
        switches: each change of aliases, as it was asked for.
    """

    api_key: str | None = None
    version: str = "1.18.3"
    engine: QdrantClient = field(default_factory=engine)
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    created: dict[str, models.CreateCollection] = field(default_factory=dict, init=False)
    switches: list[list[dict[str, Any]]] = field(default_factory=list, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def routes(self) -> list[web.AbstractRouteDef]:
        """Qdrant's paths."""
        if isinstance(self.engine, RealEngine):
            return [web.get("/", self._version), web.route("*", "/{path:.*}", self._forward)]
        points = "/collections/{name}/points"
        calls: dict[tuple[str, str], Callable[[str, Any], Any]] = {
            ("GET", "/collections/{name}"): self._describe,
            ("PUT", "/collections/{name}"): self._create,
            ("DELETE", "/collections/{name}"): self._drop,
            ("PUT", "/collections/{name}/index"): self._index,
            ("PUT", points): self._upsert,
            ("POST", points): self._retrieve,
            ("POST", f"{points}/query"): self._query,
            ("POST", f"{points}/scroll"): self._scroll,
            ("POST", f"{points}/count"): self._count,
            ("POST", f"{points}/delete"): self._delete,
            ("POST", f"{points}/payload"): self._set_payload,
        }
        return [
            web.get("/", self._version),
            web.get("/readyz", self._ready),
            web.get("/collections", self._collections),
            web.get("/collections/{name}/exists", self._exists),
            web.get("/aliases", self._aliases),
            web.post("/collections/aliases", self._change_aliases),
            *(web.route(method, path, self._on_collection(call)) for (method, path), call in calls.items()),
        ]

    async def __aenter__(self) -> Self:
        if isinstance(self.engine, RealEngine):
            await asyncio.to_thread(self.engine.refuse_strangers)
        await self.start()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await LoopbackServer.__aexit__(self, *raised)
        if isinstance(self.engine, RealEngine):
            await asyncio.to_thread(self.engine.remove_own)
            self.engine.close()

    @property
    def most_bytes(self) -> int:
        """service.max_request_size_mb."""
        return MAX_REQUEST

    def error_body(self, plan: Plan) -> dict[str, object]:
        """Qdrant's errors are a status."""
        return {"status": {"error": plan.message}, "time": 0.0}

    def _on_collection(self, call: Callable[[str, Any], Any]) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            name = request.match_info["name"]
            stranger = self._stranger(request)
            if stranger is not None:
                return stranger
            with self._turn, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the in-memory engine has no payload indexes and says so
                if call == self._create and self.engine.collection_exists(name):
                    return _failed(409, f"Wrong input: Collection `{name}` already exists!")
                if call != self._create and not self.engine.collection_exists(name):
                    return _failed(404, f"Not found: Collection `{name}` doesn't exist!")
                try:
                    return _done(call(name, request[BODY]))
                except ValueError as error:
                    return _failed(400, str(error))

        return handler

    async def _forward(self, request: web.Request) -> web.Response:
        stranger = None if request.path == "/readyz" else self._stranger(request)
        if stranger is not None or not isinstance(self.engine, RealEngine):
            return stranger or _failed(501, "no server is behind this one")
        self._note(request.method, request.path.strip("/").split("/"), request[BODY])
        return await self.engine.forward(request)

    def _note(self, method: str, path: list[str], body: Any) -> None:  # noqa: ANN401
        """Keep a record of what a real server is asked to make and to remove."""
        assert isinstance(self.engine, RealEngine)
        match method, path:
            case "POST", ["collections", "aliases"]:
                self.switches.append(body["actions"])
                self.engine.made |= aliases_in(body["actions"])
            case "PUT", ["collections", name]:
                self.created[name] = models.CreateCollection.model_validate(body)
                self.engine.made.add(name)
            case "PUT", ["collections", name, "index"]:
                self.indexes.setdefault(self._behind(name), {})[body["field_name"]] = body["field_schema"]
            case "DELETE", ["collections", name]:
                self.indexes.pop(name, None)
                self.created.pop(name, None)

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"title": "qdrant - vector search engine", "version": self.version})

    async def _ready(self, _: web.Request) -> web.Response:
        return web.Response(text="all shards are ready")  # asked without a key

    async def _collections(self, request: web.Request) -> web.Response:
        return self._stranger(request) or _done(self.engine.get_collections())

    async def _exists(self, request: web.Request) -> web.Response:
        exists = self.engine.collection_exists(request.match_info["name"])
        return self._stranger(request) or _done({"exists": exists})

    async def _aliases(self, request: web.Request) -> web.Response:
        return self._stranger(request) or _done(self.engine.get_aliases())

    async def _change_aliases(self, request: web.Request) -> web.Response:
        stranger = self._stranger(request)
        if stranger is not None:
            return stranger
        changes = models.ChangeAliasesOperation.model_validate(request[BODY])
        self.switches.append(request[BODY]["actions"])
        try:
            with self._turn:
                return _done(self.engine.update_collection_aliases(changes.actions))
        except ValueError as error:
            return _failed(400, str(error))

    def _describe(self, name: str, _: Any) -> dict[str, Any]:  # noqa: ANN401
        described: dict[str, Any] = self.engine.get_collection(name).model_dump(mode="json")
        name = self._behind(name)
        params, asked = described["config"]["params"], self.created.get(name)
        params["shard_number"] = (asked and asked.shard_number) or 1
        params["replication_factor"] = (asked and asked.replication_factor) or 1
        params["write_consistency_factor"] = (asked and asked.write_consistency_factor) or 1
        described["payload_schema"] = {
            field: {"data_type": _type_of(schema), "params": schema if isinstance(schema, dict) else None, "points": 0}
            for field, schema in self.indexes.get(name, {}).items()
        }
        return described

    def _create(self, name: str, body: Any) -> bool:  # noqa: ANN401
        asked = self.created[name] = models.CreateCollection.model_validate(body)
        return self.engine.create_collection(
            name, vectors_config=asked.vectors, sparse_vectors_config=asked.sparse_vectors
        )

    def _drop(self, name: str, _: Any) -> bool:  # noqa: ANN401
        self.indexes.pop(name, None)
        self.created.pop(name, None)
        return self.engine.delete_collection(name)

    def _index(self, name: str, body: Any) -> dict[str, Any]:  # noqa: ANN401
        models.CreateFieldIndex.model_validate(body)
        self.indexes.setdefault(self._behind(name), {})[body["field_name"]] = body["field_schema"]
        return _completed()

    def _behind(self, name: str) -> str:
        """The collection that an alias names; a collection's own name is its own."""
        named = {alias.alias_name: alias.collection_name for alias in self.engine.get_aliases().aliases}
        return named.get(name, name)

    def _upsert(self, name: str, body: Any) -> dict[str, Any]:  # noqa: ANN401
        points = _POINTS.validate_python(body["points"])
        size = self.engine.get_collection(name).config.params.vectors.size  # type: ignore[union-attr]
        for point in points:
            dense = point.vector[""] if isinstance(point.vector, dict) else point.vector
            if len(dense) != size:  # type: ignore[arg-type]
                raise ValueError(f"Wrong input: Vector dimension error: expected dim: {size}, got {len(dense)}")  # type: ignore[arg-type]
        self.engine.upsert(name, points)
        return _completed()

    def _retrieve(self, name: str, body: Any) -> list[models.Record]:  # noqa: ANN401
        return self.engine.retrieve(name, body["ids"], with_payload=body.get("with_payload", True))

    def _query(self, name: str, body: Any) -> models.QueryResponse:  # noqa: ANN401
        asked = models.QueryRequest.model_validate(body)
        return self.engine.query_points(
            name,
            query=asked.query.nearest if isinstance(asked.query, models.NearestQuery) else asked.query,
            using=asked.using,
            query_filter=asked.filter,
            limit=asked.limit or 10,
            with_payload=asked.with_payload if asked.with_payload is not None else True,
        )

    def _scroll(self, name: str, body: Any) -> dict[str, Any]:  # noqa: ANN401
        asked = models.ScrollRequest.model_validate(body)
        records, following = self.engine.scroll(
            name,
            scroll_filter=asked.filter,
            limit=asked.limit or 10,
            offset=asked.offset,
            with_payload=asked.with_payload if asked.with_payload is not None else True,
        )
        return {"points": [record.model_dump(mode="json") for record in records], "next_page_offset": following}

    def _count(self, name: str, body: Any) -> models.CountResult:  # noqa: ANN401
        asked = models.CountRequest.model_validate(body)
        return self.engine.count(name, count_filter=asked.filter, exact=True)

    def _delete(self, name: str, body: Any) -> dict[str, Any]:  # noqa: ANN401
        self.engine.delete(name, _SELECTOR.validate_python(body))
        return _completed()

    def _set_payload(self, name: str, body: Any) -> dict[str, Any]:  # noqa: ANN401
        asked = models.SetPayload.model_validate(body)
        self.engine.set_payload(name, asked.payload, points=asked.points or asked.filter)  # type: ignore[arg-type]
        return _completed()

    def _stranger(self, request: web.Request) -> web.Response | None:
        if self.api_key is None or request.headers.get("api-key") == self.api_key:
            return None
        lacks = "Must provide an API key or an Authorization bearer token"
        return web.Response(text="Invalid API key or JWT" if "api-key" in request.headers else lacks, status=401)


def _type_of(schema: object) -> object:
    return schema["type"] if isinstance(schema, dict) else schema


def _completed() -> dict[str, Any]:
    return {"operation_id": 0, "status": "completed"}


def _done(result: object) -> web.Response:
    if isinstance(result, list):
        result = [item.model_dump(mode="json") for item in result]
    elif isinstance(result, BaseModel):
        result = result.model_dump(mode="json")
    return web.json_response({"result": result, "status": "ok", "time": 0.0})


def _failed(status: int, reason: str) -> web.Response:
    return web.json_response({"status": {"error": reason}, "time": 0.0}, status=status)
