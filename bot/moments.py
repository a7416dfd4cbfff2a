"""Times as people write them: `7d`, `yesterday`, `2026-01-31`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bot import snowflake
from bot.errors import UserError

_AGO = re.compile(r"(\d{1,4})\s*(m|min|h|d|w|mo|y)[a-z]*(?:\s+ago)?")
_UNITS = {
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=30),
    "y": timedelta(days=365),
}
_DAYS_BACK = {"today": 0, "yesterday": 1}


def parse_since(text: str, now: datetime) -> int:
    """The first snowflake of the time that `text` names.

    Args:
        text: how long ago (`30m`, `12h`, `7d`, `2w`, `3mo`, `1y`), `today`, `yesterday`, or a date or time in ISO 8601;
            without a zone it is UTC.
        now: the aware time from which is counted.

    Raises:
        UserError: it is none of these.
    """
    words = text.strip().lower()
    if words in _DAYS_BACK:
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return snowflake.from_datetime(midnight - timedelta(days=_DAYS_BACK[words]))
    try:
        if ago := _AGO.fullmatch(words):
            return snowflake.from_datetime(now - int(ago[1]) * _UNITS[ago[2]])
        moment = datetime.fromisoformat(text.strip())
        return snowflake.from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UserError("I don't know that time; write it like `7d`, `12h`, `yesterday` or `2026-01-31`.") from None
