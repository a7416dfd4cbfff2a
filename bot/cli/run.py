"""`python -m bot run`: the bot."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.cli.start import load
from bot.index import ask_to_take_over
from bot.settings import Settings, check_for_run
from bot.storage import open_store

TakeOver = Annotated[
    bool,
    typer.Option("--take-over", help="Make this database the holder of its index on a Qdrant server, not its copies."),
]


def run(take_over: TakeOver = False) -> None:
    """Run the bot until SIGTERM or SIGINT."""
    settings = load()
    check_for_run(settings)
    from bot.run import live

    if take_over:
        asyncio.run(_ask(settings))
    asyncio.run(live(settings))


async def _ask(settings: Settings) -> None:
    async with open_store(settings) as db:
        await ask_to_take_over(db)
