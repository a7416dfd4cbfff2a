"""Whether it is Qdrant that answers at an address, and which version."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Final

import httpx

from bot.domain import ServiceUnavailable, Trouble, one_line
from bot.index.layout import QdrantAddress
from bot.llm import ODD_ANSWERS, PROBE_SECONDS, Wire, who_answers

CLIENT: Final = "qdrant-client"

FARTHEST: Final = 1
"""Minor versions between client and server, by the client's own rule; the major ones have to be the same."""

FROM_SOURCE: Final = (0, 0)
"""Major and minor version that a build from source may tell."""

_NUMBERS = re.compile(r"v?(\d{1,4})\.(\d{1,4})")


async def qdrant_version(address: QdrantAddress) -> str:
    """The version of the server, asked without the key, which it takes for nothing else either.

    Raises:
        ServiceUnavailable: it does not answer, or is something else.
    """
    server = address.server
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS) as client:
            answer = await client.get(server.place)
            return one_line(str(answer.json()["version"]))
    except httpx.HTTPError as error:
        failure = Wire(httpx).failure(error, "qdrant", server)
        raise ServiceUnavailable("qdrant", failure.what, failure.todo) from None
    except ODD_ANSWERS:
        who = await who_answers(server.place)
        raise ServiceUnavailable("qdrant", *server.words(Trouble.OTHER, who)) from None


def client_version() -> str:
    """The version of the client library."""
    return version(CLIENT)


def too_far_apart(client: str, server: str) -> bool:
    """Whether the client library is not made for a server of that version; what can't be read as one is not."""
    theirs, ours = _NUMBERS.match(server), _NUMBERS.match(client)
    if theirs is None or ours is None:
        return False
    major, minor = map(int, theirs.groups())
    if (major, minor) == FROM_SOURCE:
        return False
    return major != int(ours[1]) or abs(minor - int(ours[2])) > FARTHEST
