from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError

from bot.domain.model import MessageState
from bot.domain.snowflake import from_ms, to_ms
from bot.guilds.consent import Consents
from bot.observe.barriers import Barriers
from bot.observe.messagelog import AppendReport, Exclusion, MessageLog, Said
from bot.storage.engine import Database
from bot.storage.schema import channels, members, messages, metadata, tombstones
from bot.storage.stores import Erased, Scope
from bot.text.fulltext import FullText
from bot.text.scope_tokens import guild_token
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS, FakeClock, SaidFactory, refuse

pytestmark = pytest.mark.both_databases

FULL_TEXT = ("message_terms", "memory_terms")


async def _dump(database: Database) -> str:
    """All that the database holds, as text."""
    rows: list[object] = []
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            rows.extend(await connection.execute(select(table)))
        for name in FULL_TEXT:
            rows.extend(await connection.execute(text(f"SELECT * FROM {name}")))  # noqa: S608 - names of ours
    return "\n".join(map(str, rows))


async def _indexed(database: Database) -> set[int]:
    async with database.read() as connection:
        found = await FullText(database.dialect).search(connection, "messages", [[guild_token(GUILD)]], 100)
    return {document.rowid for document in found}


async def test_what_was_said_is_kept_whole(log: MessageLog, make_said: SaidFactory) -> None:
    said = make_said("good morning", reply_to=77)
    assert await log.append([said]) == AppendReport(stored=1)
    assert await log.get([said.message.id]) == {said.message.id: said.message}
    assert await log.count_by_state() == {
        MessageState.PENDING: 1,
        MessageState.EXTRACTED: 0,
        MessageState.SKIPPED: 0,
        MessageState.DEAD: 0,
    }


