"""The full-text index's own tokens, which tell where a document lies and who said it.

They contain an underscore, which no term does, so that no text can pretend to be elsewhere.
"""

from __future__ import annotations


def guild_token(guild_id: int) -> str:
    """The token of everything said in a guild."""
    return f"g_{guild_id}"


def channel_token(channel_id: int) -> str:
    """The token of everything said in a channel."""
    return f"c_{channel_id}"


def author_token(author_id: int) -> str:
    """The token of everything said by a member."""
    return f"a_{author_id}"


def mention_token(user_id: int) -> str:
    """The token of everything that refers to somebody."""
    return f"m_{user_id}"
