"""A real Qdrant server behind the loopback, in place of the engine of its own: the suite `make real`."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable
from typing import Any

import aiohttp
from aiohttp import web
from qdrant_client import QdrantClient, models

URL, KEY = "LOOPBACK_QDRANT_BEHIND", "LOOPBACK_QDRANT_BEHIND_KEY"
"""Environment of a run in which each loopback Qdrant stands before this server."""


class RealEngine(QdrantClient):
    """What a real server holds. It is used while it holds nothing of others, and gets rid of what was made here alone.

    Attributes:
        address: where the server is.
        made: the collections and aliases that were made through this.
    """

    def __init__(self, address: str, api_key: str | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a key without TLS, on this machine
            super().__init__(url=address, api_key=api_key, check_compatibility=False, timeout=60)
        self.address = address
        self.made: set[str] = set()
        self._headers = {"Content-Type": "application/json"} | ({"api-key": api_key} if api_key else {})

    def create_collection(self, collection_name: str, *args: Any, **kwargs: Any) -> bool:  # noqa: ANN401
        """See QdrantClient."""
        self.made.add(collection_name)
        return super().create_collection(collection_name, *args, **kwargs)

    def names(self) -> set[str]:
        """Every collection and alias that is there."""
        collections = {collection.name for collection in self.get_collections().collections}
        return collections | {alias.alias_name for alias in self.get_aliases().aliases}

    def refuse_strangers(self) -> None:
        """Raise PermissionError where the server holds anything that was not made through this."""
        if strange := sorted(self.names() - self.made):
            raise PermissionError(
                f"the Qdrant server at {self.address} already holds {', '.join(strange)}; use one that is empty"
            )

    def remove_own(self) -> None:
        """Remove what was made through this; aliases go with their collections."""
        for collection in self.get_collections().collections:
            if collection.name in self.made:
                self.delete_collection(collection.name)
        self.made.clear()

    async def forward(self, request: web.Request) -> web.Response:
        """Ask the server what the loopback was asked; where it breaks off, the loopback does."""
        body = io.BytesIO(await request.read())  # a large one that is no stream is warned of
        url = f"{self.address}{request.path_qs}"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(request.method, url, data=body, headers=self._headers) as answer,
            ):
                return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)
        except aiohttp.ClientError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)


def engine() -> QdrantClient:
    """The real server of this run; where none is named, the client library's own engine."""
    address = os.environ.get(URL)
    return RealEngine(address, os.environ.get(KEY)) if address else QdrantClient(":memory:")


def aliases_in(actions: Iterable[dict[str, Any]]) -> set[str]:
    """The aliases that changes of aliases make."""
    parsed = models.ChangeAliasesOperation.model_validate({"actions": list(actions)}).actions
    return {action.create_alias.alias_name for action in parsed if isinstance(action, models.CreateAliasOperation)}
