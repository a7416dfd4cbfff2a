"""Erasing and exporting by the operator's word, with and without a running bot; lifetimes of memories."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.domain.crash_points import ERASURE_STEPS
from bot.domain.model import MemoryKind
from bot.forget.clerk import Clerk
from bot.forget.proof import Receipt
from bot.forget.requests import Requests, RequestState
from bot.forget.unfinished import PAGE, UnfinishedOptOuts
from bot.guilds.audit import Action, AuditTrail
from bot.guilds.servers import Guilds
from bot.llm.costs import Ledger
from bot.operate.housekeeping import Housekeeping
from bot.operate.waiting import delay_report
from bot.storage.schema import memories, requests
from tests.fixtures.commandline import CommandLine
from tests.fixtures.memory import Interrupted, Pipeline, bytes_in, open_pipeline
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock

pytestmark = pytest.mark.both_databases

ALICE, BOB = 123_450_000_000_003_101, 123_450_000_000_003_102
CANARY = "xqvkzjwp"
OTHER_GUILD = GUILD + 1
DAY = 86_400


async def nothing() -> None:
    """There is nothing in hand."""


def clerk(pipeline: Pipeline, before: Callable[[], Awaitable[object]] = nothing) -> Clerk:
    unfinished = UnfinishedOptOuts(pipeline.db, pipeline.consents, pipeline.personal)
    return pipeline.clerk_after(before, unfinished.finish)


async def test_a_request_is_carried_out_once_and_its_id_goes(pipeline: Pipeline) -> None:
    await pipeline.say(f"note: {CANARY}", author=ALICE)
    await pipeline.flush()
    pending = Requests(pipeline.db, pipeline.clock)
    request = await pending.ask(user_id=ALICE, guild_id=GUILD)
    await clerk(pipeline).round()
    state, receipt = await pending.outcome(request)
    assert state is RequestState.DONE
    assert receipt is not None
    assert receipt.complete
    assert (receipt.removed["messages"], receipt.removed["memories"]) == (1, 1)
    async with pipeline.db.read() as connection:
        assert await connection.scalar(select(requests.c.user_id)) is None
    (entry,) = await AuditTrail(pipeline.db, pipeline.clock).newest(GUILD, 10)
    assert (entry.action, entry.actor_id, entry.details["messages"]) == (Action.MEMBER_ERASED, None, 1)
    assert await pending.waiting() == []
    assert not await pending.take(request)


async def test_what_a_bot_had_taken_when_it_ended_is_taken_again(pipeline: Pipeline) -> None:
    pending = Requests(pipeline.db, pipeline.clock)
    request = await pending.ask(user_id=ALICE, guild_id=None)
    assert await pending.take(request)
    running = asyncio.create_task(clerk(pipeline).run())
    try:
        async with asyncio.timeout(10):
            while (await pending.outcome(request))[0] is not RequestState.DONE:  # noqa: ASYNC110 - the database is looked into
                await asyncio.sleep(0.02)
    finally:
        await ended(running)


async def test_what_the_command_line_had_taken_when_it_ended_is_carried_out_by_the_next(pipeline: Pipeline) -> None:
    await pipeline.say(f"note: {CANARY}", author=ALICE)
    pending = Requests(pipeline.db, pipeline.clock)
    request = await pending.ask(user_id=ALICE, guild_id=GUILD)
    async with pipeline.db.write() as connection:
        await connection.execute(update(requests).values(state=RequestState.HERE))  # as earlier versions called it
    await clerk(pipeline).round()
    state, receipt = await pending.outcome(request)
    assert state is RequestState.DONE
    assert receipt is not None
    assert receipt.removed["messages"] == 1
    async with pipeline.db.read() as connection:
        assert await connection.scalar(select(requests.c.user_id)) is None


async def test_what_one_bot_carries_out_another_that_starts_leaves_alone(pipeline: Pipeline) -> None:
    at_work, go_on = asyncio.Event(), asyncio.Event()

    async def held_up() -> None:
        at_work.set()
        await go_on.wait()

    for word in ("first", "second"):
        await pipeline.say(f"note: the {word} one", author=ALICE)
    pending = Requests(pipeline.db, pipeline.clock)
    request = await pending.ask(user_id=ALICE, guild_id=GUILD)
    carrying_out = asyncio.create_task(clerk(pipeline, before=held_up).round())
    await at_work.wait()
    other = asyncio.create_task(clerk(pipeline).run())
    try:
        await asyncio.sleep(0.5)
        assert (await pending.outcome(request))[0] is RequestState.TAKEN
        assert len(await pipeline.states()) == 2
        go_on.set()
        await carrying_out
        receipt = (await pending.outcome(request))[1]
        assert receipt is not None
        assert receipt.removed["messages"] == 2
    finally:
        await ended(other)


async def test_what_a_bot_is_cut_off_in_the_next_round_of_another_carries_out(pipeline: Pipeline) -> None:
    at_work = asyncio.Event()

    async def held_up() -> None:
        at_work.set()
        await asyncio.Event().wait()

    await pipeline.say("note: something", author=ALICE)
    pending = Requests(pipeline.db, pipeline.clock)
    request = await pending.ask(user_id=ALICE, guild_id=None)
    dying = asyncio.create_task(clerk(pipeline, before=held_up).round())
    await at_work.wait()
    dying.cancel()
    await asyncio.wait({dying})
    await clerk(pipeline).round()
    state, receipt = await pending.outcome(request)
    assert state is RequestState.DONE
    assert receipt is not None
    assert receipt.removed["messages"] == 1


@pytest.mark.parametrize("what", ["member", "channel", "server"])
async def test_what_is_asked_for_in_discord_goes_and_what_the_server_decided_stays(
    pipeline: Pipeline, what: str
) -> None:
    decided = pipeline.guilds.observations
    await decided.switch_on(guild_id=GUILD, channel_id=CHANNEL, parent_id=None, name="general", by=BOB, from_id=1)
    said = await pipeline.say("note: something", author=ALICE)
    erases = clerk(pipeline)
    if what == "member":
        receipt = await erases.erase_member(ALICE, GUILD, up_to=said.id)
    elif what == "channel":
        receipt = await erases.erase_channel(GUILD, CHANNEL, up_to=said.id, by=BOB)
    else:
        receipt = await erases.erase_guild(GUILD, up_to=said.id, by=BOB)
    assert (receipt.removed["messages"], receipt.complete) == (1, True)
    assert set(pipeline.erasing.seen) == set(ERASURE_STEPS)
    assert [channel.channel_id for channel in decided.list(GUILD)] == [CHANNEL]
    async with pipeline.db.read() as connection:
        assert await connection.scalar(select(requests.c.up_to)) == said.id


async def test_looking_for_opt_outs_that_were_cut_off_ends_where_members_stay(pipeline: Pipeline) -> None:
    await pipeline.say("note: bob stays", author=BOB)
    async with asyncio.timeout(10):
        await UnfinishedOptOuts(pipeline.db, pipeline.consents, pipeline.personal).finish()
    assert len(await pipeline.states()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [{"user_id": ALICE}, {"channel_id": CHANNEL}, {}])
async def test_the_receipt_of_an_erasure_that_died_anywhere_tells_of_all_that_was_removed(
    pipeline: Pipeline, wanted: dict[str, int]
) -> None:
    pending = Requests(pipeline.db, pipeline.clock)
    die_at, steps = 0, 1
    while die_at < steps:
        texts = [f"note: the {word} of round {die_at}" for word in ("first", "second")]
        *_, newest = await pipeline.say_many(texts, author=ALICE)
        await pipeline.flush()
        request = await pending.ask(guild_id=GUILD, up_to=newest.id, **wanted)
        pipeline.restart()
        pipeline.erasing.die_at = die_at
        with contextlib.suppress(Interrupted):  # once it stands, it is not undone
            await clerk(pipeline).round()
        steps = max(steps, len(pipeline.erasing.seen) + 1)
        pipeline.restart()
        await clerk(pipeline).round()
        receipt = (await pending.outcome(request))[1]
        assert receipt is not None
        assert (receipt.removed["messages"], receipt.removed["memories"], receipt.complete) == (2, 2, True)
        die_at += 1
    assert steps > len(ERASURE_STEPS) - 1


async def test_a_member_who_opts_out_while_a_bot_starts_is_told_what_was_removed(pipeline: Pipeline) -> None:
    for word in ("first", "second", "third"):
        await pipeline.say(f"note: the {word} one", author=ALICE)
    unfinished = UnfinishedOptOuts(pipeline.db, pipeline.consents, pipeline.personal)
    starts: list[asyncio.Task[None]] = []

    async def note() -> None:
        await pipeline.consents.opt_out(ALICE, GUILD)
        starts.append(asyncio.create_task(unfinished.finish()))
        await asyncio.sleep(0.5)  # time enough for it to erase everything

    receipt = await pipeline.personal.delete(ALICE, GUILD, first=note)
    assert receipt.removed["messages"] == 3
    await asyncio.wait_for(starts[0], 10)
    assert await pipeline.states() == {}


@pytest.mark.slow
async def test_an_opt_out_that_was_cut_off_is_finished_at_the_next_start(pipeline: Pipeline) -> None:
    for author in range(BOB + 1, BOB + PAGE + 2):  # more names than are looked at in one go
        await pipeline.directory.remember_names(GUILD, {author: "somebody"})
    kept = {(await pipeline.say("note: bob stays", author=BOB)).id}
    await pipeline.say("note: alice goes", author=ALICE)
    late = BOB + PAGE + 1
    await pipeline.say("note: so does the last one", author=late)
    kept.add((await pipeline.say("note: but not from here", author=late, guild=OTHER_GUILD, channel=2_002)).id)
    await pipeline.consents.opt_out(ALICE, None)
    await pipeline.consents.opt_out(late, GUILD)
    assert len(await pipeline.states()) == 4  # the process died before anything was erased
    running = asyncio.create_task(clerk(pipeline).run())
    try:
        async with asyncio.timeout(20):
            while set(await pipeline.states()) != kept:  # noqa: ASYNC110 - the database is looked into
                await asyncio.sleep(0.02)
    finally:
        await ended(running)


@pytest.mark.slow
async def test_the_command_erases_at_once_where_no_bot_runs(command_line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with open_pipeline(folder, FakeClock()) as pipeline:
        await pipeline.say(f"note: {CANARY} here", author=ALICE)
        await pipeline.say("bob stays", author=BOB)
        await pipeline.flush()
    exported = await command_line("export", "--user", str(ALICE), "--data-dir", folder)
    kept = json.loads(exported.out)["kept"]
    assert [record["text"] for record in kept["messages"]] == [f"note: {CANARY} here"]
    assert [record["text"] for record in kept["memories"]] == [f"{CANARY} here"]
    page = await command_line("export", "--user", str(ALICE), "--page", "--data-dir", folder)
    assert f"<p>{CANARY} here</p>" in page.out
    assert "bob stays" not in exported.out + page.out
    unsure = await command_line("erase", "--user", str(ALICE), "--data-dir", folder)
    assert (unsure.code, "--yes" in unsure.err) == (1, True)
    assert bytes_in(folder, CANARY)
    done = await command_line("erase", "--user", str(ALICE), "--yes", "--data-dir", folder, MEM0_ENABLED="false")
    assert (done.code, "nothing of that member is left" in done.out) == (0, True), done.err
    assert bytes_in(folder, CANARY) == bytes_in(folder, str(ALICE)) == []
    after = json.loads((await command_line("export", "--user", str(BOB), "--data-dir", folder)).out)["kept"]
    assert [record["text"] for record in after["messages"]] == ["bob stays"]


# --- lifetimes -------------------------------------------------------------------------------------------------------


async def remembered(pipeline: Pipeline, kind: MemoryKind, text: str, guild: int = GUILD, number: int = 0) -> None:
    message = 1_000_000 + number
    memory = await pipeline.own.remember(
        guild_id=guild, channel_id=guild, author_id=ALICE, message_id=message, text=text
    )
    async with pipeline.db.write() as connection:
        await connection.execute(update(memories).where(memories.c.id == memory.id).values(kind=kind))


@pytest.mark.slow
async def test_an_erasure_that_fails_holds_up_no_other_is_named_and_is_tried_until_it_is_done(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pipeline.say("note: one", author=ALICE)
    await pipeline.say("note: two", author=BOB)
    pending = Requests(pipeline.db, pipeline.clock)
    first = await pending.ask(user_id=ALICE, guild_id=GUILD)
    second = await pending.ask(user_id=BOB, guild_id=GUILD)
    erase, tries = pipeline.personal.delete, list[int]()

    async def breaks(user_id: int, guild_id: int | None = None, **options: Any) -> Receipt:  # noqa: ANN401
        if user_id == ALICE:
            tries.append(pipeline.clock())
            raise KeyError(CANARY)
        return await erase(user_id, guild_id, **options)

    monkeypatch.setattr(pipeline.personal, "delete", breaks)
    clerks = clerk(pipeline)
    await clerks.round()
    assert [(await pending.outcome(request))[0] for request in (first, second)] == [
        RequestState.TAKEN,
        RequestState.DONE,
    ]
    with pytest.raises(KeyError):
        await clerks.fulfil(first)
    for _ in range(240):
        pipeline.clock.advance(15)
        await clerks.round()
    assert 12 <= len(tries) <= 30, "every five minutes in the end"
    report = delay_report(pipeline.db, pipeline.clock, pipeline.indexer.changes)
    assert (await report.look(GUILD)).removals == [
        "1 erasure that was asked for is not done yet, and tried again until done; the log says why"
    ]
    monkeypatch.undo()
    pipeline.clock.advance(400)
    assert (await clerks.fulfil(first)).removed["messages"] == 1
    assert (await report.look(GUILD)).removals == []


@pytest.mark.parametrize("broken", ["ledger", "guild"])
@pytest.mark.matrix
async def test_what_fails_in_a_round_of_housekeeping_keeps_nothing_else_from_being_done(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    ledger, guilds = Ledger(pipeline.db, pipeline.clock), Guilds(pipeline.db, pipeline.clock)
    for guild in (GUILD, OTHER_GUILD):
        await pipeline.say("it is late", guild=guild, channel=guild)
        await guilds.joined(guild, "Workshop")
        await guilds.left(guild)
    housekeeping = Housekeeping(
        erasure=pipeline.erasure,
        guilds=guilds,
        log=pipeline.log,
        ledger=ledger,
        named=pipeline.named,
        clock=pipeline.clock,
        retention_days=30,
    )
    erase = pipeline.erasure.erase_guild

    async def fails(*_: object) -> None:
        raise KeyError("broken")

    async def breaks(guild_id: int, *, left: bool) -> Receipt:
        if guild_id == GUILD:
            raise KeyError("broken")
        return await erase(guild_id, left=left)

    if broken == "ledger":
        monkeypatch.setattr(ledger, "flush", fails)
    else:
        monkeypatch.setattr(pipeline.erasure, "erase_guild", breaks)
    pipeline.clock.advance(8 * DAY)
    with pytest.raises(KeyError):
        await housekeeping.round()
    assert len(await pipeline.states()) == (0 if broken == "ledger" else 1)


async def test_memories_go_when_their_servers_lifetime_is_over(pipeline: Pipeline, data_dir: Path) -> None:
    await remembered(pipeline, MemoryKind.FACT, f"{CANARY} likes tea", number=1)
    await remembered(pipeline, MemoryKind.DECISION, "tea is at five", number=2)
    await remembered(pipeline, MemoryKind.FACT, "likes coffee", OTHER_GUILD, number=3)
    await pipeline.indexer.drain()
    rules = pipeline.consents.rules
    await rules.set_lifetime(OTHER_GUILD, MemoryKind.FACT, None)
    housekeeping = Housekeeping(
        erasure=pipeline.erasure,
        guilds=Guilds(pipeline.db, pipeline.clock),
        log=pipeline.log,
        ledger=Ledger(pipeline.db, pipeline.clock),
        named=pipeline.named,
        clock=pipeline.clock,
        retention_days=30,
    )
    pipeline.clock.advance(364 * DAY)
    await housekeeping.round()
    assert len(await pipeline.texts()) == 3
    pipeline.clock.advance(2 * DAY)  # also where the bot was off at the moment: the next round takes them
    await housekeeping.round()
    assert await pipeline.texts() == ["likes coffee", "tea is at five"]
    assert len(pipeline.index.entries) == 2
    assert bytes_in(data_dir, CANARY) == []
    await rules.set_lifetime(GUILD, MemoryKind.DECISION, 90)
    await housekeeping.round()
    assert await pipeline.texts() == ["likes coffee"]


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel it until it ends: one that hits the database driver may be taken for a passing fault, as in `beside`."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)
