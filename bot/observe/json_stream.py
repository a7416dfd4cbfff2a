"""Reading one large JSON object piece by piece, so that memory holds no more than a piece of it."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO, Any

import ijson
from ijson.common import JSONError

__all__ = ["DEEPEST", "JSONError", "ends_early", "members"]

DEEPEST = 100
"""Nesting of what is read; exports of chats need some 10."""

_Events = Iterator[tuple[str, Any]]


def members(file: IO[bytes], listed: str) -> Iterator[tuple[str, Any]]:
    """The members of the object that a file begins with, in the file's order, whatever follows the object.

    Args:
        file: the bytes, with or without a byte order mark.
        listed: the member whose value is given as an iterator where it is a list: use it up before going on.

    Raises:
        JSONError: what follows is not JSON, or ends half-way.
        TypeError: it is another value than an object.
        ValueError: it is nested too deeply.
    """
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)
    events: _Events = ijson.basic_parse(file, use_float=True, multiple_values=True)
    if next(events, None) != ("start_map", None):
        raise TypeError("it does not begin with an object")
    for event, key in events:
        if event == "end_map":
            return
        begins, value = next(events)
        if key == listed and begins == "start_array":
            yield key, _elements(events)
        else:
            yield key, _value(events, begins, value)


def ends_early(error: Exception) -> bool:
    """Whether a file ended where more was to come."""
    return isinstance(error, JSONError) and "premature EOF" in str(error)


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
                raise ValueError("nested too deeply")
    return result


def _container(event: str) -> Any:  # noqa: ANN401 - JSON
    return {} if event == "start_map" else []
