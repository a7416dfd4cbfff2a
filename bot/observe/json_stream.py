"""Reading one large JSON object piece by piece, so that memory holds no more than a piece of it."""

from __future__ import annotations

import codecs
import io
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import IO, Any

import ijson
from ijson.common import JSONError
from ijson.utils import sendable_list

__all__ = ["DEEPEST", "Damage", "Damaged", "damage_of", "members"]

DEEPEST = 100
"""Nesting of what is read; exports of chats need some 10."""

BLOCK = 64 * 1024
"""Bytes that are read at once."""

LONGEST_CHARACTER = 4
"""Bytes of a character in UTF-8."""

_Events = Iterator[tuple[str, Any]]


class Damage(StrEnum):
    """What keeps JSON from being read on, in plain words."""

    NOT_JSON = "not JSON"
    NOT_UTF8 = "not text in UTF-8"
    TOO_DEEP = "nested too deeply"
    EARLY = "ends half-way"
    BEHIND = "text behind its end"


class Damaged(ValueError):
    """JSON that can't be read beyond a place; the text says why, and where.

    Attributes:
        damage: why.
        byte: where it was noticed, counted from 1; 0 where that is not known.
    """

    def __init__(self, damage: Damage, byte: int = 0) -> None:
        super().__init__(f"{damage} at byte {byte:,}" if byte else damage)
        self.damage = damage
        self.byte = byte

    def after(self, count: int) -> Damaged:
        """The same in a text before which so many bytes stand."""
        return Damaged(self.damage, self.byte and self.byte + count)


def members(file: IO[bytes], listed: str) -> Iterator[tuple[str, Any]]:
    """The members of the object that is the whole of a file, in the file's order.

    What stands before a damaged place is given before the damage is raised.

    Args:
        file: the bytes, with or without a byte order mark.
        listed: the member whose value is given as an iterator where it is a list: use it up before going on.

    Raises:
        Damaged: what follows is not JSON, or ends half-way, or stands behind the end of the object.
        TypeError: it is another value than an object.
    """
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)
    events = _events(file)
    if next(events, None) != ("start_map", None):
        raise TypeError("it does not begin with an object")
    for event, key in events:
        if event == "end_map":
            break
        begins, value = next(events)
        if key == listed and begins == "start_array":
            yield key, _elements(events)
        else:
            yield key, _value(events, begins, value)
    try:
        next(events, None)
    except Damaged as error:
        raise Damaged(Damage.BEHIND, error.byte) from None


def damage_of(text: bytes) -> Damaged:
    """Where a text, which could not be read as JSON, is damaged."""
    try:
        with suppress(TypeError):
            deque(members(io.BytesIO(text), ""), maxlen=0)
        deque(_events(io.BytesIO(text)), maxlen=0)
    except Damaged as error:
        return error
    return Damaged(Damage.TOO_DEEP)


def _events(file: IO[bytes]) -> _Events:
    """What a parser meets, up to the end of the file or the damage."""
    begin = position = file.tell()
    events = sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    while block := file.read(BLOCK):
        try:
            parser.send(block)
        except (JSONError, UnicodeDecodeError):
            yield from events
            raise _located(file, begin, position, block) from None
        yield from events
        events.clear()
        position += len(block)
    try:
        parser.close()
    except (JSONError, UnicodeDecodeError):
        yield from events
        raise Damaged(Damage.EARLY, position) from None
    yield from events


def _located(file: IO[bytes], begin: int, position: int, block: bytes) -> Damaged:
    """The damage in a block, looked for byte by byte: the parser does not tell where it stopped."""
    parser = ijson.basic_parse_coro(sendable_list(), use_float=True)
    file.seek(begin)
    while file.tell() < position:
        parser.send(file.read(min(BLOCK, position - file.tell())))
    for index in range(len(block)):
        try:
            parser.send(block[index : index + 1])
        except UnicodeDecodeError:
            return Damaged(Damage.NOT_UTF8, position + index + 1)
        except JSONError:
            before = block[max(0, index + 1 - LONGEST_CHARACTER) : index + 1]
            return Damaged(Damage.NOT_JSON if _is_utf8(before) else Damage.NOT_UTF8, position + index + 1)
    return Damaged(Damage.NOT_JSON)


def _is_utf8(text: bytes) -> bool:
    """Whether a piece of text, which may begin and end within a character, is UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text.lstrip(bytes(range(0x80, 0xC0))))
    except UnicodeDecodeError:
        return False
    return True


def _elements(events: _Events) -> Iterator[Any]:
    for event, value in events:
        if event == "end_array":
            return
        yield _value(events, event, value)


def _value(events: _Events, event: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value that begins with this event."""
    if not event.startswith("start"):
        return value
    result = _container(event)
    path, key = [result], ""
    for event, value in events:
        if event == "map_key":
            key = value
        elif event.startswith("end"):
            path.pop()
            if not path:
                break
        else:
            opens = event.startswith("start")
            item = _container(event) if opens else value
            into = path[-1]
            if isinstance(into, list):
                into.append(item)
            else:
                into[key] = item
            if opens:
                path.append(item)
            if len(path) > DEEPEST:
                raise Damaged(Damage.TOO_DEEP)
    return result


def _container(event: str) -> Any:  # noqa: ANN401 - JSON
    return {} if event == "start_map" else []
