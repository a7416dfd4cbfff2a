"""`python -m bot web`: the operator's page, in a process of its own, beside a running bot or without one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

import typer

from bot.cli.start import DataDir, load
from bot.run import told_to_stop
from bot.settings import Settings
from bot.web import PORT, open_page_services, serving_page

Port = Annotated[
    int | None, typer.Option(min=1, max=65535, help=f"Port on 127.0.0.1, instead of WEB_PORT; {PORT} without either.")
]


def web(port: Port = None, data_dir: DataDir = None) -> None:
    """Serve a local page to look at servers, the queue and memories, and to correct or forget; for the operator."""
    asyncio.run(_serve(load(data_dir, quiet=True), port))


async def _serve(settings: Settings, port: int | None) -> None:
    stop = told_to_stop()
    services = partial(open_page_services, settings)
    async with services():  # a fault of the database is told now, not by the first page
        pass
    async with serving_page(services, port or settings.web_port or PORT) as link:
        print(f"Open this link in a browser on this machine; it works until this program ends:\n{link}", flush=True)
        await stop.wait()
