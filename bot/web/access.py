"""Who may open the page: whoever has the link of this start, on this machine, from the page itself.

The token of the link goes into a cookie that scripts can't read and other sites don't send. A request has to name this
machine as its host, so that no foreign name that resolves to it is let in. A change has to come from the page itself:
by its origin, and by a token that only the page's forms hold.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from aiohttp import web

TOKEN_BYTES = 32
HOSTS = frozenset({"127.0.0.1", "localhost"})
FORM_FIELD = "form_token"
FORM_TYPE = "application/x-www-form-urlencoded"


def _token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


@dataclass(frozen=True, slots=True)
class Keys:
    """The tokens of one start.

    Attributes:
        link: in the link that opens the page.
        session: in the cookie.
        form: in every form.
    """

    link: str = field(default_factory=_token, repr=False)
    session: str = field(default_factory=_token, repr=False)
    form: str = field(default_factory=_token, repr=False)


class PageAccess:
    """Checks requests against the keys of this start."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @property
    def form_token(self) -> str:
        """What every form of the page holds."""
        return self._keys.form

    def opens(self, token: str) -> bool:
        """Whether a token is that of the link."""
        return _same(token, self._keys.link)

    def is_open(self, request: web.Request) -> bool:
        """Whether a request carries the cookie of this start."""
        return _same(request.cookies.get(_cookie(request), ""), self._keys.session)

    def let_in(self, request: web.Request, response: web.Response) -> None:
        """Give the browser the cookie; it ends with the browser's session."""
        response.set_cookie(_cookie(request), self._keys.session, path="/", httponly=True, samesite="Strict")

    async def form_of(self, request: web.Request) -> dict[str, str]:
        """The fields of a form that the page itself sent.

        Raises:
            web.HTTPForbidden: something else sent it.
            web.HTTPUnsupportedMediaType: it is no form.
        """
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden(text="This was not sent by the page itself: open it again by its link.")
        if request.content_type != FORM_TYPE:
            raise web.HTTPUnsupportedMediaType(text="This is no form of the page: open it again by its link.")
        fields = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        if not _same(fields.pop(FORM_FIELD, ""), self._keys.form):
            raise web.HTTPForbidden(text="This form is of an earlier start: open the page again by its new link.")
        return fields


def names_this_machine(host: str) -> bool:
    """Whether a Host header names this machine, on whatever port (a tunnel may have another one)."""
    name, _, port = host.partition(":")
    return name in HOSTS and (not port or port.isdecimal())


def _cookie(request: web.Request) -> str:
    """The name of the cookie: browsers keep cookies by host, whatever the port."""
    return f"channel_memory_{request.host.partition(':')[2] or 80}"


def _same(given: str, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
