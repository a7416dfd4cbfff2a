"""The HTTP server of the page: bound to 127.0.0.1, guarded, and told to load nothing from elsewhere."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import ChannelMemoryError, NotFound, StartupError, UserError, frames_of, reason_of
from bot.storage import advice_on
from bot.web.access import Keys, PageAccess, names_this_machine
from bot.web.pages import CHANGES, PAGES
from bot.web.rendering import Templates, WebPage
from bot.web.services import OpenServices, PageServices

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PORT = 9465
"""Where `python -m bot web` listens without WEB_PORT."""

MOST_BYTES = 64 * 1024
"""Of a form: a memory is 1,000 characters at most."""

OPEN = "/open"
"""The link's path; it alone, and the style, need no cookie."""

STYLE = "/style.css"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NO_LINK = "Open the page by the link that the program gave when it started. A link of an earlier start no longer works."
WRONG_HOST = "Open the page as 127.0.0.1 or localhost."

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving_page(services: OpenServices, port: int) -> AsyncIterator[str]:
    """Serve the page for the time of the block; gives the link that opens it.

    Args:
        services: gives the services for one request.
        port: port of 127.0.0.1 to listen on (0: any free one).

    Raises:
        StartupError: the port can't be opened.
    """
    keys = Keys()
    runner = web.AppRunner(WebServer(services, PageAccess(keys)).application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            raise StartupError(_unopened(port, error)) from None
        yield f"http://{HOST}:{runner.addresses[0][1]}{OPEN}?token={keys.link}"
    finally:
        await runner.cleanup()


class WebServer:
    """Answers requests: checks who asks, calls the page, and renders what it gives."""

    def __init__(self, services: OpenServices, access: PageAccess) -> None:
        self._services = services
        self._access = access
        self._templates = Templates()
        self._style = files("bot.web").joinpath("static/style.css").read_text(encoding="utf-8")

    def application(self) -> web.Application:
        """The application with all its pages."""
        application = web.Application(middlewares=[self._guarded], client_max_size=MOST_BYTES)
        application.router.add_get(OPEN, self._open)
        application.router.add_get(STYLE, self._give_style)
        for path, page in PAGES.items():
            application.router.add_get(path, self._page(page))
        for path, change in CHANGES.items():
            application.router.add_post(path, self._change(change))
        return application

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through who may ask, and give everything the headers; faults become pages."""
        try:
            response = await self._let_through(request, handler)
        except web.HTTPException as answer:
            if answer.status < 400:
                response = web.Response(status=answer.status, headers={"Location": answer.headers["Location"]})
            else:
                response = self._fault(request, answer.status, answer.text or answer.reason)
        response.headers.update(HEADERS)
        return response

    async def _let_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not names_this_machine(request.host):
            return self._fault(request, 403, WRONG_HOST)
        if request.path not in {OPEN, STYLE} and not self._access.is_open(request):
            return self._fault(request, 403, NO_LINK)
        try:
            return await handler(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, other pages go on
            return self._fault(request, *_in_words(error))

    async def _open(self, request: web.Request) -> web.StreamResponse:
        """Take the token out of the address bar and into the cookie."""
        if not self._access.opens(request.query.get("token", "")):
            return self._fault(request, 403, NO_LINK)
        response = web.Response(status=303, headers={"Location": "/"})
        self._access.let_in(request, response)
        return response

    async def _give_style(self, _: web.Request) -> web.Response:
        return web.Response(text=self._style, content_type="text/css")

    def _page(self, page: Callable[[PageServices, web.Request], Awaitable[WebPage]]) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            async with self._services() as services:
                return self._rendered(request, await page(services, request))

        return answer

    def _change(self, change: Callable[[PageServices, web.Request, Mapping[str, str]], Awaitable[WebPage]]) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            form = await self._access.form_of(request)
            async with self._services() as services:
                return self._rendered(request, await change(services, request, form))

        return answer

    def _rendered(self, request: web.Request, shown: WebPage) -> web.Response:
        section = "/" + request.path.split("/")[1]
        text = self._templates.render(shown, section=section, form_token=self._access.form_token)
        return web.Response(text=text, status=shown.status, content_type="text/html")

    def _fault(self, request: web.Request, status: int, text: str) -> web.Response:
        """A page that says what went wrong; with the way to the other pages only for who may open them."""
        known = names_this_machine(request.host) and self._access.is_open(request)
        shown = WebPage("fault", "This did not work", {"text": text})
        rendered = self._templates.render(shown, section=request.path if known else "", form_token="")
        return web.Response(text=rendered, status=status, content_type="text/html")


def _in_words(error: Exception) -> tuple[int, str]:
    """Status and text of the page that tells of an error; the log has it where nobody meant it."""
    match error:
        case NotFound():
            return 404, str(error)
        case UserError():
            return 400, str(error)
        case ChannelMemoryError():
            return 503, str(error)
    log.error("A page failed: %s%s", reason_of(error), frames_of(error))
    if isinstance(error, SQLAlchemyError):
        what, todo = advice_on(error) or ("not to be used", "run `python -m bot doctor`")
        return 503, f"The database is {what}; {todo}."
    return 500, "This page can't be shown: the log says why."


def _unopened(port: int, error: OSError) -> str:
    """Why the port can't be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"WEB_PORT: another program listens on {HOST}:{port}: choose another port"
    if error.errno == errno.EACCES:
        return f"WEB_PORT: this user may not listen on port {port}: choose one above 1023"
    return f"WEB_PORT: {HOST}:{port} can't be listened on ({error.strerror}): choose another port"
