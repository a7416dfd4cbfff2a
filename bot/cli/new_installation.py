"""`python -m bot new-installation`: a database that was copied becomes an installation of its own."""

from __future__ import annotations

import asyncio

from bot.cli.start import DataDir, load
from bot.domain import UserError
from bot.index import become_new_installation
from bot.run import alone, bot_runs
from bot.settings import Settings


def new_installation(data_dir: DataDir = None) -> None:
    """Give a copied database an index of its own on a Qdrant server, once, with the bot stopped."""
    settings = load(data_dir, quiet=True)
    before, now = asyncio.run(_become_new(settings))
    print(f"This is installation {now} from now on; what {before} has on a Qdrant server stays there.")
    print("The next start fills an index of its own; until that is done memories are searched by words.")


async def _become_new(settings: Settings) -> tuple[str, str]:
    if await bot_runs(settings):
        raise UserError("A bot runs on this database: stop it first")
    async with alone(settings):
        return await become_new_installation(settings)
