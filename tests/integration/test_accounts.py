"""The search for accounts that are deleted at Discord."""

from __future__ import annotations

from collections.abc import Collection

import discord as discord_library
import pytest

from bot.domain.errors import ServiceUnavailable
from bot.forget.accounts import ROUND_MS, Accounts, DeletedAccounts
from bot.forget.proof import Receipt
from bot.storage.installation import Installation
from cogs.accounts import DiscordAccounts
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import GUILD
from tests.integration.test_erasure import ALICE, BOB

pytestmark = pytest.mark.both_databases

OTHER_GUILD = 1_002


class Discord:
    """Knows who is gone, and remembers who was asked about."""

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.asked: list[tuple[int, frozenset[int]]] = []
        self.down = False

    async def is_deleted(self, user_id: int, guild_ids: Collection[int]) -> bool:
        self.asked.append((user_id, frozenset(guild_ids)))
        if self.down:
            raise ServiceUnavailable("discord", "HTTP 500")
        return user_id in self.gone


@pytest.fixture
def discord() -> Discord:
    return Discord()


def search(pipeline: Pipeline, discord: Accounts) -> DeletedAccounts:
    """As after a start of the program."""
    installation = Installation(pipeline.db)
    return DeletedAccounts(discord, pipeline.directory, pipeline.personal, installation, pipeline.clock)


async def round_(accounts: DeletedAccounts) -> None:
    while await accounts.sweep():
        pass


async def test_a_deleted_account_is_erased_everywhere_and_nobody_else(pipeline: Pipeline, discord: Discord) -> None:
    await pipeline.say("note: alice was here", author=ALICE)
    await pipeline.say("note: alice was there", author=ALICE, guild=OTHER_GUILD, channel=2_002)
    kept = await pipeline.say("note: bob was here", author=BOB)
    discord.gone.add(ALICE)
    await round_(search(pipeline, discord))
    assert discord.asked == [(ALICE, frozenset({GUILD, OTHER_GUILD})), (BOB, frozenset({GUILD}))]
    assert set(await pipeline.states()) == {kept.id}


async def test_a_round_goes_on_after_a_restart_and_rests_at_its_end(pipeline: Pipeline, discord: Discord) -> None:
    for author in (ALICE, BOB):
        await pipeline.say("note: somebody was here", author=author)
    assert await search(pipeline, discord).sweep()
    accounts = search(pipeline, discord)
    await round_(accounts)
    assert [user_id for user_id, _ in discord.asked] == [ALICE, BOB]
    await round_(accounts)
    assert len(discord.asked) == 2
    pipeline.clock.advance(ROUND_MS // 1000 + 1)
    await round_(accounts)
    assert [user_id for user_id, _ in discord.asked] == [ALICE, BOB, ALICE, BOB]


async def test_nothing_is_concluded_while_discord_does_not_say(pipeline: Pipeline, discord: Discord) -> None:
    await pipeline.say("note: alice was here", author=ALICE)
    discord.gone.add(ALICE)
    discord.down = True
    accounts = search(pipeline, discord)
    assert not await accounts.sweep()
    assert len(await pipeline.states()) == 1
    asked = len(discord.asked)
    assert not await accounts.sweep()
    assert len(discord.asked) == asked  # not again at once
    discord.down = False
    pipeline.clock.advance(2)
    assert await accounts.sweep()
    assert await pipeline.states() == {}


async def test_an_account_that_can_not_be_erased_holds_up_no_other_and_is_tried_until_it_is(
    pipeline: Pipeline, discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    for author in (ALICE, BOB):
        await pipeline.say("note: somebody was here", author=author)
    discord.gone = {ALICE, BOB}
    erase = pipeline.personal.delete

    async def breaks(user_id: int, guild_id: int | None = None) -> Receipt:
        if user_id == ALICE:
            raise KeyError("broken")
        return await erase(user_id, guild_id)

    monkeypatch.setattr(pipeline.personal, "delete", breaks)
    accounts = search(pipeline, discord)
    await round_(accounts)
    assert len(await pipeline.states()) == 1
    asked = len(discord.asked)
    for _ in range(3600):
        await accounts.sweep()
        pipeline.clock.advance(1)
    assert 12 <= len(discord.asked) - asked <= 30, "every five minutes in the end"
    monkeypatch.undo()
    pipeline.clock.advance(400)
    await round_(accounts)
    assert await pipeline.states() == {}


class Newer(discord_library.Client):
    """A client whose library can't read what Discord sends of an account."""

    async def fetch_user(self, user_id: int, /) -> discord_library.User:
        raise KeyError("discriminator")


async def test_an_account_that_can_not_be_read_is_there_and_holds_up_no_other(pipeline: Pipeline) -> None:
    for author in (ALICE, BOB):
        await pipeline.say("note: somebody was here", author=author)
    accounts = search(pipeline, DiscordAccounts(Newer(intents=discord_library.Intents.none())))
    assert await accounts.sweep()
    assert await accounts.sweep()
    assert not await accounts.sweep()
    assert len(await pipeline.states()) == 2
