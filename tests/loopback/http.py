"""What the loopback servers share: real HTTP on a free port of 127.0.0.1, a record of requests, faults on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

MAX_BODY = 64 * 1024 * 1024
"""Of a request; servers that take less end the connection."""
SHUTDOWN_SECONDS = 0.2  # hanging answers are not waited for


class Fault(StrEnum):
    """What a server can do wrong. A refused connection is `await server.stop()`."""

    DROP = "drop"  # ends the connection without an answer
    HANG = "hang"  # takes the request and does not answer until `heal` (or the client leaves)
    DELAY = "delay"  # answers rightly, but late
    STATUS = "status"  # answers with an HTTP error
    BROKEN = "broken"  # 200 with something that is not JSON, as a proxy's error page
    ODD = "odd"  # 200 with JSON, of another protocol or form
    CUT = "cut"  # models only: the answer ends in the middle, and says so
    GARBAGE = "garbage"  # models: text that is not the JSON asked for; embeddings: vectors of a wrong size


@dataclass(slots=True)
class Plan:
    """A fault to show `times` times (None: until healed), where the path contains `path`; `method`: of these alone."""

    fault: Fault
    path: str = ""
    times: int | None = None
    status: int = 500
    retry_after: float | str | None = None
    seconds: float = 0.0
    message: str = "injected failure"
    value: object = (None,)
    method: str = ""


Declines = Callable[[Sequence[str]], tuple[int, str] | None]
"""Told the texts that are to be embedded; the HTTP status and the error if they are not."""

BODY: web.RequestKey[Any] = web.RequestKey("body", object)
PLAN = web.RequestKey("plan", Plan)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class LoopbackServer:
    """Serves `routes()` on 127.0.0.1; `async with` starts and stops it.

    Attributes:
        requests: everything that was asked, in order; also what was answered by a fault.
    """

    requests: list[Recorded] = field(default_factory=list, init=False)
    _plans: list[Plan] = field(default_factory=list, init=False)
    _healed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _runner: web.AppRunner | None = field(default=None, init=False)
    _port: int = field(default=0, init=False)

    @property
    def most_bytes(self) -> int:
        """Of a request; over it the connection is ended, without an answer."""
        return MAX_BODY

    def routes(self) -> list[web.AbstractRouteDef]:
        """The protocol, by subclasses."""
        return []

    @property
    def url(self) -> str:
        """Base address without a slash at its end; stays the same over stop and start."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port; 0 before the first start."""
        return self._port

    async def start(self) -> None:
        """Listen; after a `stop`, on the same port again."""
        app = web.Application(middlewares=[self._middleware], client_max_size=MAX_BODY)
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and refuse new ones."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.heal()
        await self.stop()

    def fail(
        self,
        fault: Fault | str,
        *,
        path: str = "",
        times: int | None = None,
        status: int = 500,
        retry_after: float | str | None = None,
        seconds: float = 0.0,
        message: str = "injected failure",
        value: object = (None,),
        method: str = "",
    ) -> None:
        """Show `fault` from now on, as a `Plan` says. Plans are used up in the order in which they came."""
        self._healed.clear()
        self._plans.append(Plan(Fault(fault), path, times, status, retry_after, seconds, message, value, method))

    def heal(self) -> None:
        """Forget all faults and let hanging requests go on."""
        self._plans.clear()
        self._healed.set()

    def asked(self, path: str) -> list[Recorded]:
        """The requests to paths that contain `path`."""
        return [request for request in self.requests if path in request.path]

    def _plan_for(self, method: str, path: str) -> Plan | None:
        for plan in self._plans:
            if plan.method in {"", method} and plan.path in path and plan.times != 0:
                if plan.times is not None:
                    plan.times -= 1
                return plan
        return None

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if (request.content_length or 0) > self.most_bytes and request.transport is not None:
            request.transport.abort()
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self.requests.append(Recorded(request.method, request.path, dict(request.headers), body))
        plan = self._plan_for(request.method, request.path)
        request[BODY] = body
        if plan is not None:
            request[PLAN] = plan
        early = await self._early(request, plan)
        return early if early is not None else await handler(request)

    async def _early(self, request: web.Request, plan: Plan | None) -> web.StreamResponse | None:
        if plan is None:
            return None
        if plan.fault is Fault.DROP and request.transport is not None:
            request.transport.abort()
        elif plan.fault is Fault.HANG:
            await self._healed.wait()
        elif plan.fault is Fault.DELAY:
            await asyncio.sleep(plan.seconds)
        elif plan.fault is Fault.BROKEN:
            return web.Response(text="<html>502 Bad Gateway</html>", content_type="text/html")
        elif plan.fault is Fault.ODD:
            return web.json_response(plan.value)
        elif plan.fault is Fault.STATUS:
            told = plan.retry_after if isinstance(plan.retry_after, str) else f"{plan.retry_after or 0:g}"
            headers = {} if plan.retry_after is None else {"Retry-After": told}
            return web.json_response(self.error_body(plan), status=plan.status, headers=headers)
        return None

    def error_body(self, plan: Plan) -> dict[str, object]:
        """An error as this protocol words it."""
        return {"error": plan.message}


def planned(request: web.Request, fault: Fault) -> bool:
    """Whether `request` is to be answered with `fault`."""
    plan = request.get(PLAN)
    return plan is not None and plan.fault is fault


def smallest(schema: Mapping[str, Any]) -> object:
    """The smallest value that follows a JSON `schema`: empty lists, empty texts, the first of a choice."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {key: smallest(part) for key, part in schema.get("properties", {}).items()}
        case "array":
            return [smallest(schema.get("items", {}))] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "string":
            return ""
    return None
