"""Reading chat exports: DiscordChatExporter's JSON and the neutral JSON Lines.

A neutral line holds `id`, `guild_id`, `channel_id`, `channel_name`, `author_id`, `author_name`, `created_at`, `content`
and `reply_to`. DiscordChatExporter's format is described at
https://github.com/Tyrrrz/DiscordChatExporter (JSON, one file a channel). Either is read as a stream.
"""

from __future__ import annotations

import codecs
import json
import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from bot.domain import MAX_CONTENT, Message, UserError
from bot.observe.export_fields import FieldFault, Fields
from bot.observe.json_stream import Damage, Damaged, damage_of, members

_PEOPLE_TYPES = frozenset({"Default", "Reply", "ThreadStarterMessage"})
_LIST = "messages"
_CALLS = frozenset({"everyone", "here"})
"""What stands behind an @ and calls a whole channel; nobody of that name is meant."""

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
        repeated: ids of messages that stand in it more than once, each with how often.
    """

    people: int
    ids: Sequence[int]
    place: tuple[int, int] | None
    fault: str = ""
    repeated: Mapping[int, int] = field(default_factory=dict)


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

    def of_people(self, repeated: Mapping[int, int] | None = None) -> Iterator[Exported]:
        """The same with those that hold no text, as after an edit that took it out.

        Args:
            repeated: of messages that stand in the file more than once how often, so that only the last counts.
        """
        left = dict(repeated or {})
        for message_id, exported in self._taken():
            if left.get(message_id, 1) > 1:
                left[message_id] -= 1
            elif exported is not None:
                yield exported

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
        in_order = array("q", sorted(ids))
        return Survey(people, in_order if complete else (), place, fault, _repeated(in_order))

    def _taken(self) -> Iterator[tuple[int, Exported | None]]:
        try:
            yield from self._read()
        except ExportFault:
            if not self.partial:
                raise

    def _read(self) -> Iterator[tuple[int, Exported | None]]:
        """Every message by its id; None where it is of a bot or of Discord itself."""
        return _read_lines(self.path) if self.lines else _read_chat_exporter(self.path)


def _repeated(in_order: Sequence[int]) -> dict[int, int]:
    """Ids that stand more than once in a sorted list, each with how often."""
    times: dict[int, int] = {}
    for before, after in pairwise(in_order):
        if before == after:
            times[after] = times.get(after, 1) + 1
    return times


def open_export(path: Path, *, partial: bool = False) -> Export:
    """Recognise an export by the keys that it begins with.

    Args:
        path: the file.
        partial: whether what stands before a fault is to be taken.

    Raises:
        UserError: the file is missing, unreadable, empty, neither format, or ends before its first message.
    """
    try:
        with path.open("rb") as file:
            if not file.seekable():
                raise UserError(f"{path} is no file, and an export is read twice: save it, and name the file")
            if not file.read(1):
                raise UserError(f"{path} is empty; name a chat export")
            file.seek(0)
            lines = _LIST not in _keys(file)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or 'cannot be read'}; name a chat export") from None
    except (Damaged, TypeError) as error:
        raise _unknown(path, error) from None
    return Export(path, lines, partial)


def _keys(file: IO[bytes]) -> list[str]:
    """The keys of the object that a file begins with, up to the list of messages."""
    keys: list[str] = []
    try:
        for key, _ in members(file, _LIST):
            keys.append(key)
            if key == _LIST:
                break
    except Damaged as error:
        if error.damage is not Damage.BEHIND:  # in JSON Lines the other messages stand there
            raise
    return keys


def _unknown(path: Path, error: Exception) -> UserError:
    if isinstance(error, Damaged) and error.damage is Damage.EARLY:
        return UserError(f"{path} {error}, before its first message; export it again")
    return UserError(f"{path} is neither JSON Lines nor a DiscordChatExporter file ({error}); export as Json")


def _read_lines(path: Path) -> Iterator[tuple[int, Exported]]:
    position = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line if number > 1 else line.removeprefix(codecs.BOM_UTF8)
            position += len(line) - len(text)
            if text.strip():
                exported = _line_of(path, number, position, text)
                yield exported.message.id, exported
            position += len(text)


def _line_of(path: Path, number: int, position: int, line: bytes) -> Exported:
    """The message of a line, before which so many bytes stand."""
    try:
        return _neutral(Fields(json.loads(line.decode())))
    except FieldFault as error:
        raise ExportFault(f"{path}:{number}: {error}; mend or remove that line, {_PARTIAL}") from None
    except (ValueError, RecursionError):
        damage = damage_of(line).after(position)
    if damage.damage is Damage.EARLY and not line.endswith(b"\n"):
        raise ExportFault(f"{path} {damage} (line {number:,}); export it again, {_PARTIAL}")
    raise ExportFault(f"{path}:{number}: {damage}; mend or remove that line, {_PARTIAL}")


def _neutral(record: Fields) -> Exported:
    message = Message(
        id=record.id("id"),
        guild_id=record.id("guild_id"),
        channel_id=record.id("channel_id"),
        author_id=record.id("author_id"),
        content=record.text("content").strip()[:MAX_CONTENT],
        reply_to=None if record.is_null("reply_to") else record.id("reply_to"),
    )
    channel_name = record.text("channel_name") if record.has("channel_name") else ""
    return Exported(message, record.text("author_name"), channel_name, "")


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
                channel = _channel(path, Fields(head), value)
                for number, record in enumerate(value, start=1):
                    yield _message_of(channel, record, path, number)
    except FieldFault as error:
        raise _unknown(path, error) from None
    except Damaged as error:
        if not number:
            raise _unknown(path, error) from None
        what = str(error) if error.damage is Damage.EARLY else f"can't be read on: {error}"
        raise ExportFault(f"{path} {what}, after message {number:,}; export the channel again, {_PARTIAL}") from None


def _channel(path: Path, head: Fields, listed: object) -> _Channel:
    guild, channel = head.object("guild"), head.object("channel")
    if guild.has("id") and guild.value("id") in ("0", 0):
        raise UserError(f"{path} holds direct messages; only channels of a server can be replayed")
    if not isinstance(listed, Iterator):
        raise FieldFault(f"{_LIST} must be a list")
    return _Channel(guild.id("id"), channel.id("id"), _name_of(guild), _name_of(channel))


def _name_of(place: Fields) -> str:
    return place.text("name") if place.has("name") else ""


def _message_of(channel: _Channel, value: object, path: Path, number: int) -> tuple[int, Exported | None]:
    try:
        record = Fields(value)
        message_id, author = record.id("id"), record.object("author")
        of_a_person = not record.has("type") or record.text("type") in _PEOPLE_TYPES
        if (author.has("isBot") and author.truth("isBot")) or not of_a_person:
            return message_id, None
        return message_id, _chat_exporter_message(record, channel)
    except FieldFault as error:
        raise ExportFault(f"{path}, message {number:,}: {error}; export the channel again, {_PARTIAL}") from None


def _chat_exporter_message(record: Fields, channel: _Channel) -> Exported:
    author = record.object("author")
    reference = record.object("reference") if record.has("reference") else Fields({})
    referred = reference.id("messageId") if reference.has("messageId") else None
    content, without_quote = _chat_exporter_content(record)
    inside = not reference.has("guildId") or reference.id("guildId") == channel.guild_id
    message = Message(
        id=record.id("id"),
        guild_id=channel.guild_id,
        channel_id=channel.channel_id,
        author_id=author.id("id"),
        content=content if inside and referred else without_quote,
        reply_to=None if record.has("forwardedMessage") else referred,
        edited_at=record.moment("timestampEdited") if record.has("timestampEdited") else None,
    )
    name = author.text("nickname" if author.has("nickname") else "name")
    quotes = referred if message.content != without_quote else None
    return Exported(message, name, channel.name, channel.guild_name, quotes, without_quote)


def _chat_exporter_content(record: Fields) -> tuple[str, str]:
    """Text first, then one line each for attachments, stickers and a forwarded message; with its text, and without."""
    own = [_with_mentions(record.text("content"), record.objects("mentions")).strip(), *_extras(record)]
    if not record.has("forwardedMessage"):
        return _joined(own), _joined(own)
    forwarded = record.object("forwardedMessage")
    parts = [_flat(forwarded.text("content")), *_extras(forwarded)]
    quote = f"[forwarded: {' '.join(part for part in parts if part)}]"
    return _joined([*own, quote]), _joined([*own, "[forwarded message]"])


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if line)[:MAX_CONTENT]


def _extras(record: Fields) -> list[str]:
    lines = [f"[attachment: {_flat(each.text('fileName'))}]" for each in record.objects("attachments")]
    return lines + [f"[sticker: {_flat(each.text('name'))}]" for each in record.objects("stickers")]


def _flat(text: str) -> str:
    """On one line, so that nobody can write a line that looks like ours."""
    return " ".join(text.split())


def _with_mentions(content: str, people: Sequence[Fields]) -> str:
    """The text with people as `<@id>` again, of whom the exporter wrote `@Display name`.

    The longest name counts, and what two of them are called stays as it is.
    """
    called: defaultdict[str, set[int]] = defaultdict(set)
    for person in people:
        for name in ("nickname", "name"):
            if person.has(name):
                called[person.text(name)].add(person.id("id"))
    longest_first = sorted(called.keys() - _CALLS, key=lambda name: (-len(name), name))
    if not longest_first:
        return content
    names = re.compile(f"(?<!\\w)@({'|'.join(map(re.escape, longest_first))})(?!\\w)")

    def mention(match: re.Match[str]) -> str:
        ids = called[match[1]]
        return match[0] if len(ids) > 1 else f"<@{min(ids)}>"

    return names.sub(mention, content)
