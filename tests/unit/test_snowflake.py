"""What a snowflake is, and that nothing else is taken for one."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import snowflake
from bot.domain.references import SOMEBODY, people_in, with_names, without_people
from tests.fixtures.hostile import NO_IDS, NO_SNOWFLAKES

NUMBERS = st.one_of(
    st.integers(0, 10**20),
    st.integers(-1000, 1000).map(lambda step: snowflake.HIGHEST + step),
    st.tuples(st.integers(0, 63), st.integers(-2, 2)).map(lambda near: abs(2 ** near[0] + near[1])),
    st.tuples(st.integers(0, 20), st.integers(-2, 2)).map(lambda near: abs(10 ** near[0] + near[1])),
)


@given(number=NUMBERS)
def test_a_snowflake_is_a_number_from_1_to_what_databases_hold(number: int) -> None:
    matched = re.fullmatch(snowflake.PATTERN, str(number)) is not None
    assert matched == (1 <= number <= 2**63 - 1)
    if matched:
        assert snowflake.parse(str(number)) == number


@pytest.mark.parametrize("text", NO_IDS)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match="must be a snowflake") as caught:
        snowflake.parse(text)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("number", NO_SNOWFLAKES)
def test_a_mention_without_one_is_text_like_any_other(number: str) -> None:
    text = f"<@{number}> and <@!{number}> ask <@7>"
    assert people_in([text]) == {7}
    assert with_names(text, {7: "Ada"}) == f"<@{number}> and <@!{number}> ask Ada"
    assert with_names(text, {}) == f"<@{number}> and <@!{number}> ask {SOMEBODY}"
    assert without_people(text, {7}) == f"<@{number}> and <@!{number}> ask @deleted"
    assert without_people(text, {8}) == text


@pytest.mark.parametrize("year", [1, 1969, 1970, 2014, 2085, 2090, 9999])
def test_a_time_before_or_after_all_snowflakes_is_the_first_or_the_last(year: int) -> None:
    bound = snowflake.from_datetime(datetime(year, 6, 1, tzinfo=UTC))
    assert bound == (0 if year < 2015 else snowflake.HIGHEST)


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (0, datetime(2015, 1, 1, tzinfo=UTC)),
        (175928847299117063, datetime(2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC)),  # the example of Discord's docs
    ],
)
def test_a_snowflake_tells_its_time(number: int, moment: datetime) -> None:
    assert snowflake.to_datetime(number) == moment
    assert snowflake.to_ms(number) == round(moment.timestamp() * 1000)
    assert snowflake.from_datetime(moment) == number >> 22 << 22


@given(st.integers(0, snowflake.HIGHEST))
def test_a_snowflake_is_not_before_the_first_of_its_millisecond(number: int) -> None:
    first = snowflake.from_ms(snowflake.to_ms(number))
    assert first <= number < snowflake.from_ms(snowflake.to_ms(number) + 1) or number >> 22 == snowflake.HIGHEST >> 22
    assert snowflake.to_ms(first) == snowflake.to_ms(number)
    assert snowflake.from_datetime(snowflake.to_datetime(number)) == first


@pytest.mark.parametrize(
    ("numbers", "possible"),
    [((1, snowflake.HIGHEST), True), ((0,), False), ((-1, 5), False), ((5, snowflake.HIGHEST + 1), False), ((), True)],
)
def test_numbers_that_no_database_holds_are_no_ids(numbers: tuple[int, ...], possible: bool) -> None:
    assert snowflake.are_possible(*numbers) == possible


def test_the_first_and_the_last_moment_are_known() -> None:
    assert datetime(2015, 1, 1, tzinfo=UTC) == snowflake.FIRST
    assert snowflake.LAST.strftime("%Y-%m") == "2084-09"
