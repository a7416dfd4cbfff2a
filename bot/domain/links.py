"""Addresses of messages."""

from __future__ import annotations


def jump_url(guild_id: int, channel_id: int, message_id: int) -> str:
    """The address of a message in Discord's clients."""
    return f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"
