"""`python -m bot replay FILE`: a chat export through the same pipeline as live messages."""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.cli.start import DataDir, load
from bot.domain import UserError
from bot.forget import Vanished
from bot.observe import Export, Survey, open_export
from bot.operate import look_for_delays, together
from bot.remember import Explanations
from bot.run import App, Replay, Summary, bot_runs, open_app
from bot.settings import Settings

UNASKED_SHARE = 0.05
"""Of what earlier exports brought; who deletes more of it says the exact number."""


CANT_TELL = "nothing was deleted: only a whole DiscordChatExporter file can tell what is missing in it"


@dataclass(frozen=True, slots=True)
class Update:
    """Whether and how far a later export is taken over.

    Attributes:
        yes: delete what it lacks, up to UNASKED_SHARE.
        delete: delete that many, if that is how many it lacks.
    """

    yes: bool = False
    delete: int | None = None

    def allows(self, vanished: Vanished) -> bool:
        """Whether what has vanished is to be deleted.

        Raises:
            UserError: it was to be, and is more than was said.
        """
        count = len(vanished.message_ids)
        if self.delete is None:
            if not count or not self.yes:
                return False
            if vanished.share <= UNASKED_SHARE:
                return True
        elif self.delete == count:
            return True
        todo = f"check the file, and to delete them say --delete {count}" if count else "leave --delete out"
        raise UserError(f"{_lacks(vanished)}: nothing was done; {todo}")


