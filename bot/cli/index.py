"""`python -m bot index`: what other installations have on the Qdrant server."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.cli.start import DataDir, load
from bot.domain import UserError
from bot.index import indexes_on, own_installation, prepare_mem0, qdrant_of, remove_index_of
from bot.settings import Settings

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
Other = Annotated[str, typer.Argument(metavar="ID", help="The other installation's id, as `doctor` lists it.")]


def build() -> typer.Typer:
    """The commands below `index`."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        help="What other installations have on the Qdrant server.",
    )
    app.callback()(_index)
    app.command("remove")(remove)
    return app


def _index() -> None:
    """What other installations have on the Qdrant server."""


def remove(other: Other, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Remove the index of an installation that is no more, alias included; refused while a bot is at work in it."""
    settings = load(data_dir, quiet=True)
    asyncio.run(_remove(settings, other, yes=yes))
    print(f"The index of {other} is removed.")


async def _remove(settings: Settings, other: str, *, yes: bool) -> None:
    address = qdrant_of(settings)
    if address is None:
        raise UserError("The index is embedded with these settings: set MEM0_QDRANT_URL or MEM0_QDRANT_HOST")
    prepare_mem0(settings.data_dir)  # its store for Qdrant is imported with ours
    if other == await own_installation(settings):
        raise UserError("That is this installation's own index, which the bot would make anew")
    index = (await indexes_on(address)).get(other)
    if index is not None and not yes:
        typer.confirm(f"Remove {', '.join(index.collections)} at {address.place} for good?", abort=True)
    if index is not None:
        print("Watching for a minute whether a bot is at work there …")
    await remove_index_of(other, address)
