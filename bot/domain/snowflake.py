"""Discord snowflakes: what is one, and what it says as a clock; every order and time in this program comes from them.

A snowflake's upper 42 bits are milliseconds since Discord's epoch
(https://discord.com/developers/docs/reference#snowflakes).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000
_TIME_SHIFT = 22
HIGHEST = 2**63 - 1
"""No snowflake is higher: databases keep ids as signed 64-bit integers. It is of September 2084."""


def _up_to(highest: int) -> str:
    """Pattern of the whole numbers from 1 to `highest` in ASCII digits, without zeros before them."""
    digits = str(highest)
    shorter = f"[1-9][0-9]{{0,{len(digits) - 2}}}"
    lower = [
        f"{digits[:place]}[{0 if place else 1}-{int(digit) - 1}][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if int(digit) > (0 if place else 1)
    ]
    return f"(?:{'|'.join([shorter, *lower, digits])})"


PATTERN = _up_to(HIGHEST)
"""Matches a snowflake in a text and no other number, so that what it matched is safe to take for an id."""
_SNOWFLAKE = re.compile(PATTERN)


def parse(text: str) -> int:
    """The snowflake that a text from outside is.

    Raises:
        ValueError: it is none: no whole number, zero, or over `HIGHEST`.
    """
    if not _SNOWFLAKE.fullmatch(text):
        raise ValueError(f"must be a snowflake, a whole number from 1 to {HIGHEST}")
    return int(text)


def are_possible(*numbers: int) -> bool:
    """Whether all of these numbers can be snowflakes; no database holds others."""
    return all(0 < number <= HIGHEST for number in numbers)


def to_ms(snowflake: int) -> int:
    """Milliseconds since 1970 at which `snowflake` was made."""
    return (snowflake >> _TIME_SHIFT) + EPOCH_MS


def to_datetime(snowflake: int) -> datetime:
    """The aware UTC time at which `snowflake` was made."""
    return datetime.fromtimestamp(to_ms(snowflake) / 1000, tz=UTC)


FIRST, LAST = to_datetime(0), to_datetime(HIGHEST)
"""The first and the last time that a snowflake can say."""


def from_ms(ms: int) -> int:
    """The lowest snowflake that can have been made at `ms` milliseconds since 1970.

    It is 0 before Discord's epoch and `HIGHEST` after the last moment that a snowflake can say.
    """
    return min(HIGHEST, max(0, ms - EPOCH_MS) << _TIME_SHIFT)


def from_datetime(moment: datetime) -> int:
    """The lowest snowflake that can have been made at the aware time `moment`."""
    return from_ms(round(moment.timestamp() * 1000))
