"""`python -m bot erase`: everything that is kept of a member, by the operator's word."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import typer

from bot.cli.start import DataDir, discord_id, load
from bot.domain import InUse, UserError, system_clock
from bot.forget import Receipt, Request, Requests, RequestState
from bot.run import App, alone, open_app
from bot.settings import Settings
from bot.storage import open_store

log = logging.getLogger(__name__)

TAKEN_SECONDS = 4.0
"""How long a running bot is given to take a request on; it looks once a second."""

DONE_SECONDS = 600.0
"""How long a running bot is given to carry it out."""

LOOK_SECONDS = 0.25

User = Annotated[int, typer.Option("--user", parser=discord_id, help="Discord's id of the member.")]
Guild = Annotated[int | None, typer.Option("--guild", parser=discord_id, help="Only in this server; else in all.")]
Yes = Annotated[bool, typer.Option("--yes", help="Without it nothing is erased.")]


def erase(user: User, guild: Guild = None, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Erase everything that is kept of a member; a running bot does it, else it is done here."""
    settings = load(data_dir, quiet=True)
    if not yes:
        raise UserError("This erases everything that is kept of that member and can't be undone: add --yes to do it")
    receipt = asyncio.run(_erase(settings, user, guild))
    for name, count in receipt.removed.items():
        if count:
            print(f"{name}: {count:,} removed")
    if not receipt.complete:
        left = ", ".join(f"{count:,} {name}" for name, count in receipt.remaining.items() if count)
        raise UserError(f"Still there: {left}; run it again in a minute, with the bot or its services up")
    print("Checked: nothing of that member is left.")
    if receipt.unwritten:
        print(f"{settings.erasures_path} does not say so yet; a running bot writes it as soon as it can.")


async def _erase(settings: Settings, user_id: int, guild_id: int | None) -> Receipt:
    async with open_store(settings) as db:
        requests = Requests(db, system_clock)
        request = await requests.ask(user_id=user_id, guild_id=guild_id)
        state, receipt = await _look(requests, request, TAKEN_SECONDS, until={RequestState.TAKEN, RequestState.DONE})
        if state is RequestState.ASKED:
            with suppress(InUse):  # a bot is starting, and will take it
                async with alone(settings), open_app(settings, extract=False) as app:
                    return await _write_down(app, await app.clerk.fulfil(request))
        if receipt is None:
            state, receipt = await _look(requests, request, DONE_SECONDS, until={RequestState.DONE})
    if receipt is None:
        raise UserError("The running bot has taken it on and is not through yet; its log tells when it is")
    return receipt


async def _write_down(app: App, receipt: Receipt) -> Receipt:
    """Bring what was erased into the file of erasures, where no bot runs that does it; that never undoes an erasure."""
    if not app.settings.leads:
        return receipt
    try:
        await app.erasures.round()
    except (OSError, UserError) as error:
        log.warning("Not noted in the file of erasures: %s", error)
        return receipt
    return replace(receipt, unwritten=0)


async def _look(
    requests: Requests, request: Request, seconds: float, *, until: set[RequestState]
) -> tuple[RequestState, Receipt | None]:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        state, receipt = await requests.outcome(request)
        if state in until or loop.time() > end:
            return state, receipt
        await asyncio.sleep(LOOK_SECONDS)
