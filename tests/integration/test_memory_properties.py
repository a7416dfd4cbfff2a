"""Whatever happens in whatever order, the stores hold exactly what a small model of them says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.domain.model import Message, MessageState
from bot.guilds.rules import ConsentRule
from bot.observe.messagelog import Said
from bot.storage.schema import batches, citations, members, messages, outbox
from tests.fixtures.memory import Interrupted, Pipeline, open_pipeline
from tests.fixtures.storage import GUILD, NOW_MS, FakeClock

AUTHORS = (3_101, 3_102, 3_103)
CHANNELS = (2_101, 2_102)
WORDS = ("harbour", "cello", "attic", "invoice", "lantern", "orchard", "pepper", "quarry", "ribbon", "saddle", "tunnel")
EVENTS = 60
SLOW_EVENTS = 120
SLOW_EXAMPLES = 12


class World:
    """Drives a pipeline at random, and keeps the messages that must still be there."""

    def __init__(self, pipeline: Pipeline, chance: random.Random, events: int = EVENTS) -> None:
        self.pipeline = pipeline
        self.random = chance
        self.events = events
        self.gone: list[Message] = []
        self.kept: dict[int, Message] = {}
        self.erased: set[str] = set()
        self.out: set[int] = set()
        self.willing: set[int] = set()
        self.by_consent = False
        self.edits = 0
        self.serial = 0

    async def go(self) -> None:
        for _ in range(self.events):
            step = self.random.choices(*zip(*self._events(), strict=True))[0]
            await step()
            await self._restart_if_dead()

    def _events(self) -> list[tuple[Callable[[], Awaitable[None]], int]]:
        return [
            (self.say, 10),
            (self.edit, 2),
            (self.delete, 2),
            (self.flush, 4),
            (self.crash, 4),
            (self.erase_member, 1),
            (self.erase_channel, 1),
            (self.opt_out, 1),
            (self.opt_in, 2),
            (self.ask_for_consent, 1),
            (self.replay, 2),
        ]

    def _text(self) -> str:
        """A statement unlike any other, or small talk."""
        self.serial += 1
        words = " ".join(self.random.sample(WORDS, 3))
        return f"note: {words} u{self.serial}x" if self.random.random() < 0.7 else f"{words} u{self.serial}x"

    async def say(self) -> None:
        author, channel = self.random.choice(AUTHORS), self.random.choice(CHANNELS)
        message = await self.pipeline.say(self._text(), author=author, channel=channel)
        if author in self.silent():
            self.erased.add(message.content.split()[-1])
        else:
            self.kept[message.id] = message

    async def replay(self) -> None:
        """Backfill or a late event brings what was erased once more, and what is kept as well."""
        again = [*self.random.sample(self.gone, min(3, len(self.gone))), *list(self.kept.values())[:2]]
        await self.pipeline.log.append([Said(message, f"member {message.author_id}") for message in again])

    def silent(self) -> set[int]:
        """Of whom nothing may be taken in now."""
        return self.out | (set(AUTHORS) - self.willing if self.by_consent else set())

    async def opt_out(self) -> None:
        author = self.random.choice(AUTHORS)
        self.out.add(author)
        self.willing.discard(author)
        await self.pipeline.consents.opt_out(author, self.random.choice([GUILD, None]))
        await self.pipeline.personal.delete(author, GUILD, up_to=max(self.kept, default=1))
        self._remove([m.id for m in self.kept.values() if m.author_id == author])

    async def opt_in(self) -> None:
        author = self.random.choice(AUTHORS)
        self.out.discard(author)
        self.willing.add(author)
        await self.pipeline.consents.opt_in(author, GUILD)

    async def ask_for_consent(self) -> None:
        """The server keeps only who opted in from now on, or everybody again."""
        await self.pipeline.flusher.flush_all()  # what is pending of others would be skipped, by whoever flushes next
        self.by_consent = not self.by_consent
        rule = ConsentRule.OPTED_IN if self.by_consent else ConsentRule.EVERYBODY
        await self.pipeline.consents.rules.decide(GUILD, consent=rule)

    async def edit(self) -> None:
        if not self.kept:
            return
        self.edits += 1
        message_id = self.random.choice(list(self.kept))
        content = self._text()
        self._gone([message_id])
        edited_at = datetime.fromtimestamp(NOW_MS / 1000 + self.edits, tz=UTC)
        await self.pipeline.revisions.edited(message_id, content, edited_at)
        old = self.kept[message_id]
        self.kept[message_id] = Message(
            id=old.id, guild_id=old.guild_id, channel_id=old.channel_id, author_id=old.author_id, content=content
        )

    async def delete(self) -> None:
        if self.kept:
            message = self.random.choice(list(self.kept.values()))
            await self.pipeline.erasure.erase_messages(GUILD, message.channel_id, [message.id])
            self._remove([message.id])

    async def flush(self) -> None:
        await self.pipeline.flusher.flush_all()

    async def crash(self) -> None:
        """Die at a random step of a flush, if it has that many."""
        self.pipeline.steps.die_at = len(self.pipeline.steps.seen) + self.random.randrange(12)
        with suppress(Interrupted):
            await self.pipeline.flusher.flush_all()
            self.pipeline.steps.die_at = None

    async def erase_member(self) -> None:
        author = self.random.choice(AUTHORS)
        await self.pipeline.erasure.erase_member(author, GUILD, up_to=max(self.kept, default=1))
        self._remove([m.id for m in self.kept.values() if m.author_id == author])

    async def erase_channel(self) -> None:
        channel = self.random.choice(CHANNELS)
        await self.pipeline.erasure.erase_channel(GUILD, channel, up_to=max(self.kept, default=1))
        self._remove([m.id for m in self.kept.values() if m.channel_id == channel])

    def _gone(self, ids: list[int]) -> None:
        self.erased |= {self.kept[i].content.split()[-1] for i in ids}

    def _remove(self, ids: list[int]) -> None:
        self._gone(ids)
        self.gone += [self.kept.pop(message_id) for message_id in ids]

    async def _restart_if_dead(self) -> None:
        if self.pipeline.steps.dead:
            self.pipeline.restart()
            self.pipeline.clock.advance(31)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_the_stores_hold_what_the_model_says(tmp_path: Path, seed: int) -> None:
    await _live(tmp_path, random.Random(seed), EVENTS)


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(chance=st.randoms(use_true_random=False))
@settings(max_examples=SLOW_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_stores_hold_what_the_model_says_whatever_is_thought_up(chance: random.Random) -> None:
    with TemporaryDirectory() as folder:
        await _live(Path(folder), chance, SLOW_EVENTS)


async def _live(folder: Path, chance: random.Random, events: int) -> None:
    async with open_pipeline(folder, FakeClock()) as pipeline:
        world = World(pipeline, chance, events)
        await world.go()
        await _assert_consistent(world)
        pipeline.restart()
        pipeline.clock.advance(31)
        await pipeline.flusher.flush_all()
        await pipeline.flusher.flush_all()
        await _assert_consistent(world)
        await _assert_finished(world)


async def _assert_consistent(world: World) -> None:
    """At any moment: every kept message is pending or extracted; each memory stands on kept messages' present text."""
    states = await world.pipeline.states()
    assert set(states) == set(world.kept)
    assert set(states.values()) <= {MessageState.PENDING, MessageState.EXTRACTED}
    cited: Counter[int] = Counter()
    for memory in await world.pipeline.memories():
        (citation,) = memory.citations
        cited[citation.message_id] += 1
        source = world.kept[citation.message_id]
        assert source.content == f"note: {memory.text}"
        assert (citation.author_id, citation.channel_id) == (source.author_id, source.channel_id)
    for message_id, state in states.items():
        is_note = world.kept[message_id].content.startswith("note: ")
        assert cited[message_id] == (is_note and state is MessageState.EXTRACTED)


async def _assert_finished(world: World) -> None:
    """In the end: all is extracted, nothing is in hand, the index agrees, and nothing erased is in any row."""
    pipeline = world.pipeline
    assert set((await pipeline.states()).values()) <= {MessageState.EXTRACTED}
    for empty in (batches, outbox):
        assert await pipeline.rows(empty) == 0, empty.name
    held = await pipeline.memories()
    assert {i: e.source for i, e in pipeline.index.entries.items()} == {m.id: m for m in held}
    assert await pipeline.rows("memory_terms") == len(held) == await pipeline.rows(citations)
    assert await pipeline.rows("message_terms") == len(world.kept)
    async with pipeline.db.read() as connection:
        contents = " ".join(await connection.scalars(select(messages.c.content)))
        names = set(await connection.scalars(select(members.c.user_id)))
    assert not world.erased & set(contents.split())
    assert names == {m.author_id for m in world.kept.values()}
