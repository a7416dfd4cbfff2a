"""Discord snowflakes as clocks: every order and every time in this program comes from them.

A snowflake's upper 42 bits are milliseconds since Discord's epoch
(https://discord.com/developers/docs/reference#snowflakes).
"""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000
_TIME_SHIFT = 22


def to_ms(snowflake: int) -> int:
    """Milliseconds since 1970 at which `snowflake` was made."""
    return (snowflake >> _TIME_SHIFT) + EPOCH_MS


def to_datetime(snowflake: int) -> datetime:
    """The aware UTC time at which `snowflake` was made."""
    return datetime.fromtimestamp(to_ms(snowflake) / 1000, tz=UTC)


def from_ms(ms: int) -> int:
    """The lowest snowflake that can have been made at `ms` milliseconds since 1970 (0 before Discord's epoch)."""
    return max(0, ms - EPOCH_MS) << _TIME_SHIFT


def from_datetime(moment: datetime) -> int:
    """The lowest snowflake that can have been made at the aware time `moment`."""
    return from_ms(round(moment.timestamp() * 1000))
