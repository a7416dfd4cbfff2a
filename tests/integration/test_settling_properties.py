"""Whatever a model proposes and judges, in whatever order things happen: what must always hold of memories holds."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.model import PERSONAL_KINDS, Memory, MemoryKind, MemoryOrigin, MemoryState, Message, MessageState
from bot.guilds.observation import Observations
from bot.memories import Asker
from bot.remember.rereading import Rereadings
from bot.remember.settler import statement_id
from bot.remember.statement import Judgement, Relation, Statement
from bot.storage.schema import citations
from tests.fixtures.memory import Interrupted, Pipeline, open_pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock

AUTHORS = (3_101, 3_102, 3_103)
THREAD, PRIVATE, OTHER = CHANNEL + 1, CHANNEL + 2, CHANNEL + 3
FAMILIES = [{CHANNEL, THREAD}, {PRIVATE}, {OTHER}]
PLACES = (CHANNEL, CHANNEL, CHANNEL, THREAD, PRIVATE, OTHER)
KINDS = [kind for kind in MemoryKind if kind is not MemoryKind.NOTE]
EVENTS = 40
SLOW_EVENTS = 150
SLOW_EXAMPLES = 10


class World:
    """Lets things happen at random, and keeps what was said and what may not be there any more.

    Each version of a message holds a word of its own, which is in the text of what is made from it.
    """

    def __init__(self, pipeline: Pipeline, chance: random.Random) -> None:
        self.pipeline = pipeline
        self.random = chance
        self.said: dict[int, Message] = {}
        self.words: dict[int, str] = {}
        self.gone: set[int] = set()
        self.forgotten: dict[int, set[str]] = {}
        self.serial = 0

    async def go(self, events: int) -> None:
        for number in range(events):
            step = self.random.choices(*zip(*self._events(), strict=True))[0]
            await step()
            if number % 5 == 0:
                await self.check()
        await self.check()
        await self.pipeline.indexer.drain()
        await self.check_index()

    def _events(self) -> list[tuple[Callable[[], Awaitable[None]], int]]:
        return [
            (self.say, 20),
            (self.settle, 20),
            (self.delete, 6),
            (self.edit, 6),
            (self.forget, 3),
            (self.correct, 6),
            (self.read_again, 4),
            (self.erase_member, 1),
            (self.erase_channel, 1),
            (self.expire, 1),
        ]

    # --- what happens ------------------------------------------------------------------------------------------------

    async def say(self) -> None:
        for _ in range(self.random.randint(2, 6)):
            message = await self.pipeline.say(
                self._word(), author=self.random.choice(AUTHORS), channel=self.random.choice(PLACES)
            )
            self.said[message.id] = message
            self.words[message.id] = message.content

    def _word(self) -> str:
        self.serial += 1
        return f"w{self.serial}w"

    async def settle(self) -> None:
        """Have everything that waits judged, however wrongly, or die on the way."""
        states = await self.pipeline.states()
        pending = [i for i, state in states.items() if state is MessageState.PENDING]
        for channel in sorted({self.said[i].channel_id for i in pending}):
            here = sorted(i for i in states if self.said[i].channel_id == channel)
            await self._settle(channel, [i for i in here if i in pending], here)

    async def _settle(self, channel: int, own: list[int], here: list[int]) -> None:
        batch = await self.pipeline.cut(channel)
        memories = await self.pipeline.memories()
        near = [m for m in memories if m.channel_ids & {channel, CHANNEL, THREAD}]
        known = [m.id for m in self.random.choice([near, near, near, memories])]
        judged, refused = [], []
        for _ in range(self.random.randint(2, 6)):
            statement = self._statement(own, here)
            if self.random.random() < 0.7:
                judged.append((statement, self._judgement(known)))
                known.append(statement_id(batch.id, statement))
            else:
                refused.append((statement, self._judgement(known)))
        if self.random.random() < 0.2:
            self.pipeline.steps.die_at = len(self.pipeline.steps.seen) + self.random.randrange(2)
        try:
            await self.pipeline.settle(*judged, refused=refused, channel=channel)
        except Interrupted:
            self.pipeline.restart()
            self.pipeline.clock.advance(31)

    def _statement(self, own: list[int], here: list[int]) -> Statement:
        kind = self.random.choice(KINDS)
        stating = sorted(self.random.sample(own, min(len(own), self.random.randint(1, 3))))
        if kind in PERSONAL_KINDS:
            stating = [i for i in stating if self.said[i].author_id == self.said[stating[0]].author_id]
        supporting = [i for i in here if i not in stating and self.random.random() < 0.1]
        if kind in PERSONAL_KINDS:
            supporting = []
        text = " ".join(self.words[i] for i in sorted((*stating, *supporting)))
        return Statement(kind, text, tuple(stating), tuple(supporting))

    def _judgement(self, known: list[str]) -> Judgement:
        related = self.random.sample(known, min(len(known), self.random.randint(0, 4)))
        relation = self.random.choices(list(Relation), [1, 1, 4])[0]
        return Judgement(True, True, False, relation, tuple(related))

    async def delete(self) -> None:
        message_id = await self._any()
        await self.pipeline.erasure.erase_messages(GUILD, self.said[message_id].channel_id, [message_id])
        self.gone.add(message_id)

    async def edit(self) -> None:
        message_id = await self._any()
        if message_id in self.gone:
            return
        self.words[message_id] = self._word()
        moment = datetime.fromtimestamp(self.pipeline.clock.ms / 1000 + self.serial, tz=UTC)
        await self.pipeline.revisions.edited(message_id, self.words[message_id], moment)
        for memory in await self.pipeline.memories():
            assert memory.doubt is None or memory.doubt.message_id != message_id
            cited = {c.message_id for c in memory.citations}
            assert message_id not in cited or memory.origin is not MemoryOrigin.EXTRACTED

    async def forget(self) -> None:
        for memory in await self._some(lambda _: True):
            who = self.random.choice(memory.author_ids)
            await self.pipeline.own.forget(memory.id, _asker(who))
            if memory.kind is not MemoryKind.TOPIC:
                others = {other.id for other in await self.pipeline.memories()}
                own = [c for c in memory.stating if memory.author_ids == (who,) or c.author_id == who]
                self.forgotten |= {c.message_id: others for c in own}

    async def correct(self) -> None:
        for memory in await self._some(lambda m: len(m.author_ids) == 1 and m.state is MemoryState.CURRENT):
            await self.pipeline.own.correct(memory.id, _asker(memory.author_ids[0]), f"put right: {memory.text[:80]}")

    async def read_again(self) -> None:
        rereadings = Rereadings(self.pipeline.db)
        await rereadings.ask()
        await rereadings.next_portion(limit=5)

    async def erase_member(self) -> None:
        author = self.random.choice(AUTHORS)
        await self.pipeline.erasure.erase_member(author, GUILD, up_to=max(self.said, default=1))
        self.gone |= {i for i, message in self.said.items() if message.author_id == author}

    async def erase_channel(self) -> None:
        channel = self.random.choice([PRIVATE, OTHER])
        await self.pipeline.erasure.erase_channel(GUILD, channel, up_to=max(self.said, default=1))
        self.gone |= {i for i, message in self.said.items() if message.channel_id == channel}

    async def expire(self) -> None:
        self.pipeline.clock.advance(31 * 86_400)
        await self.pipeline.erasure.erase_expired(30)

    async def _any(self) -> int:
        """A message, more likely one by which a memory may have changed."""
        doubts = [memory.doubt.message_id for memory in await self.pipeline.memories() if memory.doubt is not None]
        return self.random.choice(doubts if doubts and self.random.random() < 0.5 else list(self.said))

    async def _some(self, fits: Callable[[Memory], bool]) -> list[Memory]:
        memories = [memory for memory in await self.pipeline.memories() if fits(memory)]
        return [self.random.choice(memories)] if memories else []

    # --- what must always hold ---------------------------------------------------------------------------------------

    async def check(self) -> None:
        memories = {memory.id: memory for memory in await self.pipeline.memories()}
        states = await self.pipeline.states()
        assert not self.gone & states.keys()
        for memory in memories.values():
            self._check_sources(memory)
            self._check_states(memory, memories)
        held = {message_id for memory in memories.values() for message_id in (c.message_id for c in memory.citations)}
        assert await self.pipeline.rows(citations) >= len(held), "no memory is without citations"

    def _check_sources(self, memory: Memory) -> None:
        assert memory.stating
        for citation in memory.citations:
            message = self.said[citation.message_id]
            assert (citation.channel_id, citation.author_id) == (message.channel_id, message.author_id)
            assert citation.message_id not in self.gone
            others = self.forgotten.get(citation.message_id)
            assert citation.supporting or others is None or memory.id in others, "nothing new of what was forgotten"
            if memory.version == 1:
                assert self.words[citation.message_id] in memory.text.split(), "it says what its messages say now"
        assert any(memory.channel_ids <= family for family in FAMILIES)
        if memory.kind in PERSONAL_KINDS:
            assert len(memory.author_ids) == 1

    def _check_states(self, memory: Memory, memories: dict[str, Memory]) -> None:
        assert (memory.state is MemoryState.SUPERSEDED) == (memory.superseded_by is not None)
        if memory.origin is not MemoryOrigin.EXTRACTED:
            assert memory.state is MemoryState.CURRENT
        if memory.doubt is not None:
            message = self.said[memory.doubt.message_id]
            assert memory.state is MemoryState.CURRENT
            assert message.id not in self.gone | self.forgotten.keys()
            assert (memory.doubt.channel_id, memory.doubt.author_id) == (message.channel_id, message.author_id)
            assert any(memory.channel_ids | {message.channel_id} <= family for family in FAMILIES)
        seen = {memory.id}
        while memory.superseded_by is not None:
            newer = memories[memory.superseded_by]
            assert newer.id not in seen, "what replaces comes to an end"
            assert newer.kind is not MemoryKind.TOPIC
            assert any(memory.channel_ids | newer.channel_ids <= family for family in FAMILIES)
            seen.add(newer.id)
            memory = newer

    async def check_index(self) -> None:
        held = {memory.id: memory for memory in await self.pipeline.memories()}
        assert self.pipeline.index.entries.keys() == held.keys()
        for memory_id, memory in held.items():
            indexed = self.pipeline.index.memory(memory_id)
            assert (indexed.text, indexed.citations, indexed.state) == (memory.text, memory.citations, memory.state)
        assert await self.pipeline.rows("memory_terms") == len(held)


def _asker(user_id: int) -> Asker:
    return Asker(user_id, GUILD, frozenset(PLACES))


async def _live(folder: Path, chance: random.Random, events: int) -> None:
    async with open_pipeline(folder, FakeClock(NOW_MS)) as pipeline:
        await pipeline.threads.note(GUILD, [(THREAD, CHANNEL, "public")])
        observations = Observations(pipeline.db, pipeline.clock)
        await observations.switch_on(
            guild_id=GUILD, channel_id=PRIVATE, parent_id=CHANNEL, name="private", by=1, from_id=1
        )
        world = World(pipeline, chance)
        await world.say()
        await world.go(events)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_what_must_hold_holds(tmp_path: Path, seed: int) -> None:
    await _live(tmp_path, random.Random(seed), EVENTS)


@pytest.mark.slow
@pytest.mark.timeout(900)
@given(chance=st.randoms(use_true_random=False))
@settings(max_examples=SLOW_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
async def test_what_must_hold_holds_whatever_is_thought_up(chance: random.Random) -> None:
    with TemporaryDirectory() as folder:
        await _live(Path(folder), chance, SLOW_EVENTS)
