"""`python -m bot deadletters`: messages that no usable answer could be had for; list them, try again, or give up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bot.cli.start import DataDir, discord_id, load
from bot.domain import NotFound, jump_url, snowflake
from bot.remember import DeadLetter, DeadLetters, open_dead_letters

Ids = Annotated[
    list[int] | None,
    typer.Argument(parser=discord_id, metavar="[MESSAGE_ID]...", help="Only these; none means all."),
]
T = TypeVar("T")
Guild = Annotated[int | None, typer.Option(parser=discord_id, help="Only this server (id).")]


def build() -> typer.Typer:
    """The commands below `deadletters`."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        help="Messages that the model could not read: list them, retry them, or drop them.",
    )
    app.command("list")(list_letters)
    app.command("retry")(retry)
    app.command("drop")(drop)
    return app


def list_letters(
    guild: Guild = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each message.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show where each message was said and what went wrong; its text is not shown."""

    async def read(dead: DeadLetters) -> list[DeadLetter]:
        return await dead.letters(guild)

    letters = _with_letters(read, data_dir)
    if as_json:
        for letter in letters:
            print(json.dumps(_record(letter)))
    elif letters:
        Console(soft_wrap=True).print(_table(letters))
    else:
        print("No dead letters.")


def retry(message_ids: Ids = None, data_dir: DataDir = None) -> None:
    """Let the model try again; a running bot takes them up by itself."""
    print(f"{_settle(lambda dead: dead.retry(message_ids), message_ids, data_dir):,} messages wait again")


def drop(message_ids: Ids = None, data_dir: DataDir = None) -> None:
    """Give them up: they stay searchable by their words, and no memory is made of them."""
    print(f"{_settle(lambda dead: dead.drop(message_ids), message_ids, data_dir):,} messages dropped")


def _settle(work: Callable[[DeadLetters], Awaitable[int]], message_ids: list[int] | None, data_dir: DataDir) -> int:
    settled = _with_letters(work, data_dir)
    if message_ids and not settled:
        raise NotFound("None of these messages is a dead letter; `deadletters list` shows which are")
    return settled


def _with_letters(work: Callable[[DeadLetters], Awaitable[T]], data_dir: DataDir) -> T:
    settings = load(data_dir, quiet=True)

    async def run() -> T:
        async with open_dead_letters(settings) as dead:
            return await work(dead)

    return asyncio.run(run())


def _record(letter: DeadLetter) -> dict[str, str]:
    return {
        "message_id": str(letter.message_id),
        "guild_id": str(letter.guild_id),
        "channel_id": str(letter.channel_id),
        "created_at": snowflake.to_datetime(letter.message_id).isoformat(),
        "error": letter.error,
    }


def _table(letters: list[DeadLetter]) -> Table:
    table = Table("message", "said", "where", "error")
    for letter in letters:
        url = jump_url(letter.guild_id, letter.channel_id, letter.message_id)
        table.add_row(
            str(letter.message_id), f"{snowflake.to_datetime(letter.message_id):%Y-%m-%d %H:%M}", url, letter.error
        )
    return table
