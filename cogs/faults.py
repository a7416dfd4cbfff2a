"""What discord.py raises where Discord fails, and a name for it that operators can read."""

from __future__ import annotations

import traceback
from pathlib import Path

import aiohttp
import discord

UNREACHABLE = (discord.HTTPException, aiohttp.ClientError, OSError)
"""Discord declines, fails, breaks the connection off, or does not answer in time."""

UNPARSED = (TypeError, ValueError, LookupError, AttributeError)
"""A payload is not as discord.py expects it."""


NOT_SHOWN = (*UNREACHABLE, *UNPARSED, discord.InvalidData)
"""Discord does not show something, or not so that it can be read."""


def why(error: BaseException) -> str:
    """The HTTP status, or what kind of failure it was; never content."""
    return f"HTTP {error.status}" if isinstance(error, discord.HTTPException) else type(error).__name__


def why_unreached(error: BaseException) -> str:
    """The same where nothing of Discord has answered yet: there may be another service."""
    if isinstance(error, (*UNPARSED, aiohttp.ClientResponseError)):
        return "what answers there does not speak Discord's protocol: check DISCORD_API_URL"
    return why(error)


def where(error: BaseException) -> str:
    """What kind of failure it was, and where: the last line that ran, of this program or of a library; no content."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place


_GONE = frozenset({10003, 10004, 10007, 10008, 10013, 10070})
"""Unknown channel, guild, member, message, user, event."""


def says_gone(error: BaseException) -> bool:
    """Whether Discord says itself that what was asked for is no more; a proxy's or an outage's 404 says nothing."""
    return isinstance(error, discord.NotFound) and error.code in _GONE
