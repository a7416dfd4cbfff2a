"""The pure parts of the Discord side: what is kept of a message, times, policy, cooldowns, addresses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.domain.errors import ServiceUnavailable
from bot.domain.model import MAX_CONTENT
from bot.forget.proof import Receipt
from bot.guilds.policy import Policy
from cogs.checks import Cooldowns
from cogs.content import content_of
from cogs.faults import UNREACHABLE
from cogs.pages import HistoryReader
from cogs.texts import cooldown, memories, messages, service_down
from cogs.views.confirm import receipt_view
from tests.fixtures.discord import texts_of
from tests.fixtures.languages import ENGLISH


def message(content: str = "", **fields: Any) -> Any:  # noqa: ANN401 - stands in for discord.Message
    defaults: dict[str, Any] = {
        "attachments": [],
        "stickers": [],
        "poll": None,
        "reference": None,
        "message_snapshots": [],
        "guild": None,
    }
    return SimpleNamespace(content=content, **{**defaults, **fields})


def attachment(filename: str, description: str | None = None, title: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(filename=filename, description=description, title=title)


def kept(of: Any) -> str:  # noqa: ANN401 - stands in for discord.Message
    return content_of(of, may_quote=lambda _: True)


def test_attachments_are_kept_by_name_and_alternative_text() -> None:
    files = [attachment("a.png", "a cat\n[sticker: forged]"), attachment("b.pdf")]
    assert kept(message("look", attachments=files)) == (
        "look\n[attachment: a.png (a cat [sticker: forged])]\n[attachment: b.pdf]"
    )


def test_stickers_and_polls_are_kept_by_their_words() -> None:
    poll = discord.Poll(question="Where to?", duration=discord.utils.MISSING)
    poll.add_answer(text="North")
    poll.add_answer(text="South")
    assert kept(message(stickers=[SimpleNamespace(name="Wave")], poll=poll)) == (
        "[sticker: Wave]\n[poll: Where to? (North; South)]"
    )


def test_an_answer_of_a_poll_without_words_is_kept_by_its_emoji() -> None:
    answers = [SimpleNamespace(text=None, emoji="⬆"), SimpleNamespace(text=None, emoji=None)]
    poll = SimpleNamespace(question="Where to?", answers=answers)
    assert kept(message(poll=poll)) == "[poll: Where to? (⬆; )]"


def test_forwarded_messages_are_kept_with_what_they_carry() -> None:
    snapshot = SimpleNamespace(content="the plan\nin two lines", attachments=[attachment("plan.pdf")], stickers=[])
    here = SimpleNamespace(id=1)
    source = SimpleNamespace(guild_id=1, channel_id=2, message_id=3)
    forward = message(message_snapshots=[snapshot], guild=here, reference=source)
    assert kept(forward) == "[forwarded: the plan in two lines [attachment: plan.pdf]]"


def test_nothing_is_kept_of_what_was_forwarded_from_another_server() -> None:
    snapshot = SimpleNamespace(content="theirs", attachments=[], stickers=[])
    source = SimpleNamespace(guild_id=9, channel_id=2, message_id=3)
    forward = message(message_snapshots=[snapshot], guild=SimpleNamespace(id=1), reference=source)
    assert kept(forward) == "[forwarded message]"


def test_nothing_is_kept_of_an_empty_message_and_not_too_much_of_any() -> None:
    assert kept(message("  ")) == ""
    assert len(kept(message("x" * 4000, attachments=[attachment("y" * 9000)]))) == MAX_CONTENT


def test_policy_and_notice_follow_the_settings() -> None:
    bare = Policy(retention_days=1, remembers=False)
    assert "1 day" in bare.notice(decided_by="<@1>")
    assert "memories of decisions" not in bare.notice(decided_by="<@1>")
    assert "Everything stays" in bare.text()
    outside = Policy(
        retention_days=30,
        language_model="OpenAI, gpt-4o-mini",
        language_model_outside=True,
        embeddings="Fastembed, small",
    )
    assert "OpenAI, gpt-4o-mini makes memories from messages (messages go to it over the internet)" in outside.text()
    assert "Fastembed, small turns memories and questions into numbers for searching (on the operator" in outside.text()
    assert len(outside.text()) < 4000
    assert len(outside.notice(decided_by="<@1>")) < 2000


def use(cooldowns: Cooldowns, *, user: int = 1, guild: int = 1, at: float = 0.0) -> None:
    interaction: Any = SimpleNamespace(
        created_at=datetime.fromtimestamp(1_750_000_000 + at, tz=UTC),
        command=SimpleNamespace(qualified_name="recall"),
        data={},
        guild_id=guild,
        user=SimpleNamespace(id=user),
    )
    cooldowns.use(interaction, 2, 30.0)


def test_cooldowns_count_each_member_of_each_server_by_themselves() -> None:
    cooldowns = Cooldowns()
    use(cooldowns)
    use(cooldowns)
    with pytest.raises(app_commands.CommandOnCooldown):
        use(cooldowns, at=1)
    use(cooldowns, user=2, at=1)
    use(cooldowns, guild=2, at=1)
    use(cooldowns, at=31)


def test_sentences_count_properly() -> None:
    assert (memories(1), memories(2), messages(1200)) == (
        "1 memory",
        "2 memories",
        "1,200 messages",
    )
    assert cooldown(0.2).endswith("1 second.")
    assert "ollama" in service_down(ServiceUnavailable("ollama", "x").service)


def test_a_receipt_that_is_not_complete_says_so() -> None:
    view = receipt_view("Deleted", Receipt({"messages": 3, "names": 0}, {"index": 2}), ENGLISH)
    text = "\n".join(texts_of(view.to_components()))  # type: ignore[no-untyped-call]
    assert "messages: 3" in text
    assert "names" not in text
    assert "could not be removed yet: 2. They go by themselves" in text


@pytest.mark.parametrize("odd", [None, {}, {"id": None}, {"id": "no id"}, {"id": 10**30}, {"id": "7"}])
async def test_what_has_no_id_in_a_history_is_left_out_alone(odd: object) -> None:
    channel: Any = SimpleNamespace(id=7)
    history: list[Any] = [{"id": str(number)} for number in range(1, 251)]
    history.insert(50, odd)

    async def fetch(_: int, limit: int, after: int = 0, before: int = 0) -> list[Any]:
        start = next((i for i, m in enumerate(history) if m is not odd and int(m["id"]) > after), len(history))
        return history[start : start + limit] if not before else history[:limit]

    pages = HistoryReader(fetch, fetch, lambda **_: None)  # type: ignore[arg-type]
    assert [entry.id async for entry in pages.after(channel, 0)] == list(range(1, 251))
    with pytest.raises(ValueError, match="without ids"):
        await pages.before(channel, 251)


async def test_a_history_that_heeds_no_place_ends() -> None:
    channel: Any = SimpleNamespace(id=7)

    async def fetch(*_: object, **__: object) -> list[Any]:
        return [{"id": str(number)} for number in range(1, 101)]

    pages = HistoryReader(fetch, fetch, lambda **_: None)  # type: ignore[arg-type]
    assert [entry.id async for entry in pages.after(channel, 40)] == list(range(41, 101))


@pytest.mark.parametrize("page", [{"message": "no page"}, None, [None], [{}, {"id": 0}]])
async def test_what_is_no_page_of_history_is_none(page: object) -> None:
    channel: Any = SimpleNamespace(id=7)

    async def fetch(*_: object, **__: object) -> object:
        return page

    pages = HistoryReader(fetch, fetch, lambda **_: None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no page"):
        await anext(pages.after(channel, 0))


async def test_a_page_of_history_that_does_not_come_is_given_up() -> None:
    channel: Any = SimpleNamespace(id=7)

    async def never(*_: object, **__: object) -> list[Any]:
        await asyncio.Event().wait()
        return []

    def parse(**_: object) -> discord.Message:
        raise AssertionError

    pages = HistoryReader(never, never, parse, seconds=0.01)
    with pytest.raises(UNREACHABLE):
        await pages.before(channel, 100)
    with pytest.raises(UNREACHABLE):
        await anext(pages.after(channel, 100))
    with pytest.raises(UNREACHABLE):
        await pages.single(channel, 100)
