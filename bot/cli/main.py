"""The commands by their names, and what becomes of their faults."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from bot import __version__
from bot.cli.faults import EXIT_INTERRUPTED, EXIT_UNREAD, complain
from bot.domain import StartupError

log = logging.getLogger(__name__)

ON_WINDOWS = (
    "Windows can't run this by itself: use WSL 2 or Docker Desktop; docs/windows.md takes you through either in a few "
    "minutes"
)

COMMANDS = {
    "init": "Ask for the token and for who runs the models, try both, write `.env`, and offer to pull the models.",
    "run": "Run the bot until SIGTERM or SIGINT.",
    "worker": "Make memories of what the bots take in, until SIGTERM or SIGINT; needs PostgreSQL and a Qdrant server.",
    "replay": "Put a chat export through the same pipeline as live messages; safe to run twice.",
    "reread": "Read again what is still kept, with the model of now; a running bot does it when nothing else waits.",
    "recall": "Search messages and memories; sees every channel, so it is for the operator alone.",
    "web": "Serve a local page to look at servers, the queue and memories, and to correct or forget; for the operator.",
    "doctor": "Check settings, database, model, embeddings, index and Discord; exit code 1 where one is at fault.",
    "pull": "Fetch what Ollama lacks of the models in the settings; where it lacks none, no network is needed.",
    "reindex": "Fill a new vector index with every memory, then let it take over; a running bot does it for itself.",
    "index": "What other installations have on the Qdrant server.",
    "new-installation": "Give a copied database an index of its own on a Qdrant server, once, with the bot stopped.",
    "deadletters": "Messages that the model could not read: list them, retry them, or drop them.",
    "costs": "What was spent by the ledger, or (--messages-per-day) what is likely to be, against OpenAI alone.",
    "erase": "Erase everything that is kept of a member; a running bot does it, else it is done here.",
    "export": "Print everything that is kept of a member as JSON; works beside a running bot.",
    "policy": "Print the privacy policy that follows from the settings (PRIVACY.md).",
    "encrypt": "Encrypt the embedded database with DATA_KEY, once, with the bot stopped.",
    "backup": "Back up the database into one file, also beside a running bot.",
    "restore": "Put a backup in the place of the database, without what was erased since; with the bot stopped.",
    "migrate-database": "Move the database from SQLite to a PostgreSQL server, with the bot stopped.",
    "migrate": "Bring the database up to date, as every start does, after a backup.",
    "demo": "Replay the sample chat of a makerspace, then ask three questions about it.",
}
"""Each command with its line of help; `bot.cli.<command>` holds it."""


class Commands(TyperGroup):
    """The commands, each loaded when it is called: `--help` loads none of them."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Their names, in the order in which help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | None:  # type: ignore[override]
        """A command as help shows it."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:  # type: ignore[override]
        """The command that the arguments call, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(str(name)), rest


def load_command(name: str) -> Any:  # noqa: ANN401
    """Load a command's module, for Typer."""
    module = import_module(f"bot.cli.{_identifier(name)}")
    return typer.main.get_command(_application(module, name))


def _application(module: ModuleType, name: str) -> typer.Typer:
    if hasattr(module, "build"):  # it has commands below it
        application: typer.Typer = module.build()
        return application
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    application.command(name)(getattr(module, _identifier(name)))
    return application


def _identifier(name: str) -> str:
    """A command's name as its module and its function have it."""
    return name.replace("-", "_")


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="bot",
        cls=Commands,
        help="Channel Memory: remembers what was said in the Discord channels where it may listen.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_every_command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"channel-memory {__version__}")
        raise typer.Exit


def _every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take what stands before every command."""


def main() -> None:
    """Run a command; faults become one line each on standard error."""
    sys.exit(_written(_outcome()))


def _outcome() -> int:
    """Run the command that was asked for; the exit code."""
    if sys.platform == "win32":
        return complain(StartupError(ON_WINDOWS))
    try:
        ended = build()(standalone_mode=False)
        for stream in _streams():  # here it can still be said that there is no room
            stream.flush()
    except KeyboardInterrupt:
        logging.shutdown()
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_UNREAD
    except Exception as error:
        log.debug("The command ended", exc_info=True)
        return complain(error)
    return ended if isinstance(ended, int) else 0


def _written(code: int) -> int:
    """Let go of output that nobody takes, which Python would complain of as it ends; the exit code."""
    for stream in _streams():
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _streams() -> list[TextIO]:
    """Where a command writes, which may be closed."""
    return [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
