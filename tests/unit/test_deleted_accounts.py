"""In which order people are asked about, and what is done where Discord or the erasure fails."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
from sqlalchemy.exc import OperationalError

from bot.domain import ServiceUnavailable
from bot.forget import DeletedAccounts, Receipt
from bot.forget.accounts import PLACE, ROUND_MS


class Town:
    """People of whom something is kept, who of them is gone at Discord, and what fails."""

    def __init__(self, *people: int) -> None:
        self.people = set(people)
        self.gone: set[int] = set()
        self.asked: list[int] = []
        self.breaks: dict[int, Exception] = {}
        self.down = False
        self.kept: dict[str, str] = {}
        self.now = 1_000_000
        self.search = self.after_a_restart()

    def after_a_restart(self) -> DeletedAccounts:
        return DeletedAccounts(self, self, self, self, lambda: self.now)  # type: ignore[arg-type]

    # Discord, the directory, erasure, and the installation

    async def is_deleted(self, user_id: int, guild_ids: Collection[int]) -> bool:
        assert guild_ids == {1}
        self.asked.append(user_id)
        if self.down:
            raise ServiceUnavailable("discord", "HTTP 500")
        return user_id in self.gone

    async def next_after(self, user_id: int) -> tuple[int, set[int]] | None:
        later = [person for person in self.people if person > user_id]
        return (min(later), {1}) if later else None

    async def delete(self, user_id: int) -> Receipt:
        if user_id in self.breaks:
            raise self.breaks[user_id]
        self.people.discard(user_id)
        return Receipt({}, {})

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def set(self, name: str, value: str) -> None:
        self.kept[name] = value

    # the test

    async def rounds(self, seconds: int) -> None:
        """Look once a second."""
        for _ in range(seconds):
            await self.search.sweep()
            self.now += 1000


async def test_all_are_asked_about_in_turn_and_then_there_is_rest() -> None:
    town = Town(3, 5, 9)
    assert [await town.search.sweep() for _ in range(5)] == [True, True, True, False, False]
    assert town.asked == [3, 5, 9]
    assert town.kept == {PLACE: "0"}
    town.now += ROUND_MS - 1
    assert not await town.search.sweep()
    town.now += 1
    assert await town.search.sweep()
    assert town.asked == [3, 5, 9, 3]
    assert ROUND_MS == 86_400_000


async def test_a_restart_goes_on_where_the_round_was() -> None:
    town = Town(3, 5, 9)
    await town.search.sweep()
    assert town.kept == {PLACE: "3"}
    town.search = town.after_a_restart()
    await town.search.sweep()
    assert town.asked == [3, 5]


async def test_while_discord_does_not_say_it_is_asked_ever_less_often_about_the_same_person() -> None:
    town = Town(3, 5)
    town.down = True
    await town.rounds(60)
    assert set(town.asked) == {3}
    assert 5 <= len(town.asked) <= 7  # after 1, 2, 4, 8, 16 seconds, more or less
    town.down = False
    town.now += 300_000
    assert await town.search.sweep()
    town.down = True
    town.asked.clear()
    await town.rounds(3)
    assert len(town.asked) >= 2, "the waits began anew"


async def test_who_can_not_be_erased_holds_up_no_other_and_is_asked_about_again() -> None:
    town = Town(3, 5, 9)
    town.gone = {3, 5}
    town.breaks[3] = KeyError("broken")
    await town.rounds(4)
    assert town.people == {3, 9}
    await town.rounds(3600)
    assert town.asked.count(9) == 1
    assert 3600 / 375 <= town.asked.count(3) <= 24, "every five minutes in the end"
    del town.breaks[3]
    await town.rounds(400)
    assert town.people == {9}
    again = len(town.asked)
    await town.rounds(400)
    assert len(town.asked) == again


async def test_a_late_one_of_whom_nothing_is_kept_any_more_is_left_alone() -> None:
    town = Town(3, 5)
    town.gone = {3}
    town.breaks[3] = KeyError("broken")
    await town.rounds(3)
    town.people.discard(3)
    town.asked.clear()
    await town.rounds(1000)
    assert town.asked == []


async def test_a_database_that_is_away_is_told_to_whoever_started_it() -> None:
    town = Town(3)
    town.gone = {3}
    town.breaks[3] = OperationalError("SELECT", {}, Exception("database is locked"))
    with pytest.raises(OperationalError):
        await town.search.sweep()
    await asyncio.sleep(0)
    assert PLACE not in town.kept
