"""Addresses of messages and events."""

from __future__ import annotations


def jump_url(guild_id: int, channel_id: int, message_id: int) -> str:
    """The address of a message in Discord's clients."""
    return f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"


def event_url(guild_id: int, event_id: int) -> str:
    """The address of a server's event in Discord's clients."""
    return f"https://discord.com/events/{guild_id}/{event_id}"
