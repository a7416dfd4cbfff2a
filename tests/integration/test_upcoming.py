"""What lies ahead, and what a server decided: which memories are listed, and in which order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.model import Citation, Memory, MemoryKind, MemoryState
from bot.recall.browse import Browse
from bot.recall.upcoming import Upcoming, times_of
from bot.text.appointments import Appointment
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

NOW = datetime.fromtimestamp(NOW_MS / 1000, tz=UTC)
OTHER = CHANNEL + 1
HERE = frozenset({CHANNEL})


async def made(
    pipeline: Pipeline,
    text: str,
    kind: MemoryKind = MemoryKind.PLAN,
    *,
    channel: int = CHANNEL,
    state: MemoryState = MemoryState.CURRENT,
    stands_on: int | None = None,
    superseded_by: str | None = None,
) -> int:
    """A memory of a message said now; the message's snowflake."""
    message_id = stands_on or (await pipeline.say(text, channel=channel)).id
    cited = (Citation(message_id, channel, AUTHOR),)
    memory = Memory(
        id=f"{kind}-{text}"[:36],
        guild_id=GUILD,
        kind=kind,
        text=text,
        citations=cited,
        state=state,
        superseded_by=superseded_by,
    )
    async with pipeline.db.write() as connection:
        await pipeline.store.add(connection, memory)
    return message_id


def on(days: int) -> str:
    return f"on {NOW.date() + timedelta(days)}"


async def ahead(pipeline: Pipeline, days: int = 30, readable: frozenset[int] = HERE) -> list[str]:
    upcoming = Upcoming(pipeline.db, pipeline.store)
    return [each.memory.text for each in await upcoming.ahead(GUILD, NOW, days, readable=readable, zone=UTC)]


@pytest.mark.parametrize(
    ("day", "minutes"), [(date(2027, 3, 28), 150), (date(2026, 10, 25), 90), (date(2026, 10, 25), 150)]
)
def test_an_hour_lasts_an_hour_where_the_clocks_are_changed(day: date, minutes: int) -> None:
    starts, ends = times_of(Appointment(day, day, minutes), ZoneInfo("Europe/Berlin"))
    assert ends.astimezone(UTC) - starts.astimezone(UTC) == timedelta(hours=1)


@pytest.mark.slow
async def test_words_are_looked_for_in_all_memories_of_a_kind(pipeline: Pipeline) -> None:
    await made(pipeline, "the door is red", MemoryKind.DECISION)
    said = await pipeline.say("doors")
    cited = (Citation(said.id, CHANNEL, AUTHOR),)
    talks = (
        Memory(id=f"talk-{n}", guild_id=GUILD, kind=MemoryKind.TOPIC, text=f"door {n}", citations=cited)
        for n in range(501)
    )
    async with pipeline.db.write() as connection:
        for talk in talks:
            await pipeline.store.add(connection, talk)
    browse = Browse(pipeline.db, pipeline.store, pipeline.fulltext)
    page = await browse.page(GUILD, readable=HERE, words="door")
    assert [memory.text for memory in page.items] == ["the door is red"]
    assert (await browse.page(GUILD, readable=HERE, kinds=[MemoryKind.TOPIC], words="door")).total == 501


async def test_plans_ahead_are_listed_by_their_days(pipeline: Pipeline) -> None:
    for text in (f"late {on(20)}", f"soon {on(3)}", f"today {on(0)}", f"gone {on(-1)}", f"far {on(30)}", "never"):
        await made(pipeline, text)
    assert await ahead(pipeline) == [f"today {on(0)}", f"soon {on(3)}", f"late {on(20)}"]
    assert f"far {on(30)}" in await ahead(pipeline, 31)


async def test_a_decision_for_a_day_counts_unless_it_stands_on_a_plans_message_for_it(pipeline: Pipeline) -> None:
    message_id = await made(pipeline, f"the fair {on(3)}")
    await made(pipeline, f"decided: the fair is {on(3)}", MemoryKind.DECISION, stands_on=message_id)
    await made(pipeline, f"decided: the camp is {on(4)}", MemoryKind.DECISION)
    await made(pipeline, f"the tables {on(3)}", stands_on=message_id)
    assert await ahead(pipeline) == [f"the fair {on(3)}", f"the tables {on(3)}", f"decided: the camp is {on(4)}"]


async def test_what_one_may_not_read_or_holds_no_more_is_left_out(pipeline: Pipeline) -> None:
    await made(pipeline, f"hidden {on(3)}", channel=OTHER)
    await made(pipeline, f"replaced {on(3)}", state=MemoryState.SUPERSEDED)
    await made(pipeline, f"answered {on(3)}", MemoryKind.ANSWER)
    assert await ahead(pipeline) == []
    assert await ahead(pipeline, readable=HERE | {OTHER}) == [f"hidden {on(3)}"]


async def test_of_a_change_the_day_that_held_before_is_not_its_day(pipeline: Pipeline) -> None:
    moved = f"moved from {NOW.date() + timedelta(3)} to {NOW.date() + timedelta(5)}"
    old = MemoryState.SUPERSEDED
    await made(pipeline, f"the fair {on(3)}", state=old, superseded_by=f"plan-{moved}"[:36])
    await made(pipeline, moved)
    (each,) = await Upcoming(pipeline.db, pipeline.store).ahead(GUILD, NOW, 30, readable=HERE, zone=UTC)
    assert each.day.first == NOW.date() + timedelta(5)


def test_without_a_time_of_day_something_lasts_all_day() -> None:
    day = NOW.date()
    starts, ends = times_of(Appointment(day, day), UTC)
    assert (starts.hour, ends - starts) == (0, timedelta(days=1))
    starts, ends = times_of(Appointment(day, day, 14 * 60 + 30), UTC)
    assert (f"{starts:%H:%M}", ends - starts) == ("14:30", timedelta(hours=1))


async def test_a_server_is_browsed_newest_first_in_pages(pipeline: Pipeline) -> None:
    for number in range(5):
        await made(pipeline, f"door {number}", MemoryKind.DECISION)
    await made(pipeline, "hidden door", MemoryKind.DECISION, channel=OTHER)
    await made(pipeline, "old door", MemoryKind.DECISION, state=MemoryState.SUPERSEDED)
    await made(pipeline, "a door is liked", MemoryKind.FACT)
    browse = Browse(pipeline.db, pipeline.store, pipeline.fulltext)
    page = await browse.page(GUILD, readable=HERE, offset=2, limit=2)
    assert ([memory.text for memory in page.items], page.total) == (["door 2", "door 1"], 5)
    worded = await browse.page(GUILD, readable=HERE, words="doors 3")
    assert [memory.text for memory in worded.items] == ["door 3"]
    assert (await browse.page(GUILD, readable=HERE, words="the")).total == 0
    assert (await browse.page(GUILD + 1, readable=HERE)).total == 0
