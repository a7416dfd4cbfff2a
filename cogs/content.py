"""From a Discord message to what the log keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import discord

from bot.domain import MAX_CONTENT, Message
from bot.observe import Said

PEOPLE_TYPES = frozenset({discord.MessageType.default, discord.MessageType.reply})

IsObserved = Callable[[int], bool]


def quote_nothing(channel_id: int) -> bool:
    """Forwarded text is kept from nowhere: for messages that the log does not compare with what was forwarded."""
    return False


def is_from_person(message: discord.Message) -> bool:
    """Whether a person wrote it in a server: no bot, no webhook, no message of Discord itself."""
    author = message.author
    return (
        message.guild is not None
        and message.webhook_id is None
        and not author.bot
        and not author.system
        and message.type in PEOPLE_TYPES
    )


def said(message: discord.Message, *, may_quote: IsObserved) -> Said | None:
    """What the log keeps of a person's message, or None where there is nothing to keep.

    Args:
        message: as Discord sent it.
        may_quote: whether text forwarded from this channel may be kept (nothing of unobserved channels is).
    """
    if not is_from_person(message) or message.guild is None:
        return None
    content = content_of(message, may_quote=may_quote)
    without_quote = content_of(message, may_quote=quote_nothing)
    if not content:
        return None
    logged = Message(
        id=message.id,
        guild_id=message.guild.id,
        channel_id=message.channel.id,
        author_id=message.author.id,
        content=content,
        reply_to=_reply_to(message),
        edited_at=message.edited_at,
    )
    source = message.reference
    if source is None or content == without_quote:
        return Said(logged, message.author.display_name)
    return Said(logged, message.author.display_name, source.message_id, without_quote)


def content_of(message: discord.Message, *, may_quote: IsObserved) -> str:
    """Text first, then one line each for attachments, poll, stickers and forwarded messages."""
    lines = [message.content.strip(), *_extras(message.attachments, message.stickers)]
    if message.poll is not None:
        lines.append(_poll(message.poll))
    lines += _forwarded(message, may_quote)
    return "\n".join(line for line in lines if line)[:MAX_CONTENT]


def _extras(attachments: Iterable[discord.Attachment], stickers: Iterable[discord.StickerItem]) -> list[str]:
    lines = [f"[attachment: {_flat(_with_alt(attachment))}]" for attachment in attachments]
    return lines + [f"[sticker: {_flat(sticker.name)}]" for sticker in stickers]


def _with_alt(attachment: discord.Attachment) -> str:
    name = attachment.title or attachment.filename
    return f"{name} ({attachment.description})" if attachment.description else name


def _poll(poll: discord.Poll) -> str:
    question = getattr(poll.question, "text", poll.question)
    answers = "; ".join(_flat(answer.text or str(answer.emoji or "")) for answer in poll.answers)
    return f"[poll: {_flat(str(question))} ({answers})]"


def _forwarded(message: discord.Message, may_quote: IsObserved) -> list[str]:
    source = message.reference
    inside = source is not None and message.guild is not None and source.guild_id in (None, message.guild.id)
    if not inside or source is None or not may_quote(source.channel_id):
        return ["[forwarded message]"] if message.message_snapshots else []
    lines = []
    for snapshot in message.message_snapshots:
        parts = [_flat(snapshot.content), *_extras(snapshot.attachments, snapshot.stickers)]
        lines.append(f"[forwarded: {' '.join(part for part in parts if part)}]")
    return lines


def _reply_to(message: discord.Message) -> int | None:
    is_reply = message.type is discord.MessageType.reply and message.reference is not None
    return message.reference.message_id if is_reply and message.reference is not None else None


def _flat(text: str) -> str:
    """On one line, so that nobody can write a line that looks like ours."""
    return " ".join(text.split())
