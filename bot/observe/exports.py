"""Reading chat exports: DiscordChatExporter's JSON and the neutral JSON Lines.

A neutral line holds `id`, `guild_id`, `channel_id`, `channel_name`, `author_id`, `author_name`, `created_at`, `content`
and `reply_to`. DiscordChatExporter's format is described at
https://github.com/Tyrrrz/DiscordChatExporter (JSON, one file a channel).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.domain import MAX_CONTENT, Message, UserError, snowflake

FAULTS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a record of the wrong shape raises."""

_PEOPLE_TYPES = frozenset({"Default", "Reply", "ThreadStarterMessage"})


@dataclass(frozen=True, slots=True)
class Exported:
    """One message of a person, with the names that the export gives."""

    message: Message
    author_name: str
    channel_name: str
    guild_name: str


@dataclass(frozen=True, slots=True)
class Export:
    """A file that was recognised.

    Attributes:
        path: the file.
        lines: whether it is neutral JSON Lines.
    """

    path: Path
    lines: bool

    def __iter__(self) -> Iterator[Exported]:
        """Messages of people, in the file's order; bots, system messages and messages without text are left out.

        Raises:
            UserError: naming the file, the place and the fault.
        """
        found = _read_lines(self.path) if self.lines else _read_chat_exporter(self.path)
        return (one for one in found if one.message.content)


def open_export(path: Path) -> Export:
    """Recognise an export by its first character and its keys.

    Raises:
        UserError: the file is missing, unreadable, empty or neither format.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = next((line.strip() for line in file if line.strip()), "")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or 'cannot be read'}; name a chat export") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text in UTF-8; name a chat export in JSON") from None
    if not first:
        raise UserError(f"{path} is empty; name a chat export")
    return Export(path, lines=_is_neutral_line(first))


def _is_neutral_line(first: str) -> bool:
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "messages" not in record


def _read_lines(path: Path) -> Iterator[Exported]:
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 - told in the error
                if line.strip():
                    yield _neutral(json.loads(line))
    except UnicodeDecodeError:
        raise UserError(f"{path}, after line {number}: not text in UTF-8; mend or remove what follows") from None
    except FAULTS as error:
        raise UserError(f"{path}:{number}: {_explain(error)}; mend or remove that line") from None


def _neutral(record: Mapping[str, Any]) -> Exported:
    reply_to = record.get("reply_to")
    message = Message(
        id=_snowflake(record, "id"),
        guild_id=_snowflake(record, "guild_id"),
        channel_id=_snowflake(record, "channel_id"),
        author_id=_snowflake(record, "author_id"),
        content=_text(record, "content").strip()[:MAX_CONTENT],
        reply_to=None if reply_to is None else _snowflake(record, "reply_to"),
    )
    return Exported(message, _text(record, "author_name"), str(record.get("channel_name") or ""), "")


def _read_chat_exporter(path: Path) -> Iterator[Exported]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        guild, channel = document["guild"], document["channel"]
        if str(guild["id"]) == "0":
            raise UserError(f"{path} holds direct messages; only channels of a server can be replayed")
        guild_id, channel_id = _snowflake(guild, "id"), _snowflake(channel, "id")
        messages = _list(document, "messages")
    except FAULTS as error:
        raise UserError(
            f"{path} is neither JSON Lines nor a DiscordChatExporter file ({_explain(error)}); export as Json"
        ) from None
    for number, record in enumerate(messages, start=1):
        try:
            if record["author"].get("isBot") or record.get("type", "Default") not in _PEOPLE_TYPES:
                continue
            message = _chat_exporter_message(record, guild_id, channel_id)
            name = _text(record["author"], "nickname" if record["author"].get("nickname") else "name")
        except FAULTS as error:
            raise UserError(f"{path}, message {number}: {_explain(error)}; export the channel again") from None
        yield Exported(message, name, str(channel.get("name") or ""), str(guild.get("name") or ""))


def _chat_exporter_message(record: Mapping[str, Any], guild_id: int, channel_id: int) -> Message:
    reference = record.get("reference") or {}
    edited = record.get("timestampEdited")
    return Message(
        id=_snowflake(record, "id"),
        guild_id=guild_id,
        channel_id=channel_id,
        author_id=_snowflake(record["author"], "id"),
        content=_chat_exporter_content(record),
        reply_to=_snowflake(reference, "messageId") if reference.get("messageId") else None,
        edited_at=_moment(edited) if edited else None,
    )


def _chat_exporter_content(record: Mapping[str, Any]) -> str:
    content = _text(record, "content")
    for person in record.get("mentions") or ():  # the exporter replaces <@id> by @name
        for name in {person.get("nickname"), person.get("name")} - {None, ""}:
            content = re.sub(rf"@{re.escape(name)}(?!\w)", f"<@{_snowflake(person, 'id')}>", content)
    lines = [content.strip()]
    lines += [f"[attachment: {_text(a, 'fileName')}]" for a in record.get("attachments") or ()]
    lines += [f"[sticker: {_text(s, 'name')}]" for s in record.get("stickers") or ()]
    return "\n".join(line for line in lines if line)[:MAX_CONTENT]


def _snowflake(record: Mapping[str, Any], field: str) -> int:
    value = record[field]
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{field} must be a snowflake")
    try:
        return snowflake.parse(str(value))
    except ValueError as error:
        raise ValueError(f"{field} {error}") from None


def _list(record: Mapping[str, Any], field: str) -> list[Any]:
    value = record[field]
    if not isinstance(value, list):
        raise TypeError(f"{field} must be a list")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if not snowflake.FIRST <= moment <= snowflake.LAST:
        raise ValueError("timestampEdited is no time that Discord has or can have")
    return moment


def _text(record: Mapping[str, Any], field: str) -> str:
    value = record[field]
    if not isinstance(value, str):
        raise TypeError(f"{field} must be text")
    return value


def _explain(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON at column {error.colno}"
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)
