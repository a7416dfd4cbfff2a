"""Times as people write them: which snowflakes they span, in the members' own zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain import UserError, snowflake
from bot.text import parse_since, parse_until
from tests.fixtures.hostile import TIMES

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", datetime(2026, 3, 3, 12, 0, tzinfo=UTC)),
        ("12 hours ago", datetime(2026, 3, 10, 0, 0, tzinfo=UTC)),
        ("30min", datetime(2026, 3, 10, 11, 30, tzinfo=UTC)),
        ("5 minutes ago", datetime(2026, 3, 10, 11, 55, tzinfo=UTC)),
        ("1mo", datetime(2026, 2, 8, 12, 0, tzinfo=UTC)),
        ("2 months ago", datetime(2026, 1, 9, 12, 0, tzinfo=UTC)),
        ("last 3 days", datetime(2026, 3, 7, 12, 0, tzinfo=UTC)),
        ("2w", datetime(2026, 2, 24, 12, 0, tzinfo=UTC)),
        ("3 years", datetime(2023, 3, 11, 12, 0, tzinfo=UTC)),
        ("on wednesday", datetime(2026, 3, 4, tzinfo=UTC)),
        ("20260131", datetime(2026, 1, 31, tzinfo=UTC)),
        ("now", NOW),
        ("monday", datetime(2026, 3, 9, tzinfo=UTC)),
        ("last Tuesday", datetime(2026, 3, 3, tzinfo=UTC)),
        ("today", datetime(2026, 3, 10, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 3, 9, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00+02:00", datetime(2026, 1, 31, 8, 0, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_write_them(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW, UTC) == snowflake.from_datetime(moment)


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("yesterday", datetime(2026, 3, 10, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 2, 1, tzinfo=UTC)),
        ("20260131", datetime(2026, 2, 1, tzinfo=UTC)),
        ("today", datetime(2026, 3, 11, tzinfo=UTC)),
        ("sunday", datetime(2026, 3, 9, tzinfo=UTC)),
    ],
)
def test_until_a_day_includes_that_day(text: str, over: datetime) -> None:
    assert parse_until(text, NOW, UTC) == snowflake.from_datetime(over) - 1


@pytest.mark.parametrize("text", ["3d", "2026-01-31T10:00"])
def test_until_a_moment_includes_that_moment_alone(text: str) -> None:
    assert snowflake.to_ms(parse_until(text, NOW, UTC)) == snowflake.to_ms(parse_since(text, NOW, UTC))


AUCKLAND, BERLIN, LOS_ANGELES = map(ZoneInfo, ("Pacific/Auckland", "Europe/Berlin", "America/Los_Angeles"))


@pytest.mark.parametrize(
    ("zone", "now", "text", "start", "end"),
    [
        (AUCKLAND, "2026-03-10T11:30", "today", "2026-03-10T11:00", "2026-03-11T11:00"),  # half past midnight there
        (AUCKLAND, "2026-03-10T10:30", "today", "2026-03-09T11:00", "2026-03-10T11:00"),  # half past eleven at night
        (AUCKLAND, "2026-03-10T11:30", "monday", "2026-03-08T11:00", "2026-03-09T11:00"),
        (AUCKLAND, "2026-03-10T11:30", "2026-01-31", "2026-01-30T11:00", "2026-01-31T11:00"),
        (LOS_ANGELES, "2026-03-11T06:30", "yesterday", "2026-03-09T07:00", "2026-03-10T07:00"),
        (LOS_ANGELES, "2026-03-11T07:30", "yesterday", "2026-03-10T07:00", "2026-03-11T07:00"),
        (LOS_ANGELES, "2026-03-09T20:00", "yesterday", "2026-03-08T08:00", "2026-03-09T07:00"),  # 23 hours long
        (LOS_ANGELES, "2026-11-02T20:00", "2026-11-01", "2026-11-01T07:00", "2026-11-02T08:00"),  # 25 hours long
        (LOS_ANGELES, "2026-11-01T09:30", "today", "2026-11-01T07:00", "2026-11-02T08:00"),  # the hour that comes twice
    ],
)
def test_a_day_is_one_of_the_members_zone(zone: ZoneInfo, now: str, text: str, start: str, end: str) -> None:
    moment, first, over = (datetime.fromisoformat(f"{time}+00:00") for time in (now, start, end))
    assert parse_since(text, moment, zone) == snowflake.from_datetime(first)
    assert parse_until(text, moment, zone) == snowflake.from_datetime(over) - 1


def test_a_time_of_day_is_one_of_the_members_zone_and_hours_ago_are_hours() -> None:
    noon = datetime(2026, 3, 8, 19, tzinfo=UTC)  # in Los Angeles, where the clock went forward ten hours before
    assert parse_since("2026-03-08T09:00", noon, LOS_ANGELES) == snowflake.from_datetime(noon - timedelta(hours=3))
    assert parse_since("24h", noon, LOS_ANGELES) == snowflake.from_datetime(noon - timedelta(hours=24))


@pytest.mark.parametrize("text", TIMES)
@pytest.mark.parametrize("parse", [parse_since, parse_until])
def test_a_time_without_snowflakes_is_refused_in_one_line(parse: Callable[..., int], text: str) -> None:
    with pytest.raises(UserError, match=r"yesterday.*2026-01-31") as caught:
        parse(text, NOW, UTC)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("parse", [parse_since, parse_until])
@pytest.mark.parametrize("text", ["2015-01-01", "2084-09-06", "12y"])
def test_the_first_and_the_last_day_of_snowflakes_are_times(parse: Callable[..., int], text: str) -> None:
    assert 0 <= parse(text, datetime(2026, 12, 30, tzinfo=UTC), BERLIN) <= snowflake.HIGHEST


@pytest.mark.parametrize("text", ["", "soon", "-3d", "99999y", "9999y", "2026-13-01", "2026-02-30", "9" * 40])
def test_other_times_are_refused_with_examples(text: str) -> None:
    with pytest.raises(UserError, match="yesterday"):
        parse_since(text, NOW, UTC)
