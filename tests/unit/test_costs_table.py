"""What README, the docs and `costs` say of costs are the same figures, and those that the bench measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.costs import measured
from bot.cli.costs import costs
from bot.llm.measured_days import BUSY_DAY, QUIET_DAY, MeasuredDay
from tests.documents import COST_PAGES, MESSAGES_A_DAY, SETUPS, costs_claim, costs_table

ROWS = [line.strip("|").split(" | ") for line in costs_table().splitlines()[2:]]


@pytest.mark.parametrize("page", COST_PAGES, ids=lambda page: page.name)
def test_every_page_shows_the_one_table(page: Path) -> None:
    assert page.read_text().count(costs_table()) == 1


def test_readme_claims_what_the_table_says() -> None:
    assert costs_claim() in " ".join(COST_PAGES[0].read_text().split())
    fees, _, electricity = ROWS[1][6].removesuffix(" electricity").partition(" + ")
    assert costs_claim().endswith(f"cost {fees} a month in fees and {electricity} in electricity.")


@pytest.mark.parametrize("messages", MESSAGES_A_DAY)
@pytest.mark.parametrize("setup", SETUPS)
def test_the_command_says_what_the_table_says(
    messages: int, setup: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # there is no .env
    for name, value in SETUPS[setup].items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("COLUMNS", "120")
    costs(messages, tmp_path)
    output = capsys.readouterr().out
    shown = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in _cells(output)}
    _, calls, tokens, embedded, minutes, *dollars = (cell.strip() for cell in ROWS[MESSAGES_A_DAY.index(messages)])
    assert shown["calls of the language model"][0] == calls
    assert shown["tokens of the language model"][0] == tokens
    assert shown["tokens embedded"][0] == embedded
    fees, _, electricity = dollars[list(SETUPS).index(setup)].partition(" + ")
    assert shown["with these settings"][1] == fees
    assert shown["electricity of the local model"][1] == (electricity.removesuffix(" electricity") or "$0.00")
    if electricity:
        assert shown["work of the local model"][0] == minutes


def _cells(output: str) -> list[list[str]]:
    return [line.strip("│").split("│") for line in output.splitlines() if "│" in line]


@pytest.mark.slow
@pytest.mark.parametrize("day", [QUIET_DAY, BUSY_DAY])
async def test_the_figures_are_what_the_bench_measures(day: MeasuredDay) -> None:
    """Where it fails, prompts or stretches have changed: `make documents` writes the new figures."""
    assert await measured(day.messages) == day
