"""`python -m bot reread`: what is still kept is read again, after an upgrade or with a better model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.cli.start import DataDir, discord_id, load
from bot.domain import InUse, UserError, snowflake, system_clock
from bot.remember import FlushReport, Rereadings
from bot.run import alone, bot_runs, open_app
from bot.settings import Settings
from bot.storage import open_store

LOOK_SECONDS = 0.5
"""Between two looks at how far the running bot is."""

_DAY_MS = 86_400_000

Show = Callable[[int, int], None]
"""Told how many messages are through, of how many."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read again.

    Attributes:
        channel_id: of one channel or thread only.
        since: from this snowflake on.
    """

    channel_id: int | None
    since: int


def reread(
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Only what was said in the last so many days.")
    ] = None,
    channel: Annotated[
        int | None, typer.Option(parser=discord_id, metavar="ID", help="Only this channel or thread.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Read again what is still kept, with the model of now; a running bot does it when nothing else waits."""
    settings = load(data_dir, quiet=True)
    if not settings.mem0_enabled:
        raise UserError("MEM0_ENABLED=false: no language model is in use; set it to true first")
    since = 0 if days is None else max(0, snowflake.from_ms(system_clock() - days * _DAY_MS))
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        task = progress.add_task("Messages read again", total=None)
        report = asyncio.run(
            _reread(
                settings,
                Wish(channel, since),
                console,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        )
    if report is None:
        console.print("Read again.")
        return
    console.print(
        f"{report.messages:,} messages read again: {report.memories:,} memories made, {report.calls:,} calls, "
        f"{report.tokens:,} tokens",
        highlight=False,
    )


async def _reread(settings: Settings, wish: Wish, console: Console, show: Show) -> FlushReport | None:
    if not await bot_runs(settings):
        try:
            async with alone(settings):
                return await _in_this_process(settings, wish, show)
        except InUse:
            pass  # one has started meanwhile
    console.print("The running bot does it when nothing else waits, whether or not somebody watches here.")
    await _by_the_bot(settings, wish, show)
    return None


async def _in_this_process(settings: Settings, wish: Wish, show: Show) -> FlushReport:
    async with open_app(settings, extract=True) as app:
        if app.rereader is None:
            raise UserError(f"Nothing can be read again: {'; '.join(app.notes) or 'there is no language model'}")
        total = await app.rereadings.ask(channel_id=wish.channel_id, since=wish.since)
        show(done := 0, total)

        def progress(report: FlushReport) -> None:
            nonlocal done
            done += report.messages
            show(done, total)

        report = await app.rereader.finish(progress)
        if report.waiting is not None:
            raise UserError(f"Not through yet ({report.waiting}): run it again, or start the bot; both go on")
        show(total, total)
        return report


async def _by_the_bot(settings: Settings, wish: Wish, show: Show) -> None:
    """Ask the running bot, and show how far it is; it goes on without an onlooker."""
    async with open_store(settings) as db:
        rereadings = Rereadings(db)
        total = await rereadings.ask(channel_id=wish.channel_id, since=wish.since)
        while left := (await rereadings.standing(channel_id=wish.channel_id)).left:
            show(max(0, total - left), total)
            await asyncio.sleep(LOOK_SECONDS)
        show(total, total)
