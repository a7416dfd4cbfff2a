"""Discord's payloads in a shape that discord.py reads, where it can't read them as they came.

Discord and servers like it leave fields out, or send null, where discord.py counts on a value; one of them, in
something that we don't even use, is enough to lose a message, a thread, a channel, or with it a whole server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain import snowflake

Json = Mapping[str, Any]

_CHANNEL: Final[Json] = {"name": "", "position": 0, "bitrate": 64_000, "user_limit": 0, "parent_id": None}
_THREAD: Final[Json] = {"name": "", "owner_id": 0, "message_count": 0, "member_count": 0}
_ROLE: Final[Json] = {"name": "", "permissions": "0", "position": 0}
"""What discord.py counts on. A channel without overwrites has none, as Discord documents it, and a role without
permissions gives none."""

_NULLABLE: Final = frozenset(
    {
        "topic",
        "last_message_id",
        "icon",
        "parent_id",
        "last_pin_timestamp",
        "rtc_region",
        "default_reaction_emoji",
        "default_sort_order",
        "unicode_emoji",
    }
)
"""Fields of channels, threads and roles in which Discord documents null; discord.py knows them."""


OF_MEMORY: Final = (
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "CHANNEL_",
    "THREAD_",
    "GUILD_CREATE",
    "GUILD_UPDATE",
    "GUILD_DELETE",
    "GUILD_ROLE_",
)
"""How the events begin by which what is kept, or who may see it, may change. Anybody can send an odd command, from
outside of any server too: it is no reason to read all servers again."""


@dataclass(frozen=True, slots=True)
class EventPlace:
    """Where something happened, as far as an event says.

    Attributes:
        deletes: messages that were deleted, where it tells of that.
    """

    guild_id: int | None
    channel_id: int | None
    deletes: Sequence[int] = ()


def place_of(event: str, data: object) -> EventPlace:
    """Where an event happened that can't be read."""
    known: Json = data if isinstance(data, Mapping) else {}
    guild_id, channel_id = _id(known.get("guild_id")), _id(known.get("channel_id"))
    if event.startswith("MESSAGE_DELETE"):
        ids = known.get("ids") if isinstance(known.get("ids"), list) else [known.get("id")]
        return EventPlace(guild_id, channel_id, [i for value in ids or () if (i := _id(value)) is not None])
    if event.startswith(("CHANNEL_", "THREAD_")):
        return EventPlace(guild_id, channel_id or _id(known.get("id")))
    return EventPlace(guild_id or (_id(known.get("id")) if event.startswith("GUILD_") else None), channel_id)


def with_poll(message: Any) -> Any:  # noqa: ANN401 - as Discord sent it
    """A message as it came, with null for what its poll lacks: where a field is missing discord.py drops the poll."""
    if isinstance(message, Mapping) and message.get("poll"):
        message["poll"].setdefault("expiry", None)
        for answer in message["poll"].get("answers") or ():
            answer.setdefault("answer_id", None)
            answer["poll_media"].setdefault("text", None)
    return message


def reduced(message: Json) -> dict[str, Any]:
    """Of a message what is kept of it, without anything else that discord.py could stumble upon.

    What can't be read inside, such as one of its attachments, is left out.

    Raises:
        KeyError, TypeError, ValueError: it has no id, author or time.
    """
    author = message["author"]
    bare = {
        "id": str(int(message["id"])),
        "type": message.get("type") or 0,
        "content": _text(message.get("content")),
        "timestamp": message["timestamp"],
        "edited_timestamp": message.get("edited_timestamp"),
        "author": {
            "id": str(int(author["id"])),
            "username": _text(author.get("username")),
            "global_name": author.get("global_name"),
            "discriminator": author.get("discriminator") or "0",
            "avatar": None,
            "bot": bool(author.get("bot")),
            "system": bool(author.get("system")),
        },
        "webhook_id": message.get("webhook_id"),
        "mentions": [],
        "mention_roles": [],
        **_carried(message),
        "message_snapshots": _each(message.get("message_snapshots"), _snapshot),
    }
    for poll in _each([message.get("poll")], _poll):
        bare["poll"] = poll | {"expiry": message["timestamp"]}
    for reference in _each([message.get("message_reference")], _reference):
        bare["message_reference"] = reference
    return bare


