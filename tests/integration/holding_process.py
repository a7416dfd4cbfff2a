"""Runs as a process that holds a lock or the writers' turn until it is killed, for a test that stops it meanwhile."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sqlalchemy import insert, select

from bot.storage import postgres
from bot.storage.engine import Database, open_database
from bot.storage.schema import meta

LOCK = 5
SILENT_SECONDS = 1.0


async def main(url: str, data_dir: Path, what: str) -> None:
    """Hold it, and say so on standard output."""
    async with open_database(url, data_dir) as db:
        await (_hold_lock(db) if what == "a lock" else _write_for_ever(db))


async def _hold_lock(db: Database) -> None:
    async with db.alone(LOCK):
        print("holding", flush=True)
        await asyncio.Event().wait()


async def _write_for_ever(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(insert(meta).values(key="undone", value="v"))
        print("holding", flush=True)
        while True:
            await asyncio.sleep(SILENT_SECONDS / 4)
            await connection.execute(select(1))


if __name__ == "__main__":
    postgres.SILENT_SECONDS = SILENT_SECONDS
    postgres._SERVER_SETTINGS["idle_in_transaction_session_timeout"] = str(round(1000 * SILENT_SECONDS))
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
