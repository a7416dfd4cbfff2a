"""What discord.py raises where Discord fails, and a name for it that operators can read."""

from __future__ import annotations

import aiohttp
import discord

UNREACHABLE = (discord.HTTPException, aiohttp.ClientError, OSError)
"""Discord declines, fails, breaks the connection off, or does not answer in time."""

UNPARSED = (TypeError, ValueError, LookupError, AttributeError)
"""A payload is not as discord.py expects it."""


def why(error: BaseException) -> str:
    """The HTTP status, or what kind of failure it was; never content."""
    return f"HTTP {error.status}" if isinstance(error, discord.HTTPException) else type(error).__name__