async def test_what_is_kept_among_messages_is_told_however_much_lies_between_them(
    log: MessageLog, make_said: SaidFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.observe.messagelog.LOOKED_AT_ONCE", 3)
    said = [make_said() for _ in range(10)]
    ids = [item.message.id for item in said]
    await log.append(said)
    assert await log.kept_among(CHANNEL, [ids[0], ids[5], ids[9], ids[9] + 1]) == {ids[0], ids[5], ids[9]}
    assert await log.kept_among(CHANNEL + 1, ids) == set()
    assert await log.kept_among(CHANNEL, ()) == set()


async def test_a_kept_message_is_in_the_full_text_index(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    said = make_said()
    await log.append([said])
    assert await _indexed(database) == {said.message.id}


async def test_doubles_are_dropped(database: Database, log: MessageLog, make_said: SaidFactory) -> None:
    first, second = make_said("first"), make_said("second")
    assert await log.append([first, Said(replace(first.message, content="told again"), "Ada")]) == AppendReport(
        stored=1, doubles=1
    )
    assert await log.append([first, second]) == AppendReport(stored=1, doubles=1)
    assert (await log.get([first.message.id]))[first.message.id].content == "first"
    assert sum((await log.count_by_state()).values()) == 2
    assert await _indexed(database) == {first.message.id, second.message.id}


async def test_a_checkpoint_moves_with_the_messages_and_never_back(log: MessageLog, make_said: SaidFactory) -> None:
    older, newer = make_said(), make_said()
    await log.append([newer], checkpoints={CHANNEL: newer.message.id})
    await log.append([older], checkpoints={CHANNEL: older.message.id})
    assert await log.checkpoint(CHANNEL) == newer.message.id
    assert await log.checkpoint(404) == 0


async def test_a_checkpoint_does_not_move_without_its_messages(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    await log.append([make_said()])
    async with database.write() as connection:
        await refuse(connection, "INSERT ON messages", "disk full")
    said = make_said()
    with pytest.raises(Exception, match="disk full"):
        await log.append([said], checkpoints={CHANNEL: said.message.id})
    assert await log.checkpoint(CHANNEL) == 0


async def test_messages_do_not_stay_without_their_checkpoint(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    async with database.write() as connection:
        await refuse(connection, "UPDATE ON channels", "stuck")
    said = make_said()
    with pytest.raises(Exception, match="stuck"):
        await log.append([said], checkpoints={CHANNEL: said.message.id})
    assert await log.get([said.message.id]) == {}


@pytest.mark.parametrize("guild_id", [GUILD, None])
async def test_nothing_of_an_opted_out_member_is_stored(
    guild_id: int | None, database: Database, log: MessageLog, consents: Consents, make_said: SaidFactory
) -> None:
    await consents.opt_out(AUTHOR, guild_id)
    said = make_said("xylophone", author_name="Quentin")
    other = make_said("harp", author_id=AUTHOR + 1, author_name="Bo")
    report = await log.append([said, other], checkpoints={CHANNEL: other.message.id})
    assert report == AppendReport(stored=1, refused={Exclusion.OPTED_OUT: 1})
    held = await _dump(database)
    assert "harp" in held
    for trace in ("xylophone", "Quentin", str(AUTHOR) + ",", str(said.message.id)):
        assert trace not in held
    assert await log.checkpoint(CHANNEL) == other.message.id


async def test_a_member_who_opted_out_is_not_mentioned_in_what_others_said(
    database: Database, log: MessageLog, consents: Consents, make_said: SaidFactory
) -> None:
    ben, cem = AUTHOR + 1, AUTHOR + 2
    await Consents(database, consents.hasher).opt_out(ben, GUILD)
    await consents.opt_out(cem, GUILD + 1)
    said = make_said(f"<@{ben}> and <@!{ben}> take over from <@{cem}>")
    await log.append([said, make_said("hello")])
    kept = (await log.get([said.message.id]))[said.message.id]
    assert kept.content == f"@deleted and @deleted take over from <@{cem}>"
    assert str(ben) not in await _dump(database)


async def test_an_opt_out_made_by_another_process_counts(
    database: Database, log: MessageLog, consents: Consents, make_said: SaidFactory
) -> None:
    await Consents(database, consents.hasher).opt_out(AUTHOR, GUILD)
    assert not consents.opted_out(GUILD, AUTHOR)
    report = await log.append([make_said()])
    assert report.refused == {Exclusion.OPTED_OUT: 1}


async def test_an_opt_out_of_another_server_does_not_count(
    log: MessageLog, consents: Consents, make_said: SaidFactory
) -> None:
    await consents.opt_out(AUTHOR, GUILD + 1)
    assert (await log.append([make_said()])).stored == 1


@pytest.mark.parametrize(
    "scope",
    [
        Scope(guild_id=GUILD, user_id=AUTHOR),
        Scope(user_id=AUTHOR),
        Scope(guild_id=GUILD, channel_ids=frozenset({CHANNEL})),
        Scope(guild_id=GUILD),
    ],
    ids=["member", "member everywhere", "channel", "server"],
)
async def test_nothing_up_to_a_watermark_comes_back(
    scope: Scope, database: Database, log: MessageLog, consents: Consents, clock: FakeClock, make_said: SaidFactory
) -> None:
    erased, last, next_ = make_said("xylophone"), make_said("zither"), make_said("harp")
    elsewhere = make_said("flute", id=last.message.id - 1, guild_id=9, channel_id=9, author_id=9)
    subject = None if scope.user_id is None else consents.hasher.subject(scope.user_id)
    async with database.write() as connection:
        barriers = Barriers(database, clock)
        await barriers.erased(connection, Erased(scope=scope, subject=subject, up_to=last.message.id))
    report = await log.append([erased, last, next_, elsewhere])
    assert report == AppendReport(stored=2, refused={Exclusion.ERASED: 2})
    assert set(await log.get([item.message.id for item in (erased, last, next_, elsewhere)])) == {
        next_.message.id,
        elsewhere.message.id,
    }
    held = await _dump(database)
    assert "xylophone" not in held
    assert "zither" not in held


async def test_a_message_whose_deletion_came_first_is_not_stored(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    said = make_said("xylophone")
    async with database.write() as connection:
        await connection.execute(insert(tombstones).values(message_id=said.message.id, created_ms=NOW_MS))
    assert await log.append([said]) == AppendReport(refused={Exclusion.DELETED: 1})
    assert "xylophone" not in await _dump(database)
    assert await _indexed(database) == set()


async def test_names_follow_the_latest_message(database: Database, log: MessageLog, make_said: SaidFactory) -> None:
    await log.append([make_said(author_name="Ada")])
    await log.append([make_said(author_name="Countess")])
    async with database.read() as connection:
        assert list(await connection.scalars(select(members.c.name))) == ["Countess"]


async def test_what_no_database_can_hold_is_left_out(log: MessageLog, make_said: SaidFactory) -> None:
    said = make_said("nul \0 and half a pair \ud83d", author_name="A\0da")
    await log.append([said])
    assert (await log.get([said.message.id]))[said.message.id].content == "nul  and half a pair ?"


async def test_neighbours_are_of_the_same_channel_and_in_order(log: MessageLog, make_said: SaidFactory) -> None:
    said = [make_said(str(number), channel_id=CHANNEL + number % 2) for number in range(10)]
    await log.append(said[::-1])
    around = await log.around(CHANNEL, said[4].message.id, before=1, after=2)
    assert [message.content for message in around] == ["2", "4", "6", "8"]
    assert [message.content for message in await log.around(CHANNEL, said[0].message.id, 3, 1)] == ["0", "2"]


async def test_the_backlog_is_told_by_channel_longest_wait_first(
    log: MessageLog, make_said: SaidFactory, clock: FakeClock
) -> None:
    await log.append([make_said(channel_id=8), make_said(channel_id=8)])
    clock.advance(-60)
    await log.append([make_said(channel_id=9), make_said(channel_id=7, guild_id=GUILD + 1)])
    overview = await log.pending_overview()
    assert [(each.channel_id, each.messages, each.oldest_ms) for each in overview] == [
        (7, 1, NOW_MS - 60_000),
        (9, 1, NOW_MS - 60_000),
        (8, 2, NOW_MS),
    ]
    assert [each.channel_id for each in await log.pending_overview(GUILD)] == [9, 8]
    assert (await log.count_by_state(GUILD))[MessageState.PENDING] == 3


async def test_a_channel_has_a_place_for_its_checkpoint_from_its_first_message_on(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    said = make_said()
    await log.append([said])
    await log.append([], checkpoints={CHANNEL: said.message.id})
    assert await log.checkpoint(CHANNEL) == said.message.id
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(channels)) == 1


async def test_the_log_is_one_transaction_even_when_it_fails_late(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    async with database.write() as connection:
        await connection.execute(text("DROP TABLE message_terms"))
    with pytest.raises(DBAPIError):
        await log.append([make_said()])
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(messages)) == 0


async def test_nothing_said_after_a_channel_was_switched_off_is_kept_in_it_or_its_threads(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    thread = CHANNEL + 1
    before, after, aside = make_said("before"), make_said("after"), make_said("aside")
    aside = replace(aside, message=replace(aside.message, channel_id=thread))
    ended = {"guild_id": GUILD, "decided_ms": to_ms(after.message.id)}
    before = replace(before, message=replace(before.message, id=from_ms(ended["decided_ms"]) - 1))
    async with database.write() as connection:
        await connection.execute(insert(channels).values(channel_id=CHANNEL, observed=False, **ended))
        await connection.execute(insert(channels).values(channel_id=thread, guild_id=GUILD, parent_id=CHANNEL))
    report = await log.append([before, after, aside])
    assert report == AppendReport(stored=1, refused={Exclusion.UNOBSERVED: 2})
    assert list(await log.get([before.message.id, after.message.id, aside.message.id])) == [before.message.id]


async def test_a_forward_is_kept_with_its_text_only_beside_what_was_forwarded(
    log: MessageLog, consents: Consents, make_said: SaidFactory
) -> None:
    source, sealed = make_said("plans"), make_said("secret", author_id=AUTHOR + 1)
    await log.append([source, sealed])
    await consents.opt_out(AUTHOR + 1, GUILD)
    forwards = [
        replace(make_said("[forwarded: text]"), quotes=quotes, without_quote="[forwarded message]")
        for quotes in (source.message.id, sealed.message.id, 404)
    ]
    await log.append(forwards)
    kept = await log.get([forward.message.id for forward in forwards])
    assert [kept[forward.message.id].content for forward in forwards] == [
        "[forwarded: text]",
        "[forwarded message]",
        "[forwarded message]",
    ]
