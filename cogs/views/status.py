"""The view of /memory status: what stands, what it costs, how the services are, and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord import ui

from bot.domain import Phrase
from bot.llm import BreakerState, Course

if TYPE_CHECKING:
    from bot.languages import Language
    from bot.llm import Bill
    from bot.operate import Service, StatusReport

CHART = "chart.png"

DELAYS_SHOWN, DELAY_CHARS = 4, 250
"""Reasons why something is not done, and characters of each: there is room for 4,000 in all."""

_COURSES = {
    Course.SUBSTITUTE: partial(
        Phrase, "⚠️ {substitute} makes the memories since {when}, because {model} does not answer"
    ),
    Course.OVER_BUDGET: partial(
        Phrase,
        "⚠️ Messages wait, the budget for {substitute} being used up, since {when}, because {model} does not answer",
    ),
    Course.SKIPPING: partial(
        Phrase, "⚠️ No memories are made and messages are skipped since {when}, because {model} does not answer"
    ),
}


def status_view(lines: Sequence[str], report: StatusReport, language: Language, *, chart: bool) -> ui.LayoutView:
    """What stands (`lines`), costs, services, and with `chart` a picture, sent along as a file named `CHART`."""
    picture = ui.MediaGallery[ui.LayoutView](
        discord.MediaGalleryItem(
            f"attachment://{CHART}", description=language.say("Messages, memories and cost by day")
        )
    )
    view = ui.LayoutView(timeout=None)
    parts = [
        _listed(Phrase("Memory of this server"), lines, language),
        _listed(Phrase("Services"), _services(report) or [Phrase("None is in use")], language),
        _listed(
            Phrase("Costs of this bot, all servers (prices of {day})", day=str(report.prices_as_of)),
            _costs(report),
            language,
        ),
    ]
    texts = [ui.TextDisplay[ui.LayoutView](part) for part in parts]
    box = ui.Container[ui.LayoutView](texts[0], ui.Separator(), texts[1], ui.Separator(), texts[2])
    if chart:
        box.add_item(picture)
    view.add_item(box)
    return view


def _listed(title: str, lines: Sequence[str], language: Language) -> str:
    return "\n".join([f"### {language.translated(title)}", *(f"- {language.translated(line)}" for line in lines)])


def _services(report: StatusReport) -> list[str]:
    lines = [_service(service) for service in report.services]
    if report.fallback is not None and report.fallback.course in _COURSES:
        lines.append(
            _COURSES[report.fallback.course](
                substitute=report.fallback.substitute or "",
                when=f"<t:{report.fallback.since_ms // 1000}:R>",
                model=report.fallback.model,
            )
        )
    if report.answer_seconds is not None:
        seconds = f"{report.answer_seconds:.1f}"
        lines.append(Phrase("The language model answers in {seconds} s on average today", seconds=seconds))
    if report.last_flush_ms is not None:
        lines.append(Phrase("Memories were last made {when}", when=f"<t:{report.last_flush_ms // 1000}:R>"))
    if report.index_backlog:
        lines.append(_backlog(report.index_backlog, report.index_figures))
    delays = report.delays.lines
    lines += [f"⚠️ {discord.utils.escape_markdown(line[:DELAY_CHARS])}" for line in delays[:DELAYS_SHOWN]]
    if len(delays) > DELAYS_SHOWN:
        others = len(delays) - DELAYS_SHOWN
        lines.append(Phrase("… and for {others} other reasons; `python -m bot doctor` names them", others=others))
    return lines


def _service(service: Service) -> str:
    if service.state is BreakerState.CLOSED:
        return Phrase("{service}: in order", service=service.name)
    return Phrase(
        "{service}: ⚠️ does not answer for {minutes} min; what is to do waits",
        service=service.name,
        minutes=round(service.seconds_down / 60),
    )


def _backlog(changes: int, figures: tuple[int, int] | None) -> str:
    if figures is None:
        return Phrase("{changes} changes wait for the vector index", changes=changes)
    held, wanted = figures
    return Phrase(
        "{changes} changes wait for the vector index, which holds {held} of {wanted}",
        changes=changes,
        held=held,
        wanted=wanted,
    )


def _costs(report: StatusReport) -> list[str]:
    month = report.month
    lines: list[str] = [
        Phrase(
            "Spent: **{today}** today, **{month}** in 30 days",
            today=dollars(report.today.spent),
            month=dollars(month.spent),
        ),
        Phrase(
            "For the same {messages} messages OpenAI would have cost: {same_calls} with these same calls, {batches} "
            "with stock mem0 in batches of 20, {one_call} with one call a message",
            messages=month.messages,
            same_calls=_compared(month, month.same_calls),
            batches=_compared(month, month.batches_of_20),
            one_call=_compared(month, month.one_call),
        ),
    ]
    if month.electricity > month.spent:
        amount = dollars(month.electricity)
        lines.append(Phrase("Electricity for the local model is more than that: about {amount}", amount=amount))
    if month.unpriced:
        models = ", ".join(sorted(month.unpriced))
        lines.append(Phrase("Without a price, and counted as free: {models}", models=models))
    return lines


def _compared(owed: Bill, baseline: float) -> str:
    saving = owed.saving(baseline)
    if saving is None:
        return dollars(baseline)
    return Phrase("{amount} (saved {percent})", amount=dollars(baseline), percent=f"{saving:.1%}")


def dollars(amount: float) -> str:
    """An amount as it is read: cents, and four places below a cent."""
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"
