"""What is not kept of what a model proposed: only its number is left, by reason."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from bot.remember.check import Candidate
from bot.remember.refusals import DAY_MS, Refusals
from bot.remember.statement import Judgement
from bot.storage import refusals
from tests.fixtures.memory import Pipeline, new
from tests.fixtures.storage import GUILD


def lasts_where_it_says_so(candidate: Candidate) -> Judgement:
    return replace(new(candidate), lasting="for good" in candidate.statement.text)


async def by_reason(pipeline: Pipeline, guild_id: int = GUILD) -> dict[str, int]:
    return dict(await Refusals(pipeline.db, pipeline.clock).by_reason(guild_id, since_ms=0))


async def test_each_refusal_is_counted_once_and_by_server(pipeline: Pipeline) -> None:
    pipeline.reader.judge = lasts_where_it_says_so
    await pipeline.say("note: the gate is green for good")
    await pipeline.say("note: the gate is open")
    await pipeline.flush()
    await pipeline.say("note: the gate is shut")
    await pipeline.flush()
    assert await pipeline.texts() == ["the gate is green for good"]
    counted = await by_reason(pipeline)
    assert counted == {"not worth keeping": 2, "small_talk": 2}
    assert await by_reason(pipeline, GUILD + 1) == {}


async def test_nothing_of_a_refused_statement_is_left_but_the_count(pipeline: Pipeline) -> None:
    pipeline.reader.judge = lasts_where_it_says_so
    await pipeline.say("note: the gate is open")
    await pipeline.flush()
    async with pipeline.db.read() as connection:
        rows = (await connection.execute(select(refusals).where(refusals.c.reason == "not worth keeping"))).mappings()
    assert [dict(row) for row in rows] == [
        {
            "guild_id": GUILD,
            "day_ms": pipeline.clock() // DAY_MS * DAY_MS,
            "reason": "not worth keeping",
            "number": 1,
        }
    ]


async def test_what_was_refused_long_ago_is_no_longer_counted(pipeline: Pipeline) -> None:
    pipeline.reader.judge = lasts_where_it_says_so
    await pipeline.say("note: the gate is open")
    await pipeline.flush()
    before = pipeline.clock()
    pipeline.clock.advance(40 * 86_400)
    refused = Refusals(pipeline.db, pipeline.clock)
    assert await refused.by_reason(GUILD, since_ms=before + DAY_MS) == {}
    await pipeline.erasure.erase_expired(30)
    assert await by_reason(pipeline) == {}


async def test_the_counts_of_a_server_go_with_it(pipeline: Pipeline) -> None:
    pipeline.reader.judge = lasts_where_it_says_so
    await pipeline.say("note: the gate is open")
    await pipeline.flush()
    await pipeline.erasure.erase_guild(GUILD)
    assert await by_reason(pipeline) == {}
