"""Lines of what happened fit into a view, whatever names and texts are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bot.domain.model import Citation, Doubt, Memory, MemoryKind, Message
from bot.recall.hits import memory_hit, message_hit
from bot.recall.overview import Entry, OverviewSection, Part
from bot.text.appointments import Appointment
from cogs.catchup import LINES
from cogs.entries import LINE_CHARS, PAGE_CHARS, EntryWriter
from tests.fixtures.languages import EACH_CODE, LANGUAGES

BIG = 2**63 - 1
WEEK = Appointment(date(2026, 11, 23), date(2026, 11, 29))
CITED = tuple(Citation(BIG - number, BIG, BIG - number) for number in range(3))
DOUBT = Doubt(BIG, BIG, BIG)


def written(entries: list[Entry], name: str, *, channels: int = 0, code: str = "en") -> str:
    names = {BIG - number: name for number in range(3)}
    writer = EntryWriter(names, here=1, day_of=lambda _: WEEK, language=LANGUAGES.of(code))
    size = LINES // max(1, channels)
    sections = [
        OverviewSection(tuple(entries[start : start + size]), channel_id=BIG if channels else None, left=9_999)
        for start in range(0, LINES, size)
    ]
    return writer.written(sections, [entry.hit for entry in entries])


def entries(part: Part, text: str) -> list[Entry]:
    if part is Part.REPLY:
        said = (Message(id=BIG - n, guild_id=BIG, channel_id=BIG, author_id=BIG, content=text) for n in range(LINES))
        return [Entry(part, message_hit(message)) for message in said]
    plan = Memory(id="0", guild_id=BIG, kind=MemoryKind.PLAN, text=text, citations=CITED, doubt=DOUBT)
    return [Entry(part, memory_hit(replace(plan, id=str(number)))) for number in range(LINES)]


@pytest.mark.parametrize("name", ["W" * 32, "*" * 32, "@" * 32, "ש" * 32])
@pytest.mark.parametrize("text", ["bring the tables " * 20, "*_" * 150, "@" * 4000, "שלום " * 60])
@pytest.mark.parametrize("part", [Part.ASKED, Part.PLAN, Part.REPLY])
@pytest.mark.parametrize("channels", [0, 6])
@pytest.mark.parametrize("code", EACH_CODE)
@pytest.mark.matrix(fast=3)
def test_a_page_fits_into_a_view(part: Part, text: str, name: str, channels: int, code: str) -> None:
    assert len(written(entries(part, text), name, channels=channels, code=code)) <= PAGE_CHARS


def test_as_much_of_each_line_is_shown_as_fits() -> None:
    text = "bring the tables to the town hall on the day before, and tell the others that they have to come early"
    assert len(text) < LINE_CHARS[0]
    plans = entries(Part.PLAN, text)
    assert text in written(plans[:3], "ann")
    assert "bring the tables …" not in written(plans, "ann")
    assert "bring the tables" in written(plans, "W" * 32)
