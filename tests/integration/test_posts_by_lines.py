"""Public posts that consist of lines: a line goes with what it stands on, and the post with its last line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, update

from bot.domain import Citation, Memory, MemoryKind, snowflake
from bot.domain.model import Doubt
from bot.forget import Glance, Post, Posts, lines_of, sources_of
from bot.forget.post_sources import PostSource
from bot.forget.public_posts import GIVEN_UP_AFTER_MS
from bot.index import Outbox
from bot.memories import MemoryStore
from bot.recall.hits import memory_hit
from bot.storage import Database, Edited, Erased, Scope, citations, corrections, memories, post_people
from bot.storage.engine import open_database
from bot.text import FullText
from tests.fixtures.operations import older_database
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock

pytestmark = pytest.mark.both_databases

ADA, BEN = 3_101, 3_102
HALL, OTHER = 9_001, CHANNEL + 1
POST = Post(501, GUILD, HALL, covers_ms=NOW_MS - 86_400_000)
NOW = Glance(NOW_MS, {})


def memory(number: int, *messages: int, channel: int = CHANNEL, text: str = "the bridge is red") -> Memory:
    cited = tuple(Citation(message, channel, ADA) for message in messages)
    return Memory(id=str(UUID(int=number)), guild_id=GUILD, kind=MemoryKind.DECISION, text=text, citations=cited)


FIRST, SECOND = memory(1, 11, 12), memory(2, 21, channel=OTHER, text=f"<@{BEN}> paints it")
IDS = [FIRST.id, SECOND.id]


@pytest.fixture
async def board(database: Database, clock: FakeClock) -> Posts:
    """A post of two lines, which Discord shows."""
    store = MemoryStore(database, FullText(database.dialect), clock, Outbox(clock).add)
    async with database.write() as connection:
        for each in (FIRST, SECOND):
            await store.add(connection, each)
    posts = Posts(database, clock)
    await posts.record(POST, lines_of([FIRST, SECOND]), [ADA, BEN], glance=NOW)
    assert await posts.to_edit(9) == [POST]
    assert await posts.was_edited(POST, dict.fromkeys(IDS, 1), [ADA, BEN])
    assert await posts.to_edit(9) == []
    return posts


async def people(database: Database) -> set[int]:
    async with database.read() as connection:
        return set(await connection.scalars(select(post_people.c.user_id)))


async def test_its_lines_are_in_order_and_show_only_what_was_noted(board: Posts) -> None:
    assert await board.lines(POST) == IDS
    assert await board.standing(GUILD) == {HALL: {CHANNEL, OTHER}}
    assert await board.find_due() == 0


async def test_a_line_goes_when_a_message_behind_it_does_and_the_post_with_the_last(
    board: Posts, database: Database
) -> None:
    for message_id, lines in ((11, [SECOND.id]), (21, [])):
        async with database.write() as connection:
            await connection.execute(delete(citations).where(citations.c.message_id == message_id))
            edited = Edited(message_id=message_id, content="x", edited_ms=9, logged=None)
            assert await board.edited(connection, edited) == 1
        assert await board.lines(POST) == lines
        assert await board.to_edit(9) == ([POST] if lines else [])
        if lines:
            assert await board.was_edited(POST, {SECOND.id: 1}, [BEN])
            assert await people(database) == {BEN}
    assert await board.due(9) == [POST]
    assert await people(database) == set()


async def test_a_line_goes_when_its_memory_was_put_right_or_what_doubts_it_went(
    board: Posts, database: Database, clock: FakeClock
) -> None:
    async with database.write() as connection:
        row = {"memory_id": FIRST.id, "author_id": ADA, "corrected_ms": clock() + 1}
        await connection.execute(insert(corrections).values(row))
        doubt = update(memories).where(memories.c.id == SECOND.id)
        await connection.execute(doubt.values(doubt_message_id=99, doubt_channel_id=OTHER, doubt_author_id=BEN))
    doubted = lines_of([replace(SECOND, doubt=Doubt(99, OTHER, BEN))])
    other = Post(502, GUILD, HALL, covers_ms=1)
    await board.record(other, doubted, [], glance=NOW)
    assert await board.find_due() == 1
    assert await board.lines(POST) == [SECOND.id]
    async with database.write() as connection:
        await connection.execute(doubt.values(doubt_message_id=None, doubt_channel_id=None, doubt_author_id=None))
    assert await board.find_due() == 1
    assert await board.lines(other) == []
    assert await board.due(9) == [other]


async def test_what_is_hidden_takes_its_lines(board: Posts) -> None:
    assert await board.hide(HALL + 1, {OTHER}) == 0
    assert await board.hide(HALL, {OTHER}) == 1
    assert await board.lines(POST) == [FIRST.id]
    assert await board.to_edit(9) == [POST]


async def test_what_changed_while_it_was_edited_is_edited_again(board: Posts) -> None:
    await board.hide(HALL, {OTHER})
    assert not await board.was_edited(POST, dict.fromkeys(IDS, 1), [])
    assert not await board.was_edited(POST, {FIRST.id: 0}, [])  # its line has another text by now
    assert await board.to_edit(9) == [POST]
    await board.later(POST)
    assert await board.to_edit(9) == []


async def test_a_post_that_is_to_be_edited_is_given_up_a_month_after_the_bot_was_removed(
    board: Posts, clock: FakeClock
) -> None:
    await board.hide(HALL, {OTHER})
    clock.ms += GIVEN_UP_AFTER_MS + 1
    assert not await board.later(POST, removed=True)
    assert not await board.is_known(POST.message_id)


@pytest.mark.parametrize(
    ("scope", "lines"),
    [
        (Scope(guild_id=GUILD), []),
        (Scope(guild_id=GUILD, channel_ids=frozenset({HALL})), []),
        (Scope(guild_id=GUILD, channel_ids=frozenset({OTHER})), [FIRST.id]),
        (Scope(guild_id=GUILD, message_ids=frozenset({12})), [SECOND.id]),
        (Scope(guild_id=GUILD, user_id=BEN), IDS),  # the memory goes on without the name, and the post is edited
        (Scope(guild_id=GUILD + 1), IDS),
    ],
)
async def test_an_erasure_takes_the_lines_in_its_scope(
    board: Posts, database: Database, scope: Scope, lines: list[str]
) -> None:
    is_meant = scope.guild_id == GUILD
    assert (await board.count(scope))["public posts"] == is_meant
    async with database.write() as connection:
        removed = await board.erased(connection, Erased(scope=scope, last=True))
    assert removed["public posts"] == is_meant
    assert await board.lines(POST) == lines
    assert (await board.count(scope))["public posts"] == 0
    assert await board.to_edit(9) == ([POST] if lines and is_meant else [])
    assert (BEN in await people(database)) is (scope.user_id is None and bool(lines))


async def test_a_post_that_is_edited_to_show_more_goes_with_the_old_and_the_new(
    board: Posts, database: Database
) -> None:
    post = Post(502, GUILD, HALL)
    await board.record(post, sources_of([memory_hit(FIRST)]), [ADA], glance=NOW)
    assert await board.is_answer(502)
    assert not await board.is_answer(POST.message_id)
    assert await board.extend(post, sources_of([memory_hit(FIRST), memory_hit(SECOND)]), [ADA, BEN], glance=NOW)
    assert await board.hide(HALL, {OTHER}) == 2
    assert await board.due(9) == [post]
    assert not await board.extend(post, [PostSource(1, CHANNEL)], [], glance=NOW)
    assert not await board.is_answer(502)


@pytest.mark.embedded
async def test_posts_of_an_older_version_are_taken_down_as_before(data_dir: Path, clock: FakeClock) -> None:
    said = snowflake.from_ms(NOW_MS)
    post: dict[str, object] = {"message_id": 7, "guild_id": GUILD, "channel_id": HALL, "state": "up", "posted_ms": 1}
    source: dict[str, object] = {
        "post_id": 7,
        "message_id": said,
        "memory_id": "",
        "channel_id": CHANNEL,
        "edited_ms": 0,
    }
    older_database(data_dir, "x", "0016", [("posts", post), ("post_sources", source)])
    async with open_database(None, data_dir) as database:
        posts = Posts(database, clock)
        assert await posts.standing(GUILD) == {HALL: {CHANNEL}}
        assert await posts.find_due() == 1  # its source is not in the log
        assert await posts.due(9) == [Post(7, GUILD, HALL)]
