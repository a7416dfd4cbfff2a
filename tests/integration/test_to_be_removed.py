"""What has to be removed: posts that have lost a source, and erasures asked for; both stay listed until it is done."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, insert, select, update

from bot.domain import Citation, Memory, MemoryKind, Message, jump_url
from bot.forget import Glance, Outcome, Post, Posts, Receipt, Removing, Requests, RequestState
from bot.forget.post_sources import PostSource
from bot.forget.public_posts import GIVEN_UP_AFTER_MS
from bot.forget.requests import KEPT_MS
from bot.forget.undone import LATE_MS
from bot.index import Outbox
from bot.memories import MemoryStore
from bot.observe import MessageLog, Said
from bot.storage import (
    Database,
    Edited,
    Erased,
    Expired,
    Scope,
    corrections,
    memories,
    messages,
    post_people,
    post_sources,
    posts,
    requests,
    tombstones,
)
from bot.text import FullText
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock, MessageFactory

pytestmark = pytest.mark.both_databases

ADA, BEN = 3_101, 3_102
HALL, OTHER_GUILD = 9_001, GUILD + 1


class Board:
    """The posts of a bot, over a log with three messages and a memory of the first two."""

    def __init__(self, db: Database, clock: FakeClock, said: list[Message], memory: Memory) -> None:
        self.db, self.clock, self.said, self.memory = db, clock, said, memory
        self.posts = Posts(db, clock)
        self.removing = Removing(db, clock)
        self.number = 500

    async def post(
        self,
        *sources: PostSource,
        people: tuple[int, ...] = (),
        asked_id: int | None = None,
        guild: int = GUILD,
        channel: int = HALL,
        glance: Glance | None = None,
    ) -> Post:
        self.number += 1
        post = Post(self.number, guild, channel)
        if glance is None:
            glance = await self.posts.glance([source.message_id for source in sources])
        await self.posts.record(post, sources, people, glance=glance, asked_id=asked_id)
        return post

    def quoted(self, number: int) -> PostSource:
        return PostSource(self.said[number].id, CHANNEL)

    def remembered(self, number: int) -> PostSource:
        return PostSource(self.said[number].id, CHANNEL, self.memory.id)

    async def due(self) -> list[int]:
        """Numbers of the posts that are to go now."""
        await self.posts.find_due()
        return [post.message_id for post in await self.posts.due(100)]

    async def rows(self, table: object) -> int:
        async with self.db.read() as connection:
            return await connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


@pytest.fixture
async def board(database: Database, log: MessageLog, clock: FakeClock, make_message: MessageFactory) -> Board:
    said = [make_message(text, author_id=ADA) for text in ("the bridge is red", "since 1902", "rain soon")]
    await log.append([Said(message, "Ada") for message in said])
    memory = Memory(
        id="00000000-0000-0000-0000-000000000001",
        guild_id=GUILD,
        kind=MemoryKind.DECISION,
        text="the bridge is red since 1902",
        citations=tuple(Citation(message.id, CHANNEL, ADA) for message in said[:2]),
    )
    store = MemoryStore(database, FullText(database.dialect), clock, Outbox(clock).add)
    async with database.write() as connection:
        await store.add(connection, memory)
    return Board(database, clock, said, memory)


async def test_a_post_stays_while_all_that_it_stands_on_does(board: Board) -> None:
    await board.post(board.quoted(0), board.quoted(2), asked_id=77)
    await board.post(board.remembered(0), board.remembered(1), people=(ADA, ADA))
    await board.post()
    assert await board.posts.find_due() == 0
    assert await board.due() == []
    assert await board.rows(post_people) == 1


async def test_a_quoted_message_that_is_gone_takes_the_post_with_it(board: Board) -> None:
    lost = await board.post(board.quoted(0), board.quoted(2), people=(ADA,), asked_id=77)
    await board.post(board.remembered(0))
    async with board.db.write() as connection:
        await connection.execute(delete(messages).where(messages.c.id == board.said[0].id))
    assert await board.posts.find_due() == 1
    assert await board.posts.due(9) == [lost]
    assert await board.rows(post_sources) == 1
    assert await board.rows(post_people) == 0
    async with board.db.read() as connection:
        assert await connection.scalar(select(posts.c.asked_id).where(posts.c.message_id == lost.message_id)) is None
    assert await board.posts.find_due() == 0, "it is on the list already"


@pytest.mark.parametrize(("edited_ms", "goes"), [(4_000, False), (5_000, False), (5_001, True)])
async def test_an_edit_after_the_glance_takes_the_post_with_it(board: Board, edited_ms: int, goes: bool) -> None:
    glance = Glance(NOW_MS, {board.said[0].id: 5_000})
    post = await board.post(board.quoted(0), glance=glance)
    async with board.db.write() as connection:
        await connection.execute(update(messages).where(messages.c.id == board.said[0].id).values(edited_ms=edited_ms))
    assert await board.due() == ([post.message_id] if goes else [])


async def test_a_glance_shows_when_messages_were_edited(board: Board) -> None:
    async with board.db.write() as connection:
        await connection.execute(update(messages).where(messages.c.id == board.said[1].id).values(edited_ms=7))
    ids = [message.id for message in board.said[:2]]
    assert await board.posts.glance([*ids, 12345]) == Glance(NOW_MS, {ids[0]: 0, ids[1]: 7})


async def test_a_memory_that_no_longer_stands_on_a_message_takes_the_post_with_it(board: Board) -> None:
    post = await board.post(board.remembered(2))
    assert await board.due() == [post.message_id]


async def test_a_doubt_keeps_a_post_up_while_it_is_the_memorys(board: Board) -> None:
    async with board.db.write() as connection:
        await connection.execute(update(memories).values(doubt_message_id=board.said[2].id))
    post = await board.post(board.remembered(2))
    assert await board.due() == []
    async with board.db.write() as connection:
        await connection.execute(update(memories).values(doubt_message_id=board.said[0].id))
    assert await board.due() == [post.message_id]


@pytest.mark.parametrize(("later_ms", "goes"), [(-1, False), (0, True), (1, True)])
async def test_a_correction_after_a_post_takes_it_with_it(board: Board, later_ms: int, goes: bool) -> None:
    post = await board.post(board.remembered(0))
    row = {"memory_id": board.memory.id, "author_id": ADA, "corrected_ms": NOW_MS + later_ms}
    async with board.db.write() as connection:
        await connection.execute(insert(corrections).values(row))
    assert await board.due() == ([post.message_id] if goes else [])


async def test_a_question_that_is_deleted_takes_its_answer_with_it(board: Board) -> None:
    await board.post(asked_id=76)
    post = await board.post(asked_id=77)
    async with board.db.write() as connection:
        await connection.execute(insert(tombstones).values(message_id=77, created_ms=1))
    assert await board.posts.find_due() == 1
    assert await board.due() == [post.message_id]


async def test_posts_that_an_earlier_version_noted_are_understood(board: Board) -> None:
    post = await board.post(board.quoted(0))
    async with board.db.write() as connection:
        await connection.execute(update(post_sources).values(memory_id=""))
        await connection.execute(update(posts).values(state="up"))
    assert await board.due() == []
    for state, listed in (("edit", board.posts.to_edit), ("due", board.posts.due)):
        async with board.db.write() as connection:
            await connection.execute(update(posts).values(state=state))
        assert await listed(9) == [post]


async def test_those_that_wait_longest_go_first_and_a_few_at_a_time(board: Board) -> None:
    first, second = await board.post(), await board.post()
    assert await board.posts.take_back([second.message_id]) == 1
    board.clock.advance(1)
    assert await board.posts.take_back([first.message_id, second.message_id, 4711]) == 1
    assert await board.posts.due(9) == [second, first]
    assert await board.posts.due(1) == [second]


async def test_what_discord_does_not_delete_is_tried_ever_later_and_dropped_after_a_month(board: Board) -> None:
    post, other = await board.post(), await board.post()
    await board.posts.take_back([post.message_id, other.message_id])
    waits = []
    for _ in range(4):
        assert await board.posts.later(post)
        async with board.db.read() as connection:
            row = (await connection.execute(select(posts).where(posts.c.message_id == post.message_id))).one()
        waits.append((row.next_try_ms - board.clock()) / 1000)
        assert await board.posts.due(9) == [other]
    assert row.attempts == 4
    for wait, expected in zip(waits, (5, 10, 20, 40), strict=True):
        assert 0.75 * expected <= wait <= 1.25 * expected
    board.clock.ms = row.next_try_ms - 1
    assert await board.posts.due(9) == [other]
    board.clock.ms += 1
    assert await board.posts.due(9) == [other, post]
    board.clock.ms = NOW_MS + GIVEN_UP_AFTER_MS
    assert await board.posts.later(post, removed=True)
    board.clock.ms += 1
    assert await board.posts.later(post), "the bot is there, and goes on"
    assert not await board.posts.later(post, removed=True)
    assert await board.posts.later(post, removed=True), "it is gone already"
    await board.posts.gone(other)
    assert await board.rows(posts) == 0
    assert GIVEN_UP_AFTER_MS == 2_592_000_000


async def test_posts_are_listed_by_where_they_are_and_what_they_show(board: Board) -> None:
    await board.post(board.quoted(0), PostSource(5, 55))
    second = await board.post(board.quoted(2), channel=HALL + 1)
    await board.post(PostSource(6, 66), guild=OTHER_GUILD)
    said = board.said
    assert await board.posts.cited(GUILD) == {CHANNEL: {said[0].id, said[2].id}, 55: {5}}
    assert await board.posts.standing(GUILD) == {
        HALL: {CHANNEL, 55},
        HALL + 1: {CHANNEL},
    }
    await board.posts.take_back([second.message_id])
    assert list(await board.posts.standing(GUILD)) == [HALL]


SCOPES = [
    (Scope(guild_id=GUILD), [1, 2, 3, 4]),
    (Scope(), [1, 2, 3, 4, 5]),
    (Scope(user_id=BEN), [2, 5]),
    (Scope(user_id=BEN, guild_id=GUILD), [2]),
    (Scope(guild_id=GUILD, channel_ids=frozenset({HALL + 1})), [3]),
    (Scope(guild_id=GUILD, channel_ids=frozenset({55})), [2]),
    (Scope(guild_id=GUILD, message_ids=frozenset({6})), [2]),
    (Scope(guild_id=GUILD, message_ids=frozenset({77})), [4]),
    (Scope(guild_id=OTHER_GUILD, message_ids=frozenset({77})), []),
]


@pytest.mark.parametrize(("scope", "meant"), SCOPES)
@pytest.mark.matrix
async def test_an_erasure_takes_down_what_quotes_names_or_answers_what_is_in_its_scope(
    board: Board, scope: Scope, meant: list[int]
) -> None:
    numbers = [
        (await board.post(board.quoted(0), people=(ADA,))).message_id,
        (await board.post(board.quoted(0), people=(ADA, BEN))).message_id,
        (await board.post(board.quoted(2), channel=HALL + 1)).message_id,
        (await board.post(board.quoted(2), asked_id=77)).message_id,
        (await board.post(board.quoted(2), people=(BEN,), guild=OTHER_GUILD)).message_id,
    ]
    async with board.db.write() as connection:
        row = {"post_id": numbers[1], "message_id": 6, "memory_id": "", "channel_id": 55, "edited_ms": 0}
        await connection.execute(insert(post_sources).values(row))
        said = {"id": 6, "guild_id": GUILD, "channel_id": 55, "author_id": ADA, "content": "x", "state": "pending"}
        await connection.execute(insert(messages).values({**said, "logged_ms": 1}))
    assert (await board.posts.count(scope))["public posts"] == len(meant)
    async with board.db.write() as connection:
        early = await board.posts.erased(connection, Erased(scope=scope))
        last = await board.posts.erased(connection, Erased(scope=scope, last=True))
    assert (early["public posts"], last["public posts"]) == (0, len(meant))
    assert {post.message_id for post in await board.posts.due(9)} == {numbers[number - 1] for number in meant}
    assert (await board.posts.count(scope))["public posts"] == 0


async def test_edits_and_lifetimes_take_posts_down(board: Board) -> None:
    post, other = await board.post(board.quoted(0)), await board.post(board.quoted(1))
    async with board.db.write() as connection:
        await connection.execute(update(messages).where(messages.c.id == board.said[0].id).values(edited_ms=9))
        edited = Edited(message_id=board.said[0].id, content="x", edited_ms=9, logged=board.said[0])
        assert await board.posts.edited(connection, edited) == 1
        await connection.execute(delete(messages).where(messages.c.id == board.said[1].id))
        expired = await board.posts.expired(connection, Expired(before_ms=1, now_ms=2))
    assert expired["public posts"] == 1
    assert {post, other} == set(await board.posts.due(9))


async def test_members_are_given_the_posts_that_name_them(board: Board) -> None:
    post = await board.post(people=(ADA,))
    await board.post(people=(BEN,))
    await board.post(people=(ADA,), guild=OTHER_GUILD)
    record = {"link": jump_url(GUILD, HALL, post.message_id), "posted_at": "2025-06-15T15:06:40+00:00"}
    assert await board.posts.give(ADA, GUILD) == {"public posts": [record]}
    assert len((await board.posts.give(ADA, None))["public posts"]) == 2


# --- what was tried and is not removed --------------------------------------------------------------------------------


async def test_what_was_tried_and_is_still_there_is_counted_by_server(board: Board) -> None:
    untried, tried = await board.post(), await board.post()
    elsewhere = [await board.post(guild=OTHER_GUILD) for _ in range(2)]
    await board.posts.take_back([post.message_id for post in (untried, tried, *elsewhere)])
    for post in (tried, *elsewhere):
        await board.posts.later(post)
    pending = Requests(board.db, board.clock)
    await pending.ask(user_id=ADA, guild_id=GUILD)
    await pending.ask(user_id=ADA)
    await pending.ask(user_id=ADA, guild_id=OTHER_GUILD)
    board.clock.ms += LATE_MS
    undone = await board.removing.undone(GUILD)
    assert (undone.erasures, undone.posts) == (0, 1)
    board.clock.ms += 1
    await pending.ask(user_id=ADA, guild_id=GUILD)  # which takes its seconds
    undone = await board.removing.undone(GUILD)
    assert (undone.erasures, undone.posts) == (2, 1)
    undone = await board.removing.undone()
    assert (undone.erasures, undone.posts) == (3, 3)
    async with board.db.write() as connection:
        await connection.execute(update(requests).values(state="done"))
    assert (await board.removing.undone()).erasures == 0
    assert LATE_MS == 60_000


# --- requests ---------------------------------------------------------------------------------------------------------


async def done(board: Board, number: int, subject: str | None = None, **fields: int) -> None:
    """Ask for an erasure, and carry it out: it removed so many messages."""
    pending = Requests(board.db, board.clock)
    request = await pending.ask(**fields)
    async with board.db.write() as connection:
        await pending.finish(connection, request, Receipt({"messages": number}, {}), subject=subject)


async def test_a_member_is_told_what_came_of_their_newest_request_here_for_a_day(board: Board) -> None:
    pending = Requests(board.db, board.clock)
    await done(board, 1, "hash of ada", user_id=ADA, guild_id=GUILD)
    await done(board, 2, "hash of ada", user_id=ADA, guild_id=OTHER_GUILD)
    await done(board, 3, "hash of ben", user_id=BEN, guild_id=GUILD)
    outcome = await pending.newest_of(ADA, "hash of ada", GUILD)
    assert outcome == Outcome(Receipt({"messages": 1}, {}), NOW_MS)
    board.clock.ms += KEPT_MS
    assert await pending.newest_of(ADA, "hash of ada", GUILD) == outcome
    await done(board, 4, "hash of ada", user_id=ADA)
    everywhere = Outcome(Receipt({"messages": 4}, {}), board.clock())
    assert await pending.newest_of(ADA, "hash of ada", GUILD) == everywhere
    board.clock.ms += 1
    await pending.ask(user_id=ADA, guild_id=GUILD)
    for other in (ADA - 1, BEN):
        await pending.ask(user_id=other, guild_id=GUILD, up_to=1)
        board.clock.ms += 1
    assert await pending.newest_of(ADA, "hash of ada", GUILD) == Outcome(None, board.clock() - 2)
    async with board.db.write() as connection:
        await pending.expired(connection, Expired(before_ms=1, now_ms=board.clock()))
        gone = await pending.expired(connection, Expired(before_ms=1, now_ms=board.clock(), last=True))
    assert gone["requests"] == 3
    assert await pending.newest_of(BEN + 1, "hash of ben", GUILD) is None
    assert KEPT_MS == 86_400_000


async def test_an_old_receipt_is_shown_to_nobody(board: Board) -> None:
    await done(board, 1, "hash of ada", user_id=ADA, guild_id=GUILD)
    board.clock.ms += KEPT_MS + 1
    assert await Requests(board.db, board.clock).newest_of(ADA, "hash of ada", GUILD) is None


async def test_requests_are_taken_once_in_the_order_in_which_they_were_made(board: Board) -> None:
    pending = Requests(board.db, board.clock)
    assert not await pending.open()
    first = await pending.ask(guild_id=GUILD, channel_id=5, up_to=7, actor_id=BEN)
    second = await pending.ask(user_id=ADA)
    assert await pending.waiting() == [first, second]
    assert (first.guild_id, first.channel_id, first.up_to, first.actor_id) == (GUILD, 5, 7, BEN)
    assert await pending.take(first)
    assert not await pending.take(first)
    assert await pending.waiting() == [second]
    assert await pending.outcome(first) == (RequestState.TAKEN, None)
    await pending.again()
    assert await pending.waiting() == [first, second]
    async with board.db.write() as connection:
        for request in (first, second):
            await pending.finish(connection, request, Receipt({}, {"texts": 1}), subject=None)
    assert not await pending.open()
    assert await pending.outcome(first) == (RequestState.DONE, Receipt({}, {"texts": 1}))
    async with board.db.read() as connection:
        ids = (await connection.execute(select(requests.c.user_id, requests.c.actor_id))).all()
    assert ids == [(None, None), (None, None)]


async def test_requests_are_carried_out_by_one_at_a_time(board: Board) -> None:
    pending = Requests(board.db, board.clock)
    async with pending.alone() as first, pending.alone() as second:
        assert (first, second) == (True, False)


async def test_an_admin_who_is_erased_has_asked_for_nothing(board: Board) -> None:
    pending = Requests(board.db, board.clock)
    for actor_id in (ADA - 1, ADA, BEN):
        await pending.ask(guild_id=GUILD, actor_id=actor_id)
    for last, actors in ((False, [ADA - 1, ADA, BEN]), (True, [ADA - 1, None, BEN])):
        async with board.db.write() as connection:
            await pending.erased(connection, Erased(scope=Scope(user_id=ADA), last=last))
            await pending.erased(connection, Erased(scope=Scope(guild_id=GUILD), last=last))
        assert [request.actor_id for request in await pending.waiting()] == actors


async def test_members_are_given_what_they_asked_for(board: Board) -> None:
    pending = Requests(board.db, board.clock)
    await pending.ask(user_id=ADA, guild_id=GUILD)
    await pending.ask(user_id=ADA)
    for other in (ADA - 1, BEN):
        await pending.ask(user_id=other, guild_id=GUILD, actor_id=other)
    await pending.ask(guild_id=OTHER_GUILD, actor_id=ADA)
    mine = {"asked_at": "2025-06-15T15:06:40+00:00", "state": RequestState.ASKED}
    assert await pending.give(ADA, GUILD) == {"requests": [mine] * 2}
    assert await pending.give(ADA, None) == {"requests": [mine] * 3}
