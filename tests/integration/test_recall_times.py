"""A time in a question restricts what is searched: to what was said then, and to what tells a day of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain import snowflake
from bot.domain.model import Message
from bot.recall import Recall, RecallResult
from bot.text.fulltext import FullText
from tests.fixtures.recall import ADA, BEN, Chat
from tests.fixtures.storage import CHANNEL

pytestmark = pytest.mark.both_databases

ASKED = snowflake.from_datetime(datetime(2026, 11, 30, 14, tzinfo=UTC))
"""A Monday."""


def ms(when: str) -> int:
    """Milliseconds since 1970 of a UTC time of 2026."""
    return round(datetime.fromisoformat(f"2026-{when}+00:00").timestamp() * 1000)


async def say(chat: Chat, when: str, text: str, *, author: int = ADA, channel: int = CHANNEL) -> Message:
    chat.now_ms = ms(when)
    return await chat.say(author, text, channel=channel)


async def asked(chat: Chat, text: str) -> RecallResult:
    return await chat.ask(text, until=ASKED)


def texts(result: RecallResult) -> str:
    return "\n".join(hit.text for hit in result.hits)


VENUE = {
    "06-10 10:00": "the venue in june is the town hall",
    "10-14 10:00": "the venue is the church",
    "11-12 10:00": "the venue is the barn",
    "11-19 10:00": "the venue is the school",
    "11-24 10:00": "the venue is the boathouse",
    "11-28 10:00": "the venue is the library",
    "11-30 09:00": "the venue is the castle",
}


@pytest.mark.parametrize(
    ("time", "places"),
    [
        ("last week", "boathouse library castle"),  # told on the Monday after it as well
        ("in the last two weeks", "school boathouse library castle"),
        ("last Tuesday", "boathouse"),
        ("since Friday", "library castle"),
        ("since yesterday", "castle"),
        ("this morning", "castle"),
        ("last month", "church"),
        ("in June", "hall"),
        ("between 10 and 20 November", "barn school"),
        ("before October", "hall"),
        ("letzte Woche", "boathouse library castle"),
        ("im Juni", "hall"),
        ("seit Freitag", "library castle"),
        ("heute Morgen", "castle"),
        ("mardi dernier", "boathouse"),
        ("en juin", "hall"),
        ("depuis vendredi", "library castle"),
        ("el martes pasado", "boathouse"),
        ("en junio", "hall"),
        ("desde el viernes", "library castle"),
        ("", "hall church barn school boathouse library castle"),
        ("for 3 May", "hall church barn school boathouse library castle"),
    ],
)
@pytest.mark.matrix(fast=2)
async def test_only_what_was_said_in_the_time_that_is_asked_about_is_found(chat: Chat, time: str, places: str) -> None:
    for channel, (when, text) in enumerate(VENUE.items(), start=CHANNEL):
        await say(chat, when, text, channel=channel)
    result = await asked(chat, f"venue {time}")
    assert {place for text in VENUE.values() if (place := text.split()[-1]) in texts(result)} == set(places.split())
    assert not result.notes


async def test_what_lies_around_in_a_quiet_channel_is_of_its_own_time(chat: Chat) -> None:
    for when, text in VENUE.items():
        await say(chat, when, text)
    assert texts(await asked(chat, "What is the venue, last Tuesday?")) == f"<@{ADA}>: the venue is the boathouse"


async def test_what_tells_a_day_of_the_time_is_found_whenever_it_was_said(chat: Chat) -> None:
    await say(chat, "05-20 10:00", "the party is on 14 June at the lake", channel=CHANNEL)
    await say(chat, "05-21 10:00", "the party is on 14 July at the river", channel=CHANNEL + 1)
    await say(chat, "07-12 10:00", "the party last month was loud", channel=CHANNEL + 2)
    await say(chat, "07-13 10:00", "the party was cheap", channel=CHANNEL + 3)
    found = texts(await asked(chat, "How was the party in June?"))
    assert "lake" in found
    assert "loud" in found
    assert "river" not in found
    assert "cheap" not in found


@pytest.mark.parametrize(
    ("when", "said", "question"),
    [
        ("11-28 10:00", "the party on monday begins at nine", "When does the party begin today?"),
        ("11-29 10:00", "the party tomorrow begins at nine", "When does the party begin today?"),
        ("11-20 10:00", "the party next week begins at nine", "When did the party begin last week?"),
        ("11-23 10:00", "the party tomorrow begins at nine", "When did the party begin last Tuesday?"),
    ],
)
async def test_what_was_said_ahead_of_the_time_with_its_day_is_found(
    chat: Chat, when: str, said: str, question: str
) -> None:
    await say(chat, when, said, channel=CHANNEL)
    await say(chat, "11-12 10:00", "the party tomorrow begins at five", channel=CHANNEL + 2)
    for at in ("11-24 12:00", "11-30 09:00"):
        await say(chat, at, "does the party begin soon", channel=CHANNEL + 1)
    found = texts(await asked(chat, question))
    assert "nine" in found
    assert "five" not in found


async def test_a_question_after_one_about_a_time_may_be_about_others(chat: Chat) -> None:
    await say(chat, "10-14 10:00", "the key of the hall hangs behind the door", channel=CHANNEL)
    await say(chat, "11-24 10:00", "we need the key of the hall", channel=CHANNEL + 1)
    result = await chat.ask("Where is the key of the hall?", until=ASKED, earlier="What did we say last Tuesday?")
    assert "door" in texts(result)
    assert not result.notes


async def test_what_is_told_on_the_days_after_is_found(chat: Chat) -> None:
    await say(chat, "05-05 10:00", "the concert was great", channel=CHANNEL)
    await say(chat, "05-09 10:00", "the concert was dear", channel=CHANNEL + 1)
    found = texts(await asked(chat, "How was the concert on 4 May?"))
    assert "great" in found
    assert "dear" not in found


async def test_memories_are_found_by_the_days_in_them_and_by_when_they_were_said(chat: Chat) -> None:
    for when, text in (
        ("05-20 10:00", "The summer party is on 14 June 2026 at the lake."),
        ("05-21 10:00", "The autumn party is on 14 October 2026 in the barn."),
        ("06-11 10:00", "The party costs five euros."),
        ("08-11 10:00", "The party costs ten euros."),
    ):
        await chat.remember(text, await say(chat, when, "note"))
    for question in ("What about the party in June?", "Was war im Juni mit der party?"):
        found = {hit.text for hit in (await asked(chat, question)).hits if hit.memory}
        assert found == {"The summer party is on 14 June 2026 at the lake.", "The party costs five euros."}


async def test_where_nothing_of_that_time_fits_other_times_are_searched_with_a_note(chat: Chat) -> None:
    await say(chat, "10-14 10:00", "the venue is the church", channel=CHANNEL)
    await say(chat, "11-24 10:00", "lunch is at noon", channel=CHANNEL + 1)
    result = await asked(chat, "What is the venue, last week?")
    assert "church" in texts(result)
    assert result.notes == (
        "Nothing that fits well was said since Monday 23 November 2026 until Sunday 29 November 2026, so this is from "
        "other times too.",
    )
    nothing = await asked(chat, "What is the colour, last week?")
    assert "church" not in texts(nothing)


async def test_what_the_asker_may_not_read_neither_answers_nor_prevents_a_search_of_other_times(chat: Chat) -> None:
    await say(chat, "10-14 10:00", "the venue is the church", channel=CHANNEL)
    await say(chat, "11-24 10:00", "the venue is the boathouse", channel=CHANNEL + 1)
    await say(chat, "12-24 10:00", "the venue on 24 november was the boathouse", channel=CHANNEL + 1)
    result = await chat.ask("What is the venue, last week?", until=ASKED, channel_ids=frozenset({CHANNEL}))
    assert "church" in texts(result)
    assert "boathouse" not in texts(result)
    assert result.notes


async def test_a_time_ahead_does_not_restrict(chat: Chat) -> None:
    await say(chat, "11-12 10:00", "bring salad to the party")
    assert "salad" in texts(await asked(chat, "What shall I bring to the party next week?"))
    assert "salad" in texts(await asked(chat, "What must be ready for the party by Friday?"))


async def test_the_days_are_those_of_the_servers_time_zone(chat: Chat) -> None:
    await say(chat, "11-28 23:30", "the venue is the early one", channel=CHANNEL)
    await say(chat, "11-29 23:30", "the venue is the late one", channel=CHANNEL + 1)
    berlin = Recall(
        chat.db,
        FullText(chat.db.dialect),
        chat.index,
        chat.recall._directory,
        chat.store,
        zone_of=lambda _: ZoneInfo("Europe/Berlin"),
    )
    assert "early" not in texts(await asked(chat, "What is the venue since yesterday?"))
    chat.recall = berlin
    noon = snowflake.from_datetime(datetime(2026, 11, 29, 12, tzinfo=UTC))
    assert "early" in texts(await chat.ask("What is the venue since today?", until=noon))


async def test_a_busy_server_hides_nothing_of_a_time(chat: Chat) -> None:
    await say(chat, "06-10 10:00", "the venue is the town hall", author=BEN)
    chat.now_ms = ms("07-20 10:00")
    await chat.talk([(ADA, f"the venue, the venue, number {number}") for number in range(900)])
    (hit,) = (await asked(chat, "What was the venue in June?")).hits
    assert "town hall" in hit.text
    assert hit.created_at - datetime(2026, 6, 10, tzinfo=UTC) < timedelta(days=1)
