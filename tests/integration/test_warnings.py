"""Where admins are warned, as it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.guilds.warnings import Matter, Warned, Warnings
from bot.storage.engine import open_database
from tests.fixtures.operations import older_database
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock


async def test_a_server_of_before_the_upgrade_can_choose_a_channel(data_dir: Path, clock: FakeClock) -> None:
    digest = {"channel_id": CHANNEL, "guild_id": GUILD, "every": "day", "hour": 9, "decided_ms": 1}
    older_database(data_dir, "x", "0020", [("digests", {**digest, "covered_ms": 1, "looked_ms": 1})])
    async with open_database(None, data_dir) as database:
        warnings = Warnings(database, clock)
        assert await warnings.channels() == {}
        await warnings.choose(GUILD, CHANNEL, by=None)
        assert await warnings.channel(GUILD) == CHANNEL


async def test_another_channel_begins_anew_and_the_same_one_does_not(data_dir: Path, clock: FakeClock) -> None:
    async with open_database(None, data_dir) as database:
        warnings = Warnings(database, clock)
        await warnings.choose(GUILD, CHANNEL, by=1)
        warned = Warned(GUILD, Matter.ERASURE, CHANNEL, None, 5)
        await warnings.note(warned)
        await warnings.note(replace(warned, message_id=9))
        assert await warnings.noted() == {GUILD: {Matter.ERASURE: replace(warned, message_id=9)}}
        await warnings.choose(GUILD, CHANNEL, by=1)
        assert await warnings.noted() == {GUILD: {Matter.ERASURE: replace(warned, message_id=9)}}
        await warnings.choose(GUILD, CHANNEL + 1, by=1)
        assert await warnings.noted() == {}
        assert await warnings.channels() == {GUILD: CHANNEL + 1}
