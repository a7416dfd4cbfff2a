"""Telling a channel that it is observed, or is no more, and what the bot needs there."""

from __future__ import annotations

import discord

from bot.domain import Phrase
from bot.guilds import ObservedChannel, Policy, Rules
from bot.languages import Language
from cogs import texts
from cogs.access import Talk
from cogs.faults import UNREACHABLE
from cogs.views.notice import notice_view

OPERATOR = Phrase("the operator of this bot")
FORUM_POST_NAME = Phrase("This forum is observed")
FORUM_POST_NAME_OFF = Phrase("This forum is not observed any more")


def missing_permissions(channel: Talk | discord.Thread) -> list[str]:
    """What the bot lacks in `channel` to observe it and to say so there, by the names of Discord's clients."""
    needed = ["view_channel", "read_message_history"]
    needed.append("send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages")
    if isinstance(channel, discord.VoiceChannel | discord.StageChannel):
        needed.append("connect")
    permissions = channel.permissions_for(channel.guild.me)
    return [texts.permission_name(name) for name in needed if not getattr(permissions, name)]


def notice_text(policy: Policy, *, by: int | None, rules: Rules, days_back: int = 0) -> str:
    """What a notice says; see `post_notice`."""
    return policy.notice(decided_by=_decider(by), days_back=days_back, rules=rules)


async def update_notice(
    guild: discord.Guild, channel: ObservedChannel, policy: Policy, rules: Rules, language: Language
) -> bool:
    """Let the notice of an observed channel name the rules that hold now; False where that can't be done."""
    text = language.translated(notice_text(policy, by=channel.decided_by, rules=rules))
    return await _edit_notice(guild, channel, text, notice_view(language))


async def end_notice(guild: discord.Guild, channel: ObservedChannel, policy: Policy, language: Language) -> bool:
    """Let the notice of a channel that was switched off say so, without buttons; False where that can't be done."""
    text = policy.ended(decided_by=_decider(channel.decided_by), since_ms=channel.decided_ms or 0)
    return await _edit_notice(guild, channel, language.translated(text), None)


async def _edit_notice(guild: discord.Guild, channel: ObservedChannel, text: str, view: discord.ui.View | None) -> bool:
    place = guild.get_channel_or_thread(channel.notice_channel_id or 0)
    if channel.notice_message_id is None or not isinstance(place, discord.abc.Messageable):
        return False
    try:
        notice = place.get_partial_message(channel.notice_message_id)
        await notice.edit(content=text, view=view, allowed_mentions=discord.AllowedMentions.none())
    except UNREACHABLE:
        return False
    return True


async def post_notice(
    channel: Talk | discord.Thread,
    policy: Policy,
    language: Language,
    *,
    by: int | None,
    rules: Rules,
    days_back: int = 0,
) -> discord.Message:
    """Post the notice that `channel` is observed; in a forum, as a post of its own.

    Args:
        channel: where to tell it.
        policy: what is kept.
        language: of the server.
        by: the member who decided; None where the operator's settings did.
        rules: the server's.
        days_back: of how many days before now it is read as well.

    Raises:
        discord.HTTPException, aiohttp.ClientError, OSError: it could not be posted.
    """
    text = language.translated(notice_text(policy, by=by, rules=rules, days_back=days_back))
    name, view = language.translated(FORUM_POST_NAME), notice_view(language)
    silent = discord.AllowedMentions.none()
    if isinstance(channel, discord.ForumChannel):
        created = await channel.create_thread(name=name, content=text, view=view, allowed_mentions=silent)
        return created.message
    return await channel.send(text, view=view, allowed_mentions=silent, suppress_embeds=True)


async def post_ended(
    channel: Talk | discord.Thread, decision: ObservedChannel, policy: Policy, language: Language
) -> bool:
    """Say in `channel` that it is observed no more; False where that can't be done.

    In a forum it is said in the post that told of the observation, and where that is no more, in a new one.
    """
    text = language.translated(policy.ended(decided_by=_decider(decision.decided_by)))
    name = language.translated(FORUM_POST_NAME_OFF)
    silent = discord.AllowedMentions.none()
    post = channel.get_thread(decision.notice_channel_id or 0) if isinstance(channel, discord.ForumChannel) else None
    place = post or channel
    try:
        if isinstance(place, discord.ForumChannel):
            await place.create_thread(name=name, content=text, allowed_mentions=silent)
            return True
        if post is not None:
            await post.edit(name=name)
        await place.send(text, allowed_mentions=silent, suppress_embeds=True)
    except UNREACHABLE:
        return False
    return True


def _decider(by: int | None) -> str:
    return OPERATOR if by is None else f"<@{by}>"
