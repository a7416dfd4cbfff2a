"""Stretches: runs of messages, cut at silences, that fit a model call."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Message, snowflake
from bot.remember.stretches import MAX_MESSAGES, likely_tokens, stretches
from tests.fixtures.remember import ANA, START, chat


def said_at(*seconds: int) -> list[Message]:
    """A message at each of these seconds."""
    at = [snowflake.from_datetime(START + timedelta(seconds=s)) + i for i, s in enumerate(seconds)]
    return [Message(id=i, guild_id=1, channel_id=2, author_id=ANA, content="the rota is done") for i in at]


def sizes(messages: list[Message], **limits: int) -> list[int]:
    return [len(stretch) for stretch in stretches(messages, **limits)]


def test_what_fits_one_call_is_read_at_once() -> None:
    assert sizes(chat(*[(ANA, "the rota is done")] * MAX_MESSAGES)) == [MAX_MESSAGES]


def test_a_long_run_is_cut_at_its_longest_silence() -> None:
    messages = said_at(0, 10, 20, 30, 7230, 7240, 7250)

    assert sizes(messages, max_messages=5) == [4, 3]
    assert sizes(messages, max_messages=6) == [4, 3]


def test_no_more_calls_are_made_for_the_sake_of_a_silence() -> None:
    messages = said_at(0, 10, 20, 7230, 7240, 7250, 14460, 14470)

    assert sizes(messages, max_messages=5) == [3, 5]
    assert sizes(messages, max_messages=4) == [4, 4]


def test_a_message_beyond_all_bounds_is_read_alone() -> None:
    assert sizes(chat((ANA, "short"), (ANA, "many words " * 900), (ANA, "short")), max_tokens=500) == [1, 1, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7200), st.integers(0, 80)), max_size=80),
    st.integers(20, 400),
    st.integers(1, 20),
)
def test_every_message_is_in_one_stretch_and_in_order(
    said: list[tuple[int, int]], max_tokens: int, max_messages: int
) -> None:
    times = [sum(gap for gap, _ in said[: i + 1]) for i in range(len(said))]
    messages = [
        Message(id=m.id, guild_id=1, channel_id=2, author_id=ANA, content="word " * (words + 1))
        for m, (_, words) in zip(said_at(*times), said, strict=True)
    ]

    cut = stretches(messages, max_tokens=max_tokens, max_messages=max_messages)

    assert [m for stretch in cut for m in stretch] == messages
    assert all(len(stretch) <= max_messages for stretch in cut)
    assert all(len(stretch) == 1 or sum(map(likely_tokens, stretch)) <= max_tokens for stretch in cut)
