"""What a question asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.domain import snowflake
from bot.recall.question import Question, understand
from tests.fixtures.hostile import TEXTS
from tests.fixtures.recall import ADA, BEN, CLEO


def read(text: str, *, names: dict[int, str] | None = None, asker_id: int | None = None) -> Question:
    """Understand a question of 15 June 2025."""
    now = snowflake.from_datetime(datetime(2025, 6, 15, tzinfo=UTC))
    return understand(text, names=names or {}, asker_id=asker_id, newest=now)


def at(year: int, month: int, day: int, hour: int = 0) -> int:
    """The first snowflake of a UTC time."""
    return snowflake.from_datetime(datetime(year, month, day, hour, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("What did we buy on 3 May, 2024?", (2024, 5, 3), (2024, 5, 4)),
        ("What did we buy on May 3rd 2024?", (2024, 5, 3), (2024, 5, 4)),
        ("What did we buy on the 3rd of May?", (2025, 5, 3), (2025, 5, 4)),
        ("What did we buy on 2024-05-03?", (2024, 5, 3), (2024, 5, 4)),
        ("Was haben wir am 3.5.2024 gekauft?", (2024, 5, 3), (2024, 5, 4)),
        ("What did we buy in December 2023?", (2023, 12, 1), (2024, 1, 1)),
        ("What did we buy in September?", (2024, 9, 1), (2024, 10, 1)),  # the last one there was
        ("What did we buy in early Sept?", (2024, 9, 1), (2024, 10, 1)),
        ("What did we buy yesterday?", (2025, 6, 14), (2025, 6, 15)),
        ("Was haben wir gestern gekauft?", (2025, 6, 14), (2025, 6, 15)),
        ("昨日何を買いましたか", (2025, 6, 14), (2025, 6, 15)),
        ("What did we buy three days ago?", (2025, 6, 12), (2025, 6, 13)),
        ("What did we buy this week?", (2025, 6, 9), (2025, 6, 16)),  # from Monday
        ("What did we buy last week?", (2025, 6, 2), (2025, 6, 9)),
        ("What did we buy 2 weeks ago?", (2025, 5, 26), (2025, 6, 2)),
        ("What did we buy last month?", (2025, 5, 1), (2025, 6, 1)),
        ("What did we buy six months ago?", (2024, 12, 1), (2025, 1, 1)),
        ("What did we buy last week, on 3 May?", (2025, 5, 3), (2025, 5, 4)),  # the plainer one
    ],
)
def test_a_date_is_read_however_it_is_written(
    text: str, start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    (span,) = read(text).spans
    assert (span.start, span.end) == (at(*start), at(*end))


@pytest.mark.parametrize("text", [*TEXTS, *(f"What did we buy on 3 May {year}?" for year in (1900, 1969, 2085, 2099))])
def test_what_no_snowflake_can_be_names_nobody_and_no_time_beyond_them(text: str) -> None:
    question = read(text)
    assert question.people == frozenset()
    for span in question.spans:
        ends = (span.around_start, span.start, span.end, span.around_end, span.first)
        assert 0 <= min(ends) <= max(ends) <= snowflake.HIGHEST


@pytest.mark.parametrize(
    ("zone", "now", "text", "start", "end"),
    [
        ("Pacific/Auckland", "2026-03-10T11:30", "yesterday", "2026-03-09T11:00", "2026-03-10T11:00"),
        ("Pacific/Auckland", "2026-03-10T10:30", "yesterday", "2026-03-08T11:00", "2026-03-09T11:00"),
        ("Pacific/Auckland", "2026-10-31T11:30", "in November", "2026-10-31T11:00", "2026-11-30T11:00"),  # it has begun
        ("Pacific/Auckland", "2026-03-15T11:30", "this week", "2026-03-15T11:00", "2026-03-22T11:00"),  # it is Monday
        ("America/Los_Angeles", "2026-03-10T06:30", "on 2026-03-01", "2026-03-01T08:00", "2026-03-02T08:00"),
        ("America/Los_Angeles", "2026-03-10T06:30", "yesterday", "2026-03-08T08:00", "2026-03-09T07:00"),  # 23 hours
        ("America/Los_Angeles", "2026-03-10T06:30", "last month", "2026-02-01T08:00", "2026-03-01T08:00"),
        ("America/Los_Angeles", "2026-03-10T06:30", "on March 8", "2026-03-08T08:00", "2026-03-09T07:00"),
        ("America/Los_Angeles", "2026-11-02T09:30", "yesterday", "2026-11-01T07:00", "2026-11-02T08:00"),  # 25 hours
    ],
)
def test_a_date_is_one_of_the_members_zone(zone: str, now: str, text: str, start: str, end: str) -> None:
    asked, first, over = (snowflake.from_datetime(datetime.fromisoformat(f"{t}+00:00")) for t in (now, start, end))
    (span,) = understand(f"What did we buy {text}?", names={}, asker_id=None, newest=asked, zone=ZoneInfo(zone)).spans
    assert (span.start, span.end) == (first, over)


@pytest.mark.parametrize("text", ["May I come?", "What happened on 31 February 2024?", "Is 3 enough?", "a decade"])
def test_what_is_no_date_is_not_read_as_one(text: str) -> None:
    assert read(text).spans == ()


def test_what_is_told_the_day_after_is_still_near_the_day() -> None:
    (span,) = read("What happened on 3 May 2024?").spans
    told = [span.closeness(at(2024, 5, 3, 12)), span.closeness(at(2024, 5, 4, 12)), span.closeness(at(2024, 5, 9))]
    assert told == [1.0, 0.5, 0.0]


def test_people_are_whom_it_names_or_mentions_and_the_asker_of_i_and_my() -> None:
    assert read("What did Ben say?", names={BEN: "Ben Okoro"}).people == {BEN}
    assert read(f"What did <@{CLEO}> say?").people == {CLEO}
    assert read("Where are my keys?", asker_id=ADA).people == {ADA}
    assert read("Wo sind meine Schlüssel?", asker_id=ADA).people == {ADA}
    assert read("Where are the keys?", asker_id=ADA).people == frozenset()


def test_words_that_are_names_are_told_from_the_others() -> None:
    words = read("What did Ben cook?", names={BEN: "Ben Okoro"}).words
    assert [word.name for word in words] == [True, False]


def test_a_question_of_nothing_but_names_asks_for_what_they_said() -> None:
    def asks_for_all_of(text: str) -> bool:
        return any(f"a_{BEN}" in word.terms for word in read(text, names={BEN: "Ben"}).words)

    assert asks_for_all_of("What about Ben?")
    assert not asks_for_all_of("What did Ben cook?")


@pytest.mark.parametrize(
    "text",
    ["What is the current budget?", "Was ist das aktuelle Budget?", "Quel est le budget maintenant ?", "現在の予算は"],
)
def test_what_holds_now_is_asked_for_in_several_languages(text: str) -> None:
    assert read(text).wants_now
    assert not read("What was the first budget?").wants_now


def test_several_parts_are_seen_but_names_and_dates_are_none() -> None:
    assert read("What are the budget, the target date and the vendor?").several
    assert not read("What did Ada and Ben eat?", names={ADA: "Ada", BEN: "Ben"}).several
    assert not read("What happened on May 3, 2024?").several


def test_a_question_is_read_with_the_words_people_and_times_of_the_one_before_that_it_leaves_out() -> None:
    earlier = read("What did Ada cook for the party in May 2024?", names={ADA: "Ada"})
    following = read("And how much did the party cost?").after(earlier)
    assert [word.before for word in following.words] == sorted(word.before for word in following.words)
    own, before = ([w.terms for w in following.words if w.before is flag] for flag in (False, True))
    assert own == [word.terms for word in read("And how much did the party cost?").words]
    assert ("cook",) in before
    assert ("parti",) not in before
    assert following.people == earlier.people
    assert following.spans == earlier.without_restriction().spans  # it may ask about another time


def test_what_a_question_tells_itself_counts_and_not_what_the_one_before_told() -> None:
    earlier = read("What did Ada cook in 2023?", names={ADA: "Ada"})
    alone = read("And what did Ben cook in June 2024?", names={BEN: "Ben"})
    following = alone.after(earlier)
    assert (following.people, following.spans) == (alone.people, alone.spans)
    assert not any("2023" in word.terms for word in following.words)


def test_a_day_that_is_rather_still_to_come_does_not_restrict_what_is_searched() -> None:
    asked = datetime(2025, 6, 2, 12, tzinfo=UTC)

    def restricts(text: str) -> bool:
        return understand(text, names={}, asker_id=None, newest=snowflake.from_datetime(asked)).spans[0].restricts

    assert not restricts("Is the open day on 14 June?")
    assert not restricts("What is planned in July?")
    assert restricts("What was said on 14 May?")
    assert restricts("What was said on 28 May?")
