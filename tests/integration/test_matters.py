"""What admins are warned of, as the database has it."""

from __future__ import annotations

from sqlalchemy import insert

from bot.forget import Removing, RequestState
from bot.guilds import Matter
from bot.observe import MessageLog
from bot.operate.matters import Matters, rounded_down
from bot.remember import HeldUp
from bot.storage import Database, batches, messages, requests
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock

HOUR_MS = 60 * 60 * 1000
OTHER, THIRD = GUILD + 1, GUILD + 2


async def test_all_servers_are_looked_at_at_once_and_each_is_told_of_its_own(
    database: Database, log: MessageLog, clock: FakeClock
) -> None:
    now = clock()
    message = {"channel_id": CHANNEL, "author_id": 5, "content": "hi", "logged_ms": now, "state": "pending"}
    batch = {"channel_id": CHANNEL, "state": "open", "error": "ServiceUnavailable: no"}
    request = {"state": RequestState.ASKED, "asked_ms": now - HOUR_MS}
    async with database.write() as connection:
        for number in range(30):
            guild = {"id": number + 1, "guild_id": (GUILD, OTHER)[number % 2], "batch_id": "ab"[number % 2]}
            await connection.execute(insert(messages).values(message | guild))
        await connection.execute(insert(batches).values(batch | {"id": "a", "guild_id": GUILD, "created_ms": 1}))
        await connection.execute(insert(batches).values(batch | {"id": "b", "guild_id": OTHER, "created_ms": now}))
        await connection.execute(insert(requests).values(request | {"guild_id": THIRD}))
        await connection.execute(insert(requests).values(request | {"guild_id": None}))
    matters = Matters(HeldUp(database, clock), log, Removing(database, clock), clock, retention_days=30, reads=True)
    standing = await matters.of([GUILD, OTHER, THIRD])
    assert {guild_id: set(of_guild) for guild_id, of_guild in standing.items()} == {
        GUILD: {Matter.MODEL_AWAY, Matter.ERASURE},
        OTHER: {Matter.ERASURE},
        THIRD: {Matter.ERASURE},
    }
    assert "At least 10 messages are waiting" in standing[GUILD][Matter.MODEL_AWAY]
    assert standing[THIRD][Matter.ERASURE].startswith("2 deletions")


def test_large_numbers_are_rounded_so_that_few_messages_change_a_warning() -> None:
    assert [rounded_down(number) for number in (1, 9, 10, 19, 20, 999, 1_000)] == [1, 9, 10, 10, 20, 900, 1_000]
