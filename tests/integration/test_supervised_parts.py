"""Whatever fails at whatever item: intake, flusher and indexer lose nothing, stop at nothing and keep the order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.domain.errors import ServiceError, ServiceUnavailable
from bot.domain.model import Message, MessageState
from bot.domain.supervision import Supervisor
from bot.index.backlog import Backlog
from bot.index.base import IndexEntry
from bot.observe.intake import Intake
from bot.observe.messagelog import Said
from bot.remember.queue import Batch
from bot.remember.settler import Settled, Settler
from bot.remember.statement import Judged
from bot.storage.schema import set_aside
from tests.fixtures.memory import NOTE, MemoryIndex, Pipeline, open_pipeline
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock
from tests.loopback.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHANNELS = (CHANNEL, CHANNEL + 1)
MOST = 24
"""Items of a life."""

FAULTS = (ValueError, KeyError, OverflowError, RecursionError, UnicodeError, AssertionError, ZeroDivisionError)
ITEMS = st.integers(0, MOST - 1)
POISON = st.dictionaries(ITEMS, st.sampled_from(FAULTS), max_size=6)
GLITCHES = st.sets(st.integers(1, 30), max_size=5)
"""The calls at which nothing works, whatever is in them."""

lived = settings(max_examples=12, phases=(Phase.generate,), deadline=None, suppress_health_check=list(HealthCheck))


@dataclass
class Calls:
    """Counts calls, and makes some of them fail as a service does that is away."""

    glitches: Collection[int]
    count: int = 0

    def begin(self) -> None:
        self.count += 1
        if self.count in self.glitches:
            raise ServiceUnavailable("service", "away")


def quick_supervisor() -> Supervisor:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    return Supervisor(sleep=sleep)


@dataclass
class Writer:
    """Stands before the log, revisions and erasure, and fails at some of what they are told."""

    pipeline: Pipeline
    poison: Mapping[int, type[Exception]]
    calls: Calls
    removals: dict[int, int] = field(default_factory=dict)
    written: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._append = self.pipeline.log.append

    async def append(self, said: Sequence[Said], **options: Any) -> object:  # noqa: ANN401 - as the log takes them
        self.calls.begin()
        for item in said:
            if error := self.poison.get(item.message.id):
                raise error(item.message.content)
        report = await self._append(said, **options)
        for item in said:
            written = self.written[item.message.channel_id]
            if item.message.id not in written:  # some of a group that failed half-way are written again
                written.append(item.message.id)
        return report

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> object:
        self._fail_at(message_id)
        return await self.pipeline.revisions.edited(message_id, content, edited_at)

    async def erase_messages(self, guild_id: int, channel_id: int, ids: Sequence[int]) -> object:
        for message_id in ids:
            self._fail_at(message_id)
        return await self.pipeline.erasure.erase_messages(guild_id, channel_id, ids)

    def _fail_at(self, message_id: int) -> None:
        """What removes something fails for a while."""
        self.calls.begin()
        if self.removals.get(message_id, 0) > 0:
            self.removals[message_id] -= 1
            raise KeyError(message_id)


EVENTS = st.lists(st.tuples(st.sampled_from(["say", "say", "edit", "delete"]), ITEMS), min_size=MOST, max_size=3 * MOST)


@given(events=EVENTS, poison=POISON, glitches=GLITCHES, removals=st.dictionaries(ITEMS, st.integers(1, 6), min_size=8))
@lived
async def test_the_intake_writes_all_but_what_can_not_be_written(
    events: list[tuple[str, int]],
    poison: dict[int, type[Exception]],
    glitches: set[int],
    removals: dict[int, int],
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        async with open_pipeline(Path(folder), FakeClock()) as pipeline:
            messages = _messages(pipeline)
            writer = Writer(pipeline, {messages[n].id: error for n, error in poison.items()}, Calls(glitches))
            writer.removals = {messages[n].id: times for n, times in removals.items()}
            patch.setattr(pipeline.log, "append", writer.append)
            aside: set[int] = set()

            async def set_aside(message: Message, reason: str) -> None:
                aside.add(message.id)

            intake = Intake(
                pipeline.log, writer, writer,
                group_size=5, group_seconds=0.005, first_retry_seconds=0.001, set_aside=set_aside,
            )  # fmt: skip
            part = asyncio.create_task(quick_supervisor().keep("intake", intake.run, may_end=True))
            texts = await _happen(intake, messages, events)
            wanted = {i: text for i, text in texts.items() if i not in writer.poison}

            async def settled() -> bool:
                kept = await pipeline.log.get([message.id for message in messages])
                return {i: message.content for i, message in kept.items()} == wanted

            kept: bool = await eventually(settled, within=120, what="what was said")
            await intake.stop()
            await asyncio.wait_for(part, 10)
            assert kept
            assert aside == {i for i in _said(messages, events) if i in writer.poison}
            assert all(ids == sorted(ids) for ids in writer.written.values())


def _messages(pipeline: Pipeline) -> list[Message]:
    first = pipeline.clock.ms - 3_600_000 << 22
    return [
        Message(
            id=first - (1_420_070_400_000 << 22) + (number << 22),
            guild_id=GUILD,
            channel_id=CHANNELS[number % 2],
            author_id=3_001,
            content=f"{NOTE}number {number}",
        )
        for number in range(MOST)
    ]


def _said(messages: Sequence[Message], events: Sequence[tuple[str, int]]) -> list[int]:
    """In the order of their ids, as Discord says them."""
    return sorted({messages[number].id for kind, number in events if kind == "say"})


async def _happen(intake: Intake, messages: Sequence[Message], events: list[tuple[str, int]]) -> dict[int, str]:
    """Offer events, those of a message in their order; the texts that are to be kept at last."""
    texts: dict[int, str] = {}
    gone: set[int] = set()
    for number, message in enumerate(messages):
        if ("say", number) in events:
            intake.said(Said(message, "Ada"))
            texts[message.id] = message.content
    for turn, (kind, number) in enumerate(events):
        message = messages[number]
        if kind == "edit" and message.id in texts:
            text = f"{NOTE}version {turn} of {number}"
            intake.edited(
                GUILD, message.channel_id, message.id, text, datetime.fromtimestamp(1_750_000_000 + turn, UTC)
            )
            texts[message.id] = text
        elif kind == "delete":
            intake.deleted(GUILD, message.channel_id, [message.id])
            gone.add(message.id)
        if turn % 7 == 0:
            await asyncio.sleep(0)
    return {i: text for i, text in texts.items() if i not in gone}


STEPS = ("propose", "check", "apply")


@given(poison=st.dictionaries(ITEMS, st.tuples(st.sampled_from(STEPS), st.sampled_from(FAULTS)), max_size=5),
       glitches=GLITCHES)  # fmt: skip
@lived
async def test_the_flusher_reads_all_but_what_can_not_be_read(
    poison: dict[int, tuple[str, type[Exception]]], glitches: set[int]
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        async with open_pipeline(Path(folder), FakeClock()) as pipeline:
            said = [
                await pipeline.say(f"{NOTE}the kite {number} is sold", channel=CHANNELS[number % 2])
                for number in range(MOST)
            ]
            faults = {said[number].id: fault for number, fault in poison.items()}
            calls = Calls(glitches)
            _make_fail(pipeline, patch, faults, calls)
            for _ in range(40):
                await pipeline.flusher.flush_all()
                if not await pipeline.queue.channels():
                    break
                pipeline.clock.advance(3_600)
            assert await pipeline.states() == {
                message.id: MessageState.DEAD if message.id in faults else MessageState.EXTRACTED for message in said
            }
            memories = await pipeline.memories()
            assert {m.newest.message_id for m in memories} == {m.id for m in said if m.id not in faults}
            for channel_id in CHANNELS:
                order = [m.newest.message_id for m in memories if m.channel_id == channel_id]
                assert order == sorted(order)


def _make_fail(
    pipeline: Pipeline,
    patch: pytest.MonkeyPatch,
    faults: Mapping[int, tuple[str, type[Exception]]],
    calls: Calls,
) -> None:
    def fault_in(step: str, ids: Collection[int]) -> Exception | None:
        errors = (error("kite") for i in sorted(ids) for at, error in [faults.get(i, ("", ValueError))] if at == step)
        return next(errors, None)

    def asked(step: str, messages: Sequence[Message]) -> Exception | None:
        try:
            calls.begin()
        except ServiceUnavailable as away:
            return away
        return fault_in(step, {message.id for message in messages})

    pipeline.reader.fault = partial(asked, "propose")
    pipeline.reader.check_fault = partial(asked, "check")
    apply = Settler.apply

    async def apply_or_fail(settler: Settler, batch: Batch, judged: Judged) -> Settled:
        if error := fault_in("apply", {i for statement, _ in judged.statements for i in statement.message_ids}):
            raise error
        return await apply(settler, batch, judged)

    patch.setattr(Settler, "apply", apply_or_fail)


class FailingIndex(MemoryIndex):
    """An index that can't take some entries, and nothing at some calls."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self.calls = calls
        self.poison: dict[str, type[Exception]] = {}

    async def upsert(self, entries: Sequence[IndexEntry]) -> dict[str, ServiceError]:
        for entry in entries:
            if error := self.poison.get(entry.id):
                raise error(entry.text)
        return await super().upsert(entries)

    def _embed(self, texts: Sequence[str]) -> None:
        self.calls.begin()
        super()._embed(texts)