def mended(event: str, data: Json) -> dict[str, Any]:
    """What an event tells of a server and what is in it, with what discord.py counts on.

    It takes some payloads without a word that break it later, so this is for all of them.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: that can't be done.
    """
    if event == "GUILD_CREATE":
        return {
            **data,
            "channels": [_filled(_CHANNEL, channel) for channel in data.get("channels") or ()],
            "threads": [_thread(thread) for thread in data.get("threads") or ()],
            "roles": [_filled(_ROLE, role) for role in data.get("roles") or ()],
        }
    if event.startswith("GUILD_ROLE_"):
        return {**data, "role": _filled(_ROLE, data["role"])}
    if event == "THREAD_LIST_SYNC":
        return {**data, "threads": [_thread(thread) for thread in data.get("threads") or ()]}
    if event.startswith("THREAD_"):
        return _thread(data)
    if event.startswith("CHANNEL_"):
        return _filled(_CHANNEL, data)
    return dict(data)


def without_nulls(data: Json) -> dict[str, Any]:
    """A payload without what is null, at its top."""
    return {name: value for name, value in data.items() if value is not None}


def _filled(counted_on: Json, payload: Json) -> dict[str, Any]:
    known = {name: value for name, value in payload.items() if value is not None or name in _NULLABLE}
    return {**counted_on, **known}


def _thread(thread: Json) -> dict[str, Any]:
    filled = _filled(_THREAD, thread)
    if "member" in filled:
        filled["member"] = without_nulls(filled["member"])
    return filled


def _carried(message: Json) -> dict[str, Any]:
    return {
        "attachments": _each(message.get("attachments"), _attachment),
        "sticker_items": _each(message.get("sticker_items"), _sticker),
        "embeds": [],
    }


def _attachment(attachment: Json) -> dict[str, Any]:
    return {
        "id": str(int(attachment.get("id") or 0)),
        "filename": _text(attachment["filename"]),
        "title": attachment.get("title"),
        "description": attachment.get("description"),
        "size": 0,
        "url": "",
        "proxy_url": "",
    }


def _sticker(sticker: Json) -> dict[str, Any]:
    return {"id": str(int(sticker.get("id") or 0)), "name": _text(sticker["name"]), "format_type": 1}


def _poll(poll: Json) -> dict[str, Any]:
    answers = _each(poll.get("answers"), _answer)
    return {
        "question": {"text": _text((poll.get("question") or {}).get("text"))},
        "answers": [{"answer_id": number, "poll_media": media} for number, media in enumerate(answers, 1)],
    }


def _answer(answer: Json) -> dict[str, Any]:
    media = answer["poll_media"]
    return {"text": media.get("text") or _text((media.get("emoji") or {}).get("name"))}


def _reference(reference: Json) -> dict[str, Any]:
    known = without_nulls(reference)
    return {**known, "channel_id": str(int(known["channel_id"]))}


def _snapshot(snapshot: Json) -> dict[str, Any]:
    message = snapshot["message"]
    bare = {
        "type": message.get("type") or 0,
        "content": _text(message.get("content")),
        "timestamp": message.get("timestamp"),
        "edited_timestamp": None,
        **_carried(message),
    }
    return {"message": bare}


def _id(value: object) -> int | None:
    try:
        return snowflake.parse(str(value))
    except ValueError:
        return None


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _each(items: Iterable[Any] | None, read: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """What can be read of the items."""
    readable = []
    for item in items or ():
        try:
            readable.append(read(item))
        except (TypeError, ValueError, LookupError, AttributeError):
            continue
    return readable
