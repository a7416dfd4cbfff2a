"""`python -m bot costs`: what it costs, before one starts and since."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.cli.start import DataDir, load
from bot.domain import system_clock
from bot.llm import Bill, Ledger, PriceTable, bill, dollars, estimate, providers_of
from bot.settings import Settings
from bot.storage import data_key, database_address, migrations_waiting, open_store

DAYS_A_MONTH = 30
THE_BEGINNING = "1970-01-01"

MOST_A_DAY = 10_000_000_000
"""Messages; more than all of Discord has."""

PerDay = Annotated[
    int | None,
    typer.Option("--messages-per-day", min=1, max=MOST_A_DAY, help="Estimate for so many messages a day."),
]


def costs(messages_per_day: PerDay = None, data_dir: DataDir = None) -> None:
    """What was spent by the ledger, or (--messages-per-day) what is likely to be, against OpenAI alone."""
    settings = load(data_dir, quiet=True)
    providers = providers_of(settings)
    prices, model, embedder = providers.prices(settings), providers.model(settings), providers.embedder(settings)
    measured = asyncio.run(_measured(settings, prices))
    console = Console()
    if messages_per_day is None:
        console.print(_table("Since the ledger began", measured, 1))
        return
    day = estimate(
        messages_per_day,
        prices=prices,
        llm=(model.label, model.model),
        embedder=(embedder.label, embedder.model),
        embed_messages=settings.embed_messages,
        measured=measured,
    )
    basis = f"{measured.messages:,} messages measured here" if measured.messages else "general figures"
    console.print(_table(f"{messages_per_day:,} messages a day, from {basis}", day, DAYS_A_MONTH))
    console.print(f"Prices of {prices.as_of}; docs/costs.md tells what each line stands for.", highlight=False)


async def _measured(settings: Settings, prices: PriceTable) -> Bill:
    """The ledger's bill; nothing where there is no database, or an older one, which is left alone."""
    address = database_address(settings)
    if await migrations_waiting(address, settings.data_dir, key=data_key(settings)) != []:
        return Bill()
    async with open_store(settings) as db:
        return bill(await Ledger(db, system_clock).totals(THE_BEGINNING), prices)


def _table(title: str, owed: Bill, days: int) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    columns = ["total"] if days == 1 else ["a day", "a month"]
    for column in columns:
        table.add_column(column, justify="right")
    factors = [1, days][: len(columns)]

    def row(name: str, *cells: str) -> None:
        table.add_row(name, *cells)

    row("messages", *(f"{owed.messages * n:,}" for n in factors))
    row("calls of the language model", *(f"{owed.calls * n:,}" for n in factors))
    row("tokens of the language model", *(f"{owed.tokens * n:,}" for n in factors))
    row("tokens embedded", *(f"{owed.embedding_tokens * n:,}" for n in factors))
    row("[bold]with these settings[/]", *(dollars(owed.spent * n) for n in factors))
    row("work of the local model", *(f"{owed.seconds * n / 60:,.1f} min" for n in factors))
    row("electricity of the local model", *(dollars(owed.electricity * n) for n in factors))
    for name, baseline in (
        ("OpenAI, these same calls", owed.same_calls),
        ("OpenAI, stock mem0 in batches of 20", owed.batches_of_20),
        ("OpenAI, stock mem0, one call a message", owed.one_call),
    ):
        saving = owed.saving(baseline)
        share = "" if saving is None else f" (saved {saving:.1%})"
        row(name, *(f"{dollars(baseline * n)}{share}" for n in factors))
    if owed.unpriced:
        row("without a price, counted as free", *[", ".join(sorted(owed.unpriced))] * len(factors))
    return table
