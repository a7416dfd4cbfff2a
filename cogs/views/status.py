"""The view of /memory status: what stands, what it costs, how the services are, and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.llm import BreakerState, Course

if TYPE_CHECKING:
    from bot.llm import Bill
    from bot.operate import StatusReport

CHART = "chart.png"

DELAYS_SHOWN, DELAY_CHARS = 4, 250
"""Reasons why something is not done, and characters of each: there is room for 4,000 in all."""

_COURSES = {
    Course.SUBSTITUTE: "{substitute} makes the memories",
    Course.OVER_BUDGET: "Messages wait, the budget for {substitute} being used up,",
    Course.SKIPPING: "No memories are made and messages are skipped",
}


def status_view(lines: Sequence[str], report: StatusReport, *, chart: bool) -> ui.LayoutView:
    """What stands (`lines`), costs, services, and with `chart` a picture, sent along as a file named `CHART`."""
    picture = ui.MediaGallery[ui.LayoutView](
        discord.MediaGalleryItem(f"attachment://{CHART}", description="Messages, memories and cost by day")
    )
    view = ui.LayoutView(timeout=None)
    parts = ["\n".join(lines), "\n".join(_services(report)), "\n".join(_costs(report))]
    texts = [ui.TextDisplay[ui.LayoutView](part) for part in parts]
    box = ui.Container[ui.LayoutView](texts[0], ui.Separator(), texts[1], ui.Separator(), texts[2])
    if chart:
        box.add_item(picture)
    view.add_item(box)
    return view


def _services(report: StatusReport) -> list[str]:
    lines = ["### Services"]
    for service in report.services:
        well = service.state is BreakerState.CLOSED
        trouble = f"does not answer for {service.seconds_down / 60:.0f} min; what is to do waits"
        lines.append(f"- {service.name}: {'in order' if well else f'⚠️ {trouble}'}")
    if report.fallback is not None and report.fallback.course in _COURSES:
        since = f"since <t:{report.fallback.since_ms // 1000}:R>"
        course = _COURSES[report.fallback.course].format(substitute=report.fallback.substitute)
        lines.append(f"- ⚠️ {course} {since}, because {report.fallback.model} does not answer")
    if report.answer_seconds is not None:
        lines.append(f"- The language model answers in {report.answer_seconds:.1f} s on average today")
    if report.last_flush_ms is not None:
        lines.append(f"- Memories were last made <t:{report.last_flush_ms // 1000}:R>")
    if report.index_backlog:
        held = "" if report.index_figures is None else ", which holds {:,} of {:,}".format(*report.index_figures)
        lines.append(f"- {report.index_backlog:,} changes wait for the vector index{held}")
    delays = report.delays.lines
    lines += [f"- ⚠️ {discord.utils.escape_markdown(line[:DELAY_CHARS])}" for line in delays[:DELAYS_SHOWN]]
    if len(delays) > DELAYS_SHOWN:
        lines.append(f"- … and for {len(delays) - DELAYS_SHOWN} other reasons; `python -m bot doctor` names them")
    return lines if len(lines) > 1 else [*lines, "- None is in use"]


def _costs(report: StatusReport) -> list[str]:
    month = report.month
    lines = [
        f"### Costs of this bot, all servers (prices of {report.prices_as_of})",
        f"- Spent: **{dollars(report.today.spent)}** today, **{dollars(month.spent)}** in 30 days",
        f"- For the same {month.messages:,} messages OpenAI would have cost: {_compared(month, month.same_calls)} with "
        f"these same calls, {_compared(month, month.batches_of_20)} with stock mem0 in batches of 20, "
        f"{_compared(month, month.one_call)} with one call a message",
    ]
    if month.electricity > month.spent:
        lines.append(f"- Electricity for the local model is more than that: about {dollars(month.electricity)}")
    if month.unpriced:
        lines.append(f"- Without a price, and counted as free: {', '.join(sorted(month.unpriced))}")
    return lines


def _compared(owed: Bill, baseline: float) -> str:
    saving = owed.saving(baseline)
    return dollars(baseline) if saving is None else f"{dollars(baseline)} (saved {saving:.1%})"


def dollars(amount: float) -> str:
    """An amount as it is read: cents, and four places below a cent."""
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"
