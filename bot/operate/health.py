"""A small HTTP server for operators: /metrics, /healthz (alive) and /readyz (gateway, database, vector store)."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import ChannelMemoryError, StartupError
from bot.index import VectorIndex
from bot.storage import Database, advice_on

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
"""A part that does not answer by then is not ready; probes wait for three seconds."""

Check = Callable[[], Awaitable[None]]


class Readiness:
    """Asks every part that has to be there for the bot to do its work.

    Attributes:
        why: what is wrong with each part that was not there when they were last asked, and what to do.

    Args:
        gateway: whether every shard is connected; None where no gateway is needed.
        db: the database.
        index: the vector index; one that is not set up is not missed.
    """

    def __init__(self, *, gateway: Callable[[], bool] | None, db: Database, index: VectorIndex) -> None:
        self._gateway = gateway
        self._db = db
        self._index = index
        self.why: dict[str, str] = {}

    async def parts(self) -> Mapping[str, bool]:
        """Each part, and whether it is there."""
        faults = await asyncio.gather(_within(self._database), _within(self._vectors))
        why = dict(zip(("database", "vector store"), faults, strict=True))
        self.why = {part: fault for part, fault in why.items() if fault}
        parts = {part: not fault for part, fault in why.items()}
        return parts if self._gateway is None else {"gateway": self._gateway(), **parts}

    async def _database(self) -> None:
        async with self._db.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def _vectors(self) -> None:
        await self._index.count()


async def _within(check: Check) -> str:
    """What is wrong, and what to do; empty for nothing."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s; run `python -m bot doctor`"
    except ChannelMemoryError as error:
        return str(error)
    except SQLAlchemyError as error:
        return "it is {}; {}".format(*(advice_on(error) or ("not to be used", "run `python -m bot doctor`")))
    except OSError:
        return "a file can't be used; run `python -m bot doctor`"
    return ""


@asynccontextmanager
async def serving(
    host: str,
    port: int,
    *,
    ready: Callable[[], Awaitable[Mapping[str, bool]]],
    metrics: Callable[[], Awaitable[bytes]],
    hosts: Callable[[], Mapping[str, str]] = dict,
    why: Callable[[], Mapping[str, str]] = dict,
) -> AsyncIterator[int]:
    """Serve for the time of the block; gives the port (0: any free one).

    Args:
        host: address to listen on.
        port: port to listen on.
        ready: each part that has to be there, and whether it is.
        metrics: the page for Prometheus.
        why: what is wrong with parts that `ready` found missing.
        hosts: each of several hosts of a service, and how it is; told, and not waited for.

    Raises:
        StartupError: the address can't be opened.
    """

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readiness(_: web.Request) -> web.Response:
        parts = await ready()
        body: dict[str, object] = {"ready": all(parts.values()), "parts": dict(parts)}
        if faults := dict(why()):
            body["why"] = faults
        if several := dict(hosts()):
            body["hosts"] = several
        return web.json_response(body, status=_status(parts))

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=await metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", alive), web.get("/readyz", readiness), web.get("/metrics", scrape)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise StartupError(_unopened(host, port, error)) from None
        bound: int = runner.addresses[0][1]
        log.info("Metrics and health on http://%s:%d", host, bound)
        yield bound
    finally:
        await runner.cleanup()


def _unopened(host: str, port: int, error: OSError) -> str:
    """Why an address can't be listened on, by the setting that is at fault."""
    match error.errno:
        case errno.EADDRINUSE:
            return f"METRICS_PORT: another program listens on {host}:{port}: choose another port"
        case errno.EACCES:
            return f"METRICS_PORT: this user may not listen on port {port}: choose one above 1023"
    return f"METRICS_HOST: {host} is no address of this machine: name one, such as 127.0.0.1 or 0.0.0.0"


def _status(parts: Mapping[str, bool]) -> int:
    return 200 if all(parts.values()) else 503
