"""Where memories and excerpts point to, who speaks in them, and who may see what speaks against them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Citation, Doubt, Finding, Hit, HitKind, Line, Memory, MemoryKind, Message, Verdict, snowflake

GUILD, ADA, BEN = 1, 10, 20
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def said(minute: int) -> int:
    return snowflake.from_datetime(NOON.replace(minute=minute))


MEMORY = Memory(
    id="m",
    guild_id=GUILD,
    kind=MemoryKind.DECISION,
    text="the bridge is red",
    citations=(
        Citation(said(1), 100, ADA),
        Citation(said(2), 200, BEN),
        Citation(said(3), 100, ADA),
        Citation(said(4), 300, 30, supporting=True),
    ),
)


def excerpt(lines: int, anchor: int) -> Hit:
    return Hit(
        kind=HitKind.MESSAGE,
        text="",
        score=1.0,
        guild_id=GUILD,
        channel_ids=frozenset({100}),
        message_ids=tuple(range(1, lines + 1)),
        author_ids=(ADA,),
        anchor=anchor,
        anchor_channel_id=100,
        lines=tuple(Line(number, ADA, f"line {number}") for number in range(1, lines + 1)),
    )


def test_a_memory_was_said_where_it_is_stated_last_and_not_where_it_is_only_supported() -> None:
    assert MEMORY.newest == MEMORY.anchor == MEMORY.citations[2]
    assert MEMORY.channel_id == 100
    assert MEMORY.said_at == NOON.replace(minute=3)


def test_a_topic_leads_to_where_its_conversation_began() -> None:
    assert replace(MEMORY, kind=MemoryKind.TOPIC).anchor == MEMORY.citations[0]


def test_its_speakers_are_those_who_state_it_and_its_readers_those_who_read_all_that_it_cites() -> None:
    assert MEMORY.author_ids == (ADA, BEN)
    assert MEMORY.channel_ids == {100, 200, 300}


@pytest.mark.parametrize(("readable", "shown"), [(None, True), (frozenset({300}), True), (frozenset({100}), False)])
def test_a_doubt_is_shown_to_those_who_read_its_channel(readable: frozenset[int] | None, shown: bool) -> None:
    doubted = replace(MEMORY, doubt=Doubt(said(5), 300, BEN))
    assert doubted.seen_by(readable) == (doubted if shown else MEMORY)
    assert MEMORY.seen_by(frozenset()) == MEMORY


@given(st.integers(1, 30), st.data(), st.integers(1, 12))
def test_the_lines_around_the_one_to_jump_to_have_it_in_their_middle(
    lines: int, data: st.DataObject, count: int
) -> None:
    anchor = data.draw(st.integers(1, lines))
    around = [line.message_id for line in excerpt(lines, anchor).around_anchor(count)]
    assert around == list(range(around[0], around[0] + min(count, lines)))
    before, after = anchor - around[0], around[-1] - anchor
    assert min(before, after) >= 0
    assert before == count // 2 or around[0] == 1 or around[-1] == lines
    assert before <= count // 2 or around[-1] == lines
    assert before >= count // 2 or around[0] == 1


def test_an_excerpt_without_its_best_line_is_shown_from_its_beginning() -> None:
    lines = excerpt(9, anchor=77)
    assert [line.message_id for line in lines.around_anchor(4)] == [1, 2, 3, 4]
    assert [line.message_id for line in lines.around_anchor(1)] == [1]


def test_times_are_those_of_the_snowflakes() -> None:
    message = Message(id=said(7), guild_id=GUILD, channel_id=100, author_id=ADA, content="hello")
    assert message.created_at == excerpt(1, said(7)).created_at == NOON.replace(minute=7)


@pytest.mark.parametrize(
    "word",
    [
        MEMORY,
        MEMORY.citations[0],
        Doubt(1, 2, 3),
        Line(1, 2, "x"),
        Message(id=1, guild_id=2, channel_id=3, author_id=4, content="x"),
        excerpt(1, 1),
        Finding("disk", Verdict.OK, "enough"),
    ],
    ids=lambda word: type(word).__name__,
)
def test_nothing_that_was_said_is_changed_in_place(word: Any) -> None:  # noqa: ANN401 - each kind of word
    with pytest.raises(FrozenInstanceError):
        setattr(word, fields(word)[0].name, None)
    assert not hasattr(word, "__dict__")  # there are many of them


@pytest.mark.parametrize("made", [Message, Memory, Hit])
def test_what_has_many_parts_is_made_by_their_names(made: type) -> None:
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        made(*range(len(fields(made))))
