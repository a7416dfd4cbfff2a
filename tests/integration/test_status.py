"""/memory status: what is spent and saved, the services, and a chart of the days."""

from __future__ import annotations

import struct
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiolimiter import AsyncLimiter

from bot.domain.errors import ServiceGivenUp, ServiceUnavailable
from bot.domain.supervision import Supervisor
from bot.llm.costs import Ledger
from bot.llm.resilience import Breaker, Guard
from bot.operate.activity import Activity
from bot.operate.status import DAYS, Status, StatusReport
from bot.operate.traffic import Traffic
from bot.operate.troubles import Troubles
from bot.operate.waiting import delay_report
from bot.remember.refusals import Refusals
from bot.remember.report import FlushReport
from bot.storage.installation import Installation
from cogs.views.status import status_view
from tests.fixtures.discord import World, shown, texts_of
from tests.fixtures.languages import ENGLISH
from tests.fixtures.memory import Pipeline
from tests.fixtures.prices import list_prices
from tests.fixtures.storage import GUILD, FakeClock, SaidFactory
from tests.integration.test_fallback import scene

PNG = b"\x89PNG\r\n\x1a\n"


def make_status(pipeline: Pipeline, ledger: Ledger, *guards: Guard) -> Status:
    return Status(
        activity=Activity(pipeline.db),
        traffic=Traffic(pipeline.db, pipeline.clock),
        ledger=ledger,
        prices=list_prices(),
        guards=guards,
        indexer=pipeline.indexer,
        delays=delay_report(pipeline.db, pipeline.clock, pipeline.indexer.changes),
        refusals=Refusals(pipeline.db, pipeline.clock),
        clock=pipeline.clock,
    )


async def test_the_report_tells_days_bills_and_services(
    pipeline: Pipeline, clock: FakeClock, make_said: SaidFactory
) -> None:
    ledger = Ledger(pipeline.db, clock)
    down = Guard("ollama", limiter=AsyncLimiter(10, 1), timeout=1, breaker=Breaker(threshold=1), retries=0)

    async def fails() -> None:
        raise ServiceUnavailable("ollama", "down")

    with pytest.raises(ServiceUnavailable):
        await down.call(fails)
    status = make_status(pipeline, ledger, down)
    ledger.record("ollama", "m", "extraction", prompt_tokens=1_000, completion_tokens=100, seconds=3.0)
    ledger.settled("ollama", "m", "extraction", 20)
    await pipeline.log.append([make_said(), make_said()])
    clock.advance(86_400)
    await pipeline.log.append([make_said()])
    ledger.record("openai", "text-embedding-3-small", "embedding", prompt_tokens=10_000, completion_tokens=0)
    status.flushed(FlushReport(messages=3))

    report = await status.report(GUILD)
    assert [day.messages for day in report.days] == [0] * (DAYS - 2) + [2, 1]
    assert (report.today.messages, report.month.messages) == (0, 20)
    assert report.today.spent == report.month.spent > 0
    assert report.answer_seconds is None
    assert report.last_flush_ms == clock()
    (service,) = report.services
    assert (service.name, service.state.value, service.seconds_down > 0) == ("ollama", "open", True)
    assert all(day.messages == 0 for day in (await status.report(GUILD + 1)).days)


async def test_status_names_what_the_database_does_not_take_and_what_fails_again_and_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def edited(message_id: int, content: str, edited_at: datetime) -> None:
        raise KeyError(content)

    monkeypatch.setattr(world.pipeline.revisions, "edited", edited)
    world.services.intake.edited(GUILD, GUILD, 1, "changed", datetime.now(UTC))
    await world.services.intake.drain()
    async with world.services.supervisor.turn("search for deleted accounts"):
        raise ServiceUnavailable("discord", "HTTP 500")
    text = shown(await world.boss.slash(world.general, "memory status"))
    assert "1 edit or deletion can't be written, and tried again until done: KeyError" in text
    assert "The search for deleted accounts failed and is tried again soon: discord" in text