@given(poison=POISON, forgotten=st.sets(ITEMS, max_size=8), glitches=GLITCHES, broken=st.sets(st.integers(1, 20)))
@lived
async def test_the_indexer_takes_over_all_but_what_can_not_be_indexed(
    poison: dict[int, type[Exception]], forgotten: set[int], glitches: set[int], broken: set[int]
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        async with open_pipeline(Path(folder), FakeClock()) as pipeline:
            pipeline.index = index = FailingIndex(Calls(glitches))
            pipeline.restart()
            said = [await pipeline.say(f"{NOTE}the kite {number} is sold") for number in range(MOST)]
            index.fault = ServiceUnavailable("embeddings", "not yet")
            await pipeline.flush()
            index.fault = None
            memories = {memory.newest.message_id: memory.id for memory in await pipeline.memories()}
            index.poison = {memories[said[number].id]: error for number, error in poison.items()}
            _break_the_outbox(patch, broken)
            supervised = quick_supervisor()
            part = asyncio.create_task(supervised.keep("indexer", pipeline.indexer.run))
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said[number].id for number in forgotten])

            left = {memories[m.id] for n, m in enumerate(said) if n not in forgotten}

            async def caught_up() -> bool:
                """Whom two glitches met, before and after the proof, waits a day for another try."""
                pipeline.clock.advance(3_600)
                pipeline.indexer.wake()
                async with pipeline.db.read() as connection:
                    aside = set(await connection.scalars(select(set_aside.c.item)))
                return not await pipeline.indexer.backlog() and aside == left & index.poison.keys()

            ended: bool = await eventually(caught_up, within=120, what="the end of the outbox")
            assert ended
            assert not part.done()
            part.cancel()
            await asyncio.wait({part}, timeout=10)
            assert part.cancelled()
            assert index.entries.keys() == left - index.poison.keys()


def _break_the_outbox(patch: pytest.MonkeyPatch, broken: Collection[int]) -> None:
    """Have some readings of the outbox fail as nobody thought of."""
    due, count = Backlog.due, 0

    async def fail_or_read(changes: Backlog, limit: int, *, gathers: bool = False) -> Any:  # noqa: ANN401 - as it is read
        nonlocal count
        count += 1
        if count in broken:
            raise KeyError(count)
        return await due(changes, limit, gathers=gathers)

    patch.setattr(Backlog, "due", fail_or_read)
