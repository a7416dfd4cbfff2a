"""The operator's page beside the running bot."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bot.domain import StartupError
from bot.run.app import App
from bot.web import PageServices, page_services, serving_page

log = logging.getLogger(__name__)

LINK_FILE = "web-link"
"""In the data folder, for its owner alone: a log is no place for a token."""


@asynccontextmanager
async def web_page(app: App) -> AsyncIterator[None]:
    """Serve the page for the time of the block, where WEB_PORT asks for it.

    Raises:
        StartupError: the port can't be opened, or the link can't be written.
    """
    port = app.settings.web_port
    if port is None:
        yield
        return
    services = app.services
    opened = page_services(
        app.db,
        services.clock,
        guilds=services.guilds.guilds,
        directory=app.directory,
        log=app.log,
        store=app.store,
        own=services.own,
        browse=services.browse,
    )

    @asynccontextmanager
    async def open_services() -> AsyncIterator[PageServices]:
        yield opened

    async with serving_page(open_services, port) as link:
        with _written(app.settings.data_dir / LINK_FILE, link) as file:
            log.info("The operator's page is on 127.0.0.1:%d; the link that opens it is in %s", port, file)
            yield


@contextmanager
def _written(file: Path, link: str) -> Iterator[Path]:
    """Have the link in a file that its owner alone can read, for the time of the block."""
    try:
        file.unlink(missing_ok=True)  # an earlier one could have other rights
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(f"{link}\n")
    except OSError as error:
        raise StartupError(
            f"DATA_DIR: {file} can't be written ({error.strerror}): give the folder to the user that the bot runs as"
        ) from None
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)