async def test_what_a_process_can_not_do_is_named_by_others_while_it_lasts(pipeline: Pipeline) -> None:
    supervisor = Supervisor()
    refused = {"KeyError": 2}
    there = Troubles(Installation(pipeline.db), pipeline.clock, supervisor.standings, lambda: refused)
    here = delay_report(pipeline.db, pipeline.clock, pipeline.indexer.changes)
    async with supervisor.turn("search for deleted accounts"):
        raise ServiceUnavailable("discord", "HTTP 500")
    await there.note()
    delays = await here.look()
    assert delays.removals == ["2 edits or deletions can't be written, and tried again until done: KeyError"]
    assert delays.parts == ("The search for deleted accounts failed and is tried again soon: discord: HTTP 500",)
    pipeline.clock.advance(120)
    assert (await here.look()).lines == [], "of a process that tells no more"
    await there.note()
    assert len((await here.look()).lines) == 2
    async with supervisor.turn("search for deleted accounts"):
        refused.clear()
    await there.note()
    assert (await here.look()).lines == []
    assert await Installation(pipeline.db).beginning_with("trouble") == {}


@pytest.mark.slow
async def test_the_chart_is_a_picture_that_changes_with_the_days(
    pipeline: Pipeline, clock: FakeClock, make_said: SaidFactory
) -> None:
    status = make_status(pipeline, Ledger(pipeline.db, clock))
    empty = await status.chart(await status.report(GUILD))
    await pipeline.log.append([make_said()])
    chart = await status.chart(await status.report(GUILD))
    assert empty is not None
    assert chart is not None
    assert empty.startswith(PNG)
    assert chart != empty
    assert struct.unpack(">II", chart[16:24]) == (800, 450)


async def test_admins_see_costs_and_the_chart(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "The door code changes on Monday.")
    result = await world.boss.slash(world.general, "memory status")
    text = shown(result)
    for told in ("Memory of this server", "Services", "Spent", "one call a message", "batches of 20"):
        assert told in text
    message = result.followups[0] if result.followups else result.response
    assert message is not None
    assert [a.filename for a in message.attachments] == ["chart.png"]


async def test_the_page_stands_where_no_chart_can_be_drawn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(_: object) -> bytes:
        raise OSError("a writable cache directory is required")

    monkeypatch.setattr("bot.operate.status.draw", draw)
    await world.observe()
    result = await world.boss.slash(world.general, "memory status")
    assert "Memory of this server" in shown(result)
    message = result.followups[0] if result.followups else result.response
    assert message is not None
    assert not message.attachments


def told_by(report: StatusReport) -> str:
    return "\n".join(texts_of(status_view([], report, ENGLISH, chart=False).to_components()))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("budget", "skip", "told"),
    [
        (1.0, False, "OpenAI makes the memories"),
        (0.0, False, "the budget for OpenAI being used up"),
        (1.0, True, "messages are skipped"),
    ],
)
@pytest.mark.matrix
async def test_admins_see_who_stands_in_for_the_model(
    pipeline: Pipeline, tmp_path: Path, clock: FakeClock, budget: float, skip: bool, told: str
) -> None:
    status = make_status(pipeline, Ledger(pipeline.db, clock))
    async with scene(tmp_path, clock, budget=budget, skip=skip) as at:
        status.fallback = at.model
        assert "does not answer" not in told_by(await status.report(GUILD))
        await at.outlast()
        with suppress(ServiceUnavailable, ServiceGivenUp):
            await at.ask()
        text = told_by(await status.report(GUILD))
        assert told in text
        assert "because ollama does not answer" in text
        assert f"<t:{clock() // 1000}:R>" in text


async def test_members_do_not_see_it(world: World) -> None:
    await world.open_to_everybody("memory status")
    assert "Manage Server" in shown(await world.ann.slash(world.general, "memory status"))
