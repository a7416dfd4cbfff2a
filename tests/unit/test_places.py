"""Turns: a busy server or channel keeps no other waiting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.remember.places import Turns
from bot.remember.queue import Due

BUSY = [Due(channel_id=10 + n, guild_id=1) for n in range(4)]
ALONE = Due(channel_id=20, guild_id=2)


def test_servers_come_one_after_the_other_and_so_do_their_channels() -> None:
    assert list(Turns().plan([*BUSY, ALONE], 9)) == [BUSY[0], ALONE, *BUSY[1:]]


def test_who_had_a_turn_comes_after_who_had_none() -> None:
    turns = Turns()
    assert list(turns.plan([*BUSY, ALONE], 3)) == [BUSY[0], ALONE, BUSY[1]]
    assert list(turns.plan([*BUSY, ALONE], 3)) == [ALONE, BUSY[2], BUSY[3]]
    newcomer = Due(channel_id=30, guild_id=3)
    assert turns.next([*BUSY, ALONE, newcomer]) == newcomer


def test_a_server_whose_one_channel_is_always_due_does_not_come_first_for_ever() -> None:
    turns = Turns()
    assert [turns.next([ALONE, BUSY[0]]) for _ in range(4)] == [ALONE, BUSY[0], ALONE, BUSY[0]]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), min_size=1, max_size=24, unique=True))
def test_in_as_many_turns_as_there_are_servers_each_has_one(places: list[tuple[int, int]]) -> None:
    due = [Due(channel_id=10 * guild + channel, guild_id=guild) for guild, channel in places]
    turns, servers = Turns(), {one.guild_id for one in due}
    for _ in range(3):
        assert {turns.next(due).guild_id for _ in servers} == servers


def test_what_somebody_waits_for_comes_first() -> None:
    turns, wanted = Turns(), Due(channel_id=40, guild_id=1, awaited=True)
    assert next(iter(turns.plan([*BUSY, ALONE, wanted], 1))) == wanted
    assert list(turns.plan([*BUSY, ALONE, wanted], 2)) == [wanted, ALONE]
