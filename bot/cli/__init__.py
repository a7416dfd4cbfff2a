"""The command line: `python -m bot COMMAND`.

Each command reads its options, opens the program for the time that it needs it, calls one service and prints.
"""

from __future__ import annotations

import logging
import sys

import typer
from sqlalchemy.exc import SQLAlchemyError

from bot.cli import (
    costs,
    deadletters,
    demo,
    doctor,
    encrypt,
    erase,
    export,
    migrate,
    policy,
    recall,
    reindex,
    replay,
    run,
    worker,
)
from bot.domain import StartupError, UserError

EXIT_FAULT = 1
"""Something was asked that can't be done."""

EXIT_SETTINGS = 2
"""The program can't start with these settings."""


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="bot",
        help="Channel Memory: remembers what was said in the Discord channels where it may listen.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.command("run")(run.run)
    app.command("worker")(worker.worker)
    app.command("replay")(replay.replay)
    app.command("recall")(recall.recall)
    app.command("doctor")(doctor.doctor)
    app.command("reindex")(reindex.reindex)
    app.add_typer(deadletters.build(), name="deadletters")
    app.command("costs")(costs.costs)
    app.command("erase")(erase.erase)
    app.command("export")(export.export)
    app.command("policy")(policy.policy)
    app.command("encrypt")(encrypt.encrypt)
    app.command("migrate")(migrate.migrate)
    app.command("demo")(demo.demo)
    return app


def main() -> None:
    """Run a command; faults become one line each on standard error."""
    try:
        build()()
    except StartupError as error:
        _complain(error, EXIT_SETTINGS)
    except UserError as error:
        _complain(error, EXIT_FAULT)
    except SQLAlchemyError as error:  # its own text holds what was to be written
        cause = getattr(error, "orig", None)
        reason = type((cause and cause.__cause__) or cause or error).__name__
        _complain(f"the database can't be used ({reason}): see that it runs and has room, and try again", EXIT_FAULT)
    except KeyboardInterrupt:
        logging.shutdown()
        sys.exit(130)


def _complain(error: Exception | str, code: int) -> None:
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)
    logging.shutdown()
    sys.exit(code)
