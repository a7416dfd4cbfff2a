"""Telling a channel that it is observed, and what the bot needs there."""

from __future__ import annotations

import discord

from bot.policy import Policy
from cogs.access import Talk

OPERATOR = "the operator of this bot"
FORUM_POST_NAME = "This forum is observed"

_NAMES = {
    "view_channel": "View Channel",
    "read_message_history": "Read Message History",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "connect": "Connect",
}


def missing_permissions(channel: Talk | discord.Thread) -> list[str]:
    """What the bot lacks in `channel` to observe it and to say so there, by the names of Discord's clients."""
    needed = ["view_channel", "read_message_history"]
    needed.append("send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages")
    if isinstance(channel, discord.VoiceChannel | discord.StageChannel):
        needed.append("connect")
    permissions = channel.permissions_for(channel.guild.me)
    return [_NAMES[name] for name in needed if not getattr(permissions, name)]


async def post_notice(
    channel: Talk | discord.Thread, policy: Policy, *, by: int | None, days_back: int = 0
) -> discord.Message:
    """Post the notice that `channel` is observed; in a forum, as a post of its own.

    Args:
        channel: where to tell it.
        policy: what is kept.
        by: the member who decided; None where the operator's settings did.
        days_back: of how many days before now it is read as well.

    Raises:
        discord.HTTPException: it could not be posted.
    """
    text = policy.notice(decided_by=OPERATOR if by is None else f"<@{by}>", days_back=days_back)
    silent = discord.AllowedMentions.none()
    if isinstance(channel, discord.ForumChannel):
        created = await channel.create_thread(name=FORUM_POST_NAME, content=text, allowed_mentions=silent)
        return created.message
    return await channel.send(text, allowed_mentions=silent, suppress_embeds=True)
