"""What is kept is compared with Discord by as few requests as it takes, and what is not compared is not shown."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Message, PartStanding, ServiceUnavailable
from bot.forget import Seen, Verification
from bot.forget.verification import KEPT_AT_ONCE, PAGE

GUILD, CHANNEL, OTHER = 1, 2, 3
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Channels:
    """What is kept of channels, what Discord has of them, and what is done about the difference.

    Attributes:
        kept: message to its text, by channel; None for one that is kept without its text.
        shown: the same at Discord, with the time of the last edit.
        vague: messages of which Discord does not say whether they are there.
        closed: channels that Discord does not show, and None for those that are no more.
        pages: the newest message of each page that was asked for.
        asked: the messages that Discord was asked about.
    """

    kept: dict[int, dict[int, str | None]] = field(default_factory=dict)
    edits: dict[int, datetime] = field(default_factory=dict)
    shown: dict[int, dict[int, tuple[str | None, datetime | None]]] = field(default_factory=dict)
    vague: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    slow: set[int] = field(default_factory=set)
    pages: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    edited_: list[tuple[int, str]] = field(default_factory=list)
    deleted_: list[int] = field(default_factory=list)
    erased: list[tuple[int, int, int | None]] = field(default_factory=list)
    now: int = 1_000_000
    standing: PartStanding = field(default_factory=PartStanding)

    # what is kept

    async def newest_kept(self, guild_id: int) -> dict[int, int]:
        assert guild_id == GUILD
        return {channel_id: max(messages) for channel_id, messages in self.kept.items() if messages}

    async def last_kept(self, channel_id: int, up_to: int) -> int | None:
        return max((i for i in self.kept[channel_id] if i <= up_to), default=None)

    async def kept_between(self, channel_id: int, first: int, last: int, *, limit: int) -> Mapping[int, Message | None]:
        newest = sorted((i for i in self.kept[channel_id] if first <= i <= last), reverse=True)[:limit]
        return {i: self._message(channel_id, i) for i in newest}

    def _message(self, channel_id: int, message_id: int) -> Message | None:
        text = self.kept[channel_id][message_id]
        if text is None:
            return None
        return Message(
            id=message_id,
            guild_id=GUILD,
            channel_id=channel_id,
            author_id=9,
            content=text,
            edited_at=self.edits.get(message_id),
        )

    # what Discord has

    async def page(self, guild_id: int, channel_id: int, newest: int) -> list[Seen] | None:
        assert guild_id == GUILD
        self.pages.append(newest)
        if channel_id in self.slow:
            await asyncio.Event().wait()
        if channel_id in self.closed:
            raise ServiceUnavailable("discord", "HTTP 500")
        if channel_id in self.lost:
            return None
        shown = self.shown.get(channel_id, {})
        newest_first = sorted((i for i in shown if i <= newest), reverse=True)[:PAGE]
        return [Seen(i, *shown[i]) for i in newest_first]

    async def is_gone(self, guild_id: int, channel_id: int, message_id: int) -> bool:
        assert guild_id == GUILD
        self.asked.append(message_id)
        if message_id in self.vague:
            raise ServiceUnavailable("discord", "HTTP 500")
        return message_id not in self.shown.get(channel_id, {})

    # what is done

    def edited(self, guild_id: int, channel_id: int, message_id: int, content: str, edited_at: datetime) -> None:
        self.edited_.append((message_id, content))
        self.kept[channel_id][message_id] = content
        self.edits[message_id] = edited_at

    def deleted(self, guild_id: int, channel_id: int, message_ids: Collection[int]) -> None:
        assert guild_id == GUILD
        self.deleted_ += message_ids
        for message_id in message_ids:
            del self.kept[channel_id][message_id]

    async def drain(self) -> None:
        """It is done at once."""

    async def erase_channel(self, guild_id: int, channel_id: int, *, up_to: int | None = None) -> None:
        self.erased.append((guild_id, channel_id, up_to))
        self.kept[channel_id].clear()

    # the comparison

    def same(self, channel_id: int, *message_ids: int) -> None:
        """These are kept as Discord has them."""
        for i in message_ids:
            self.kept.setdefault(channel_id, {})[i] = f"text {i}"
            self.shown.setdefault(channel_id, {})[i] = (f"text {i}", None)

    async def begin(self, seconds: float = 60) -> Verification:
        """A comparison, after a new session, for which an answer waits so long."""
        parts = self, self, self, self
        verification = Verification(*parts, lambda: self.now, seconds=seconds, standing=self.standing)  # type: ignore[arg-type]
        await verification.new_session(GUILD)
        return verification

    async def sweep(self, verification: Verification) -> int:
        """Sweep until nothing is left to compare now; how many sweeps found something."""
        for sweeps in range(100):
            if not await verification.sweep():
                return sweeps
        raise AssertionError("it goes on for ever")


async def test_what_is_about_to_be_shown_is_compared_once() -> None:
    channels = Channels()
    channels.same(CHANNEL, *range(1, 11))
    comparison = await channels.begin()
    assert await comparison.check(GUILD, {CHANNEL: [3, 7]}) == frozenset()
    assert channels.pages == [7]
    assert await comparison.check(GUILD, {CHANNEL: [1, 3, 5, 7]}) == frozenset()
    assert channels.pages == [7], "the page held them all"
    assert await comparison.check(GUILD, {CHANNEL: [7, 8]}) == frozenset()
    assert channels.pages == [7, 8]
    assert await comparison.check(GUILD, {CHANNEL: [11], OTHER: [5]}) == frozenset(), "they came after the session"
    assert channels.pages == [7, 8]


async def test_messages_far_apart_take_a_page_each_and_the_newest_first() -> None:
    channels = Channels()
    channels.same(CHANNEL, *range(1, 1001))
    comparison = await channels.begin()
    assert await comparison.check(GUILD, {CHANNEL: [10, 500, 460, 990]}) == frozenset()
    assert channels.pages == [990, 500, 10]
    assert await comparison.check(GUILD, {CHANNEL: [401, 500, 891]}) == frozenset()
    assert channels.pages == [990, 500, 10]
    assert await comparison.check(GUILD, {CHANNEL: [400]}) == frozenset()
    assert channels.pages == [990, 500, 10, 400]


async def test_a_sweep_takes_a_hundred_messages_a_request_and_what_was_shown_is_not_asked_for_again() -> None:
    channels = Channels()
    channels.same(CHANNEL, *range(1, 251))
    channels.same(OTHER, 5)
    comparison = await channels.begin()
    assert comparison.channels_left == 2
    await channels.sweep(comparison)
    assert sorted(channels.pages, reverse=True) == [250, 150, 50, 5]
    assert comparison.channels_left == 0
    assert await comparison.check(GUILD, {CHANNEL: [7], OTHER: [5]}) == frozenset()
    assert not await comparison.sweep()
    assert len(channels.pages) == 4


async def test_a_session_that_begins_while_a_sweep_ends_has_everything_compared_again() -> None:
    channels = Channels()
    channels.same(CHANNEL, *range(1, 11))
    comparison = await channels.begin()
    assert await comparison.sweep()
    last_kept = channels.last_kept

    async def last_kept_before_a_session(channel_id: int, up_to: int) -> int | None:
        channels.last_kept = last_kept  # type: ignore[method-assign]
        await comparison.new_session(GUILD)
        return await last_kept(channel_id, up_to)

    channels.last_kept = last_kept_before_a_session  # type: ignore[method-assign]
    channels.shown[CHANNEL].pop(4)
    await comparison.sweep()
    await channels.sweep(comparison)
    assert channels.deleted_ == [4]


async def test_what_a_sweep_failed_at_is_compared_by_a_later_one() -> None:
    channels = Channels()
    channels.same(CHANNEL, 1, 2)
    comparison = await channels.begin()
    last_kept = channels.last_kept

    async def last_kept_is_not_told(channel_id: int, up_to: int) -> int | None:
        channels.last_kept = last_kept  # type: ignore[method-assign]
        raise ConnectionError

    channels.last_kept = last_kept_is_not_told  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await comparison.sweep()
    await channels.sweep(comparison)
    assert channels.pages == [2]


async def test_after_another_session_everything_is_compared_again() -> None:
    channels = Channels()
    channels.same(CHANNEL, 1, 2)
    comparison = await channels.begin()
    await channels.sweep(comparison)
    channels.shown[CHANNEL][2] = ("changed", MIDNIGHT)
    await comparison.new_session(GUILD)
    assert await comparison.check(GUILD, {CHANNEL: [2]}) == frozenset()
    assert channels.edited_ == [(2, "changed")]
    comparison.doubt(GUILD)
    await channels.sweep(comparison)
    assert channels.pages == [2, 2, 2]


@pytest.mark.parametrize(
    ("known", "shown", "text", "edited", "deleted"),
    [
        (None, None, "other", [], []),  # never edited: then the difference is ours
        (None, MIDNIGHT, "text 5", [], []),
        (None, MIDNIGHT, "other", [(5, "other")], []),
        (None, MIDNIGHT, "yet another", [(5, "yet another")], []),
        (None, MIDNIGHT, None, [], [5]),  # nothing of it may be kept any more
        (MIDNIGHT, MIDNIGHT, "other", [], []),
        (MIDNIGHT, MIDNIGHT + timedelta(microseconds=400), "other", [], []),  # the log keeps milliseconds
        (MIDNIGHT, MIDNIGHT + timedelta(milliseconds=1), "other", [(5, "other")], []),
        (MIDNIGHT, MIDNIGHT - timedelta(seconds=1), "other", [], []),
        (MIDNIGHT, MIDNIGHT - timedelta(seconds=1), None, [], []),
    ],
)
async def test_what_was_edited_later_than_is_known_is_taken_over(
    known: datetime | None,
    shown: datetime | None,
    text: str | None,
    edited: list[tuple[int, str]],
    deleted: list[int],
) -> None:
    channels = Channels()
    channels.same(CHANNEL, 4, 5, 6)
    if known is not None:
        channels.edits[5] = known
    channels.shown[CHANNEL][5] = (text, shown)
    await channels.sweep(await channels.begin())
    assert (channels.edited_, channels.deleted_) == (edited, deleted)


async def test_of_a_message_without_its_text_an_edit_and_the_deletion_are_looked_for() -> None:
    channels = Channels()
    channels.same(CHANNEL, 4, 5)
    channels.kept[CHANNEL] |= {4: None, 5: None}
    channels.shown[CHANNEL][4] = ("other", MIDNIGHT)
    del channels.shown[CHANNEL][5]
    await channels.sweep(await channels.begin())
    assert (channels.edited_, channels.deleted_) == ([(4, "other")], [5])


async def test_a_deletion_is_confirmed_by_one_of_three_messages_and_else_waits() -> None:
    channels = Channels()
    channels.same(CHANNEL, *range(1, 9))
    for message_id in (8, 7, 6, 5):
        del channels.shown[CHANNEL][message_id]
    channels.vague = {8, 7, 6}
    comparison = await channels.begin()
    assert await comparison.check(GUILD, {CHANNEL: [8, 4]}) == {8}
    assert channels.asked == [8, 7, 6]
    assert channels.deleted_ == []
    channels.vague = {8}
    assert await comparison.check(GUILD, {CHANNEL: [8, 4]}) == frozenset()
    assert channels.asked == [8, 7, 6, 8, 7]
    assert sorted(channels.deleted_) == [5, 6, 7, 8]


async def test_a_history_that_leaves_out_what_is_there_is_not_believed() -> None:
    channels = Channels()
    channels.same(CHANNEL, 1, 2)
    comparison = await channels.begin()
    left_out = channels.shown[CHANNEL].pop(2)

    async def there(guild_id: int, channel_id: int, message_id: int) -> bool:
        channels.asked.append(message_id)
        return False

    channels.is_gone = there  # type: ignore[method-assign]
    assert await comparison.check(GUILD, {CHANNEL: [2]}) == frozenset()
    assert (channels.asked, channels.deleted_) == ([2], [])
    channels.shown[CHANNEL][2] = left_out


async def test_a_channel_that_is_no_more_is_erased() -> None:
    channels = Channels()
    channels.same(CHANNEL, 1, 2, 3)
    channels.lost.add(CHANNEL)
    comparison = await channels.begin()
    assert await comparison.check(GUILD, {CHANNEL: [2]}) == frozenset()
    assert channels.erased == [(GUILD, CHANNEL, 2)]
    await channels.sweep(comparison)
    assert comparison.channels_left == 0
    assert channels.pages == [2]


async def test_what_discord_does_not_show_now_is_not_shown_and_rests_ever_longer() -> None:
    channels = Channels()
    channels.same(CHANNEL, 1, 2)
    channels.same(OTHER, 1)
    channels.closed.add(CHANNEL)
    comparison = await channels.begin()
    assert await comparison.check(GUILD, {CHANNEL: [2], OTHER: [1]}) == {2}
    channels.pages.clear()
    for _ in range(100):
        await comparison.sweep()
        channels.now += 1000
    assert 5 <= len(channels.pages) <= 9
    assert channels.standing.reason == "1 channel waits, the last one because discord: HTTP 500"
    assert (channels.standing.waits, channels.standing.failures) == (True, 1 + len(channels.pages))
    channels.closed.clear()
    channels.now += 300_000
    await channels.sweep(comparison)
    assert comparison.channels_left == 0
    assert not channels.standing.waits


async def test_how_many_channels_wait_is_told() -> None:
    channels = Channels()
    channels.same(CHANNEL, 1)
    channels.same(OTHER, 2)
    channels.shown[OTHER].clear()
    channels.vague.add(2)
    channels.closed.add(CHANNEL)
    comparison = await channels.begin()
    assert await comparison.check(GUILD, {CHANNEL: [1]}) == {1}
    assert await comparison.check(GUILD, {OTHER: [2]}) == {2}
    assert channels.standing.reason == "2 channels wait, the last one because deletions can't be confirmed"


async def test_an_answer_does_not_wait_for_discord_for_long() -> None:
    channels = Channels()
    channels.same(CHANNEL, 1, 2)
    channels.same(OTHER, 1)
    channels.slow.add(CHANNEL)
    comparison = await channels.begin(seconds=0.01)
    assert 2 in await comparison.check(GUILD, {CHANNEL: [2], OTHER: [1]})


async def test_a_long_stretch_that_discord_has_nothing_of_goes_piece_by_piece() -> None:
    channels = Channels()
    channels.same(CHANNEL, *range(1, 2 * KEPT_AT_ONCE + 6))
    channels.shown[CHANNEL].clear()
    await channels.sweep(await channels.begin())
    assert channels.pages == [2 * KEPT_AT_ONCE + 5, KEPT_AT_ONCE + 5, 5]
    assert channels.kept[CHANNEL] == {}


NUMBERS = st.integers(1, 400)


@settings(max_examples=40, deadline=None)
@given(
    st.sets(NUMBERS, min_size=1), st.sets(NUMBERS), st.sets(NUMBERS), st.lists(st.sets(NUMBERS, max_size=5), max_size=4)
)
async def test_in_the_end_nothing_is_kept_that_discord_has_not_and_edits_are_known(
    kept: set[int], gone: set[int], changed: set[int], shown: list[set[int]]
) -> None:
    channels = Channels()
    channels.same(CHANNEL, *range(1, 401))
    channels.kept[CHANNEL] = {i: text for i, text in channels.kept[CHANNEL].items() if i in kept}
    for i in gone:
        del channels.shown[CHANNEL][i]
    for i in changed - gone:
        channels.shown[CHANNEL][i] = ("changed", MIDNIGHT)
    comparison = await channels.begin()
    for ids in shown:
        assert await comparison.check(GUILD, {CHANNEL: ids}) == frozenset()
        assert not ids & gone & channels.kept[CHANNEL].keys()
        assert all(channels.kept[CHANNEL][i] == "changed" for i in ids & channels.kept[CHANNEL].keys() & changed)
        assert await comparison.check(GUILD, {CHANNEL: ids}) == frozenset()
    await channels.sweep(comparison)
    assert channels.kept[CHANNEL] == {i: "changed" if i in changed else f"text {i}" for i in kept - gone}
    assert len(channels.pages) <= sum(map(len, shown)) + len(kept) // PAGE + 1 + 4