def replay(
    file: Annotated[Path, typer.Argument(help="DiscordChatExporter JSON, or messages as JSON Lines.")],
    extract: Annotated[
        bool, typer.Option("--extract/--no-extract", help="Make memories with the language model.")
    ] = True,
    explain: Annotated[
        Path | None,
        typer.Option(
            help="Write to this file, as JSON Lines, what becomes of each statement that the model proposes. "
            "It holds what members said: delete it when you are done."
        ),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Take what stands before a fault in the file.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Take over what was edited since an earlier export, and show deletions.")
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="With --update: delete what the file lacks, up to 5 % of what exports brought."),
    ] = False,
    delete: Annotated[
        int | None, typer.Option("--delete", min=1, help="With --update: the exact number to delete, over 5 % as well.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Put a chat export through the same pipeline as live messages; safe to run twice."""
    if (yes or delete is not None) and not update:
        raise UserError("--yes and --delete confirm what --update deletes: add --update, or leave them out")
    if (yes or delete is not None) and partial:
        raise UserError(
            "--yes and --delete need a file that is whole, and --partial takes others: leave one of them out"
        )
    settings = load(data_dir, quiet=True)
    export = open_export(file, partial=partial)
    console = Console()
    wanted = Update(yes, delete) if update else None
    with nullcontext(None) if explain is None else _private_file(explain) as out:
        explanations = None if out is None else Explanations(lambda line: print(line, file=out, flush=True))
        summary, notes = asyncio.run(
            replay_export(settings, export, extract=extract, console=console, explain=explanations, update=wanted)
        )
    show_summary(console, summary, notes)


async def replay_export(
    settings: Settings,
    export: Export,
    *,
    extract: bool,
    console: Console,
    explain: Explanations | None = None,
    update: Update | None = None,
) -> tuple[Summary, list[str]]:
    """Replay with a progress bar; returns the summary and one line for each thing to know of it.

    Whether messages are embedded a running bot has decided; these settings say it where there is none.

    Args:
        settings: checked settings.
        export: the file.
        extract: whether memories are made.
        console: shows the progress.
        explain: told what becomes of each statement.
        update: how far to take over what was edited or deleted since an earlier export; None: say how much it is.

    Raises:
        UserError: the file is at fault, or lacks more than may be deleted; then nothing was taken.
    """
    survey = export.survey()
    leads = not await bot_runs(settings)
    async with open_app(settings, extract=extract, leads=leads, explain=explain) as app:
        vanished = await app.later_exports.vanished(survey)
        deleted = update is not None and update.allows(vanished)
        if deleted:
            await app.later_exports.delete(vanished)
        summary = await _with_progress(app, export, survey, console, update=update is not None)
        await app.indexer.catch_up()  # messages, with EMBED_MESSAGES
        waiting = _waiting(together(await app.traffic.by_guild()).pending, app, extract=extract, leads=leads)
    delays = await look_for_delays(settings)
    blind = CANT_TELL if update is not None and not survey.ids else ""
    differing = _differing(summary, vanished, updated=update is not None, deleted=deleted)
    repeated = f"messages that stand in the file more than once: {len(survey.repeated):,}; the last of each counts"
    own = [survey.fault, repeated if survey.repeated else "", differing, blind, *app.notes]
    lines = delays.lines if leads else delays.aside  # a running bot takes what waits
    return summary, [note for note in (*own, *lines, waiting) if note]


def _waiting(messages: int, app: App, *, extract: bool, leads: bool) -> str:
    """How many messages wait to be read, and what has to be done; empty where none is to be read."""
    if not messages or not app.settings.mem0_enabled:
        return ""
    waits = f"{messages:,} messages wait" if messages > 1 else "1 message waits"
    if not leads:
        return f"{waits} to be read by the language model; the bot, which is running, reads them"
    if not extract:
        return f"{waits} to be read by the language model: start the bot, or replay the file without --no-extract"
    todo = "mend what is said above, then start the bot or replay the file again; what is there is not taken twice"
    return f"{waits} to be read by the language model, and nothing is lost: {todo}"


def _private_file(path: Path) -> TextIO:
    """An empty file to write, which nobody else on this machine reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")


def _differing(summary: Summary, vanished: Vanished, *, updated: bool, deleted: bool) -> str:
    """What differs from earlier exports, and what became of it or can be done; empty where nothing does."""
    parts: list[str] = []
    if summary.edits:
        done = "were taken over" if updated else "differ from what an earlier export brought"
        parts.append(f"{summary.edits:,} edited messages {done}")
    if vanished.message_ids:
        parts.append(_lacks(vanished) + (": they were deleted" if deleted else ""))
    todo = []
    if not updated and parts:
        todo = ["add --update to take that over"]
    elif vanished.message_ids and not deleted:
        count = len(vanished.message_ids)
        todo = [f"add {'--yes' if vanished.share <= UNASKED_SHARE else f'--delete {count}'} to delete them"]
    return "; ".join(parts + todo)


def _lacks(vanished: Vanished) -> str:
    return (
        f"the file lacks {len(vanished.message_ids):,} of {vanished.of:,} messages ({vanished.share:.1%}) that earlier "
        "exports brought"
    )


async def _with_progress(app: App, export: Export, survey: Survey, console: Console, *, update: bool) -> Summary:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        tasks = {"log": progress.add_task("Messages into the log", total=survey.people)}
        if app.flusher is not None:
            tasks["extract"] = progress.add_task("Memories from messages", total=survey.people)
        replay = Replay(app.log, app.ledger, app.prices, app.flusher, app.later_exports, update=update)
        return await replay.run(
            export.of_people(survey.repeated), lambda stage, count: progress.advance(tasks[stage], count)
        )


def show_summary(console: Console, summary: Summary, notes: list[str]) -> None:
    """Print what a replay did as a small table, and the notes below."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("messages kept", f"{summary.messages:,}")
    if summary.doubles:
        table.add_row("already there", f"{summary.doubles:,}")
    for reason, count in sorted(summary.refused.items()):
        table.add_row(f"not kept: {reason}", f"{count:,}")
    table.add_row("memories made", f"{summary.memories:,}")
    for reason, count in sorted(summary.declined.items()):
        table.add_row(f"  not kept: {reason.replace('_', ' ')}", f"{count:,}")
    table.add_row("model calls", f"{summary.calls:,}")
    table.add_row("model tokens", f"{summary.tokens:,}")
    table.add_row("cost", f"${summary.dollars:.6f}")
    table.add_row("seconds", f"{summary.seconds:.1f}")
    console.print(table)
    for note in notes:
        console.print(note, style="dim", highlight=False, markup=False)
