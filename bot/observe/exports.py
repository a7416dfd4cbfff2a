"""Reading chat exports: DiscordChatExporter's JSON and the neutral JSON Lines.

A neutral line holds `id`, `guild_id`, `channel_id`, `channel_name`, `author_id`, `author_name`, `created_at`, `content`
and `reply_to`. DiscordChatExporter's format is described at
https://github.com/Tyrrrz/DiscordChatExporter (JSON, one file a channel). Either is read as a stream.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.domain import MAX_CONTENT, Message, UserError, snowflake
from bot.observe.json_stream import JSONError, ends_early, members

FAULTS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a record of the wrong shape raises."""

_PEOPLE_TYPES = frozenset({"Default", "Reply", "ThreadStarterMessage"})
_LIST = "messages"
_PARTIAL = "or take what stands before it with --partial"


class ExportFault(UserError):
    """A place in an export can't be read; what stands before it can."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One message of a person, with the names that the export gives.

    Attributes:
        quotes: the message of the same server that it forwards, where its text is part of the content.
        without_quote: the content to keep where that message is not in the log.
    """

    message: Message
    author_name: str
    channel_name: str
    guild_name: str
    quotes: int | None = None
    without_quote: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file holds, learnt before anything of it is taken.

    Attributes:
        people: messages of people with text.
        ids: of all messages, of bots too, in ascending order; empty where the file can't tell what is missing in it:
            JSON Lines, and what ends half-way.
        fault: why it was not read to its end; empty where it was.
    """

    people: int
    ids: Sequence[int]
    place: tuple[int, int] | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """A file that was recognised.

    Attributes:
        path: the file.
        lines: whether it is neutral JSON Lines.
        partial: what stands before a fault is taken, and the fault left out.
    """

    path: Path
    lines: bool
    partial: bool = False

    def __iter__(self) -> Iterator[Exported]:
        """Messages of people, in the file's order; bots, system messages and messages without text are left out.

        Raises:
            UserError: naming the file, the place and the fault.
        """
        return (exported for exported in self.of_people() if exported.message.content)

    def of_people(self) -> Iterator[Exported]:
        """The same with those that hold no text, as after an edit that took it out."""
        return (exported for _, exported in self._taken() if exported is not None)

    def survey(self) -> Survey:
        """Read the file once to its end.

        Raises:
            UserError: naming the file, the place and the fault.
        """
        people, ids = 0, array("q")
        place: tuple[int, int] | None = None
        fault = ""
        try:
            for message_id, exported in self._read():
                people += exported is not None and bool(exported.message.content)
                if exported is not None and place is None:
                    place = exported.message.guild_id, exported.message.channel_id
                ids.append(message_id)
        except ExportFault as error:
            if not self.partial:
                raise
            fault = str(error).removesuffix(f", {_PARTIAL}")
        complete = not self.lines and not fault
        return Survey(people, array("q", sorted(ids)) if complete else (), place, fault)

    def _taken(self) -> Iterator[tuple[int, Exported | None]]:
        try:
            yield from self._read()
        except ExportFault:
            if not self.partial:
                raise

    def _read(self) -> Iterator[tuple[int, Exported | None]]:
        """Every message by its id; None where it is of a bot or of Discord itself."""
        return _read_lines(self.path) if self.lines else _read_chat_exporter(self.path)


def open_export(path: Path, *, partial: bool = False) -> Export:
    """Recognise an export by the keys that it begins with.

    Args:
        path: the file.
        partial: whether what stands before a fault is to be taken.

    Raises:
        UserError: the file is missing, unreadable, empty or neither format.
    """
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise UserError(f"{path} is empty; name a chat export")
            file.seek(0)
            lines = all(key != _LIST for key, _ in members(file, _LIST))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or 'cannot be read'}; name a chat export") from None
    except (*FAULTS, JSONError) as error:
        raise _unknown(path, error) from None
    return Export(path, lines, partial)


def _unknown(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} is neither JSON Lines nor a DiscordChatExporter file ({_explain(error)}); export as Json")


def _read_lines(path: Path) -> Iterator[tuple[int, Exported]]:
    number, line = 0, ""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 - said in the error
                if line.strip():
                    exported = _neutral(json.loads(line))
                    yield exported.message.id, exported
    except UnicodeDecodeError:
        raise ExportFault(
            f"{path}, after line {number}: not text in UTF-8; mend or remove what follows, {_PARTIAL}"
        ) from None
    except FAULTS as error:
        end = "" if line.endswith("\n") else ", and the file ends there"
        raise ExportFault(f"{path}:{number}: {_explain(error)}{end}; mend or remove that line, {_PARTIAL}") from None


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


@dataclass(frozen=True, slots=True)
class _Channel:
    """Where the messages of a DiscordChatExporter file were said."""

    guild_id: int
    channel_id: int
    guild_name: str
    name: str


def _read_chat_exporter(path: Path) -> Iterator[tuple[int, Exported | None]]:
    number = 0
    head: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            for key, value in members(file, _LIST):
                if key != _LIST:
                    head[key] = value
                    continue
                channel = _channel(path, head, value)
                for number, record in enumerate(value, start=1):
                    yield _message_of(channel, record, path, number)
    except (*FAULTS, JSONError) as error:
        if not number:
            raise _unknown(path, error) from None
        what = "ends half-way" if ends_early(error) else f"can't be read ({_explain(error)})"
        raise ExportFault(f"{path} {what} after message {number:,}; export the channel again, {_PARTIAL}") from None


def _channel(path: Path, head: Mapping[str, Any], listed: object) -> _Channel:
    guild, channel = head["guild"], head["channel"]
    if str(guild["id"]) == "0":
        raise UserError(f"{path} holds direct messages; only channels of a server can be replayed")
    if not isinstance(listed, Iterator):
        raise TypeError(f"{_LIST} must be a list")
    return _Channel(
        _snowflake(guild, "id"),
        _snowflake(channel, "id"),
        str(guild.get("name") or ""),
        str(channel.get("name") or ""),
    )


def _message_of(channel: _Channel, record: Mapping[str, Any], path: Path, number: int) -> tuple[int, Exported | None]:
    try:
        message_id = _snowflake(record, "id")
        author = record["author"]
        if author.get("isBot") or record.get("type", "Default") not in _PEOPLE_TYPES:
            return message_id, None
        return message_id, _chat_exporter_message(record, channel)
    except FAULTS as error:
        raise ExportFault(
            f"{path}, message {number}: {_explain(error)}; export the channel again, {_PARTIAL}"
        ) from None


def _chat_exporter_message(record: Mapping[str, Any], channel: _Channel) -> Exported:
    author, reference = record["author"], record.get("reference") or {}
    edited = record.get("timestampEdited")
    referred = _snowflake(reference, "messageId") if reference.get("messageId") else None
    content, without_quote = _chat_exporter_content(record)
    inside = str(reference.get("guildId") or channel.guild_id) == str(channel.guild_id)
    message = Message(
        id=_snowflake(record, "id"),
        guild_id=channel.guild_id,
        channel_id=channel.channel_id,
        author_id=_snowflake(author, "id"),
        content=content if inside and referred else without_quote,
        reply_to=None if record.get("forwardedMessage") else referred,
        edited_at=_moment(edited) if edited else None,
    )
    name = _text(author, "nickname" if author.get("nickname") else "name")
    quotes = referred if message.content != without_quote else None
    return Exported(message, name, channel.name, channel.guild_name, quotes, without_quote)


def _chat_exporter_content(record: Mapping[str, Any]) -> tuple[str, str]:
    """Text first, then one line each for attachments, stickers and a forwarded message; with its text, and without."""
    own = [_with_mentions(_text(record, "content"), record.get("mentions") or ()).strip(), *_extras(record)]
    forwarded = record.get("forwardedMessage")
    if not forwarded:
        return _joined(own), _joined(own)
    parts = [_flat(_text(forwarded, "content")), *_extras(forwarded)]
    quote = f"[forwarded: {' '.join(part for part in parts if part)}]"
    return _joined([*own, quote]), _joined([*own, "[forwarded message]"])


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)[:MAX_CONTENT]


def _extras(record: Mapping[str, Any]) -> list[str]:
    lines = [f"[attachment: {_flat(_text(each, 'fileName'))}]" for each in record.get("attachments") or ()]
    return lines + [f"[sticker: {_flat(_text(each, 'name'))}]" for each in record.get("stickers") or ()]


def _flat(text: str) -> str:
    """On one line, so that nobody can write a line that looks like ours."""
    return " ".join(text.split())


def _with_mentions(content: str, people: Sequence[Mapping[str, Any]]) -> str:
    """The text with people as `<@id>` again, of whom the exporter wrote `@Display name`.

    The longest name counts, and what two of them are called stays as it is.
    """
    called: defaultdict[str, set[int]] = defaultdict(set)
    for person in people:
        for field in ("nickname", "name"):
            if person.get(field):
                called[_text(person, field)].add(_snowflake(person, "id"))
    if not called:
        return content
    longest_first = sorted(called, key=lambda name: (-len(name), name))
    names = re.compile(f"@({'|'.join(map(re.escape, longest_first))})(?!\\w)")

    def mention(match: re.Match[str]) -> str:
        ids = called[match[1]]
        return match[0] if len(ids) > 1 else f"<@{min(ids)}>"

    return names.sub(mention, content)


def _snowflake(record: Mapping[str, Any], field: str) -> int:
    value = record[field]
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{field} must be a snowflake")
    try:
        return snowflake.parse(str(value))
    except ValueError as error:
        raise ValueError(f"{field} {error}") from None


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
    if isinstance(error, JSONError):
        return "it ends half-way" if ends_early(error) else "not JSON"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON at column {error.colno}"
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)
