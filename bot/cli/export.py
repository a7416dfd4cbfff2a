"""`python -m bot export`: everything that is kept of a member, printed; no file is left behind."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.cli.erase import Guild, User
from bot.cli.start import DataDir, load
from bot.forget import Dossier, as_json, as_page, personal_data

Page = Annotated[bool, typer.Option("--page", help="A page for people (HTML) instead of JSON.")]


def export(user: User, guild: Guild = None, page: Page = False, data_dir: DataDir = None) -> None:
    """Print everything that is kept of a member as JSON; works beside a running bot."""
    settings = load(data_dir, quiet=True)

    async def give() -> Dossier:
        async with personal_data(settings) as personal:
            return await personal.give(user, guild)

    dossier = asyncio.run(give())
    print(as_page(dossier) if page else as_json(dossier))
