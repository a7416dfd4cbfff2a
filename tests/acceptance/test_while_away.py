"""What happened to messages while the bot was away: edits and deletions that no event ever told of."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.acceptance.community import decisions_as_memories, plain
from tests.acceptance.stores import canary, logged, rows, said_by_people
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Member, Message

HISTORY = "GET /channels/{0}/messages"


@dataclass
class Workshop:
    """A server with two observed channels and what was said there."""

    stage: Stage
    general: Channel
    help: Channel
    ada: Member
    ben: Member

    async def recall(self, query: str) -> Message:
        return await self.stage.discord.command(self.ben, self.help, "recall", query=query).answer(within=20)

    async def kept(self, *channels: Channel) -> None:
        """Wait until the log holds what people said there, each message once."""
        database = self.stage.bot.database
        await eventually(
            lambda: logged(database, *channels) == said_by_people(*channels), within=30, what="the log to agree"
        )

    def contents(self) -> dict[int, str]:
        return dict(rows(self.stage.bot.database, "SELECT id, content FROM messages"))


def shown_below(answer: Message) -> str:
    """What an answer shows below its title, which repeats the question."""
    return plain(answer).split("\n", 1)[1]


async def settle(stage: Stage, **environment: str) -> Workshop:
    guild = stage.discord.world.guild("Workshop")
    ada, ben = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.member("Ben")
    general, help_ = guild.text("general"), guild.text("help")
    stage.observe(general, help_)
    stage.ollama.answer = decisions_as_memories
    stage.bot.environment |= environment
    await stage.bot.start()
    await stage.bot.noticed(general, help_)
    return Workshop(stage, general, help_, ada, ben)


@pytest.mark.slow
async def test_what_is_about_to_be_shown_is_compared_first(stage: Stage) -> None:
    at = await settle(stage, SWEEP_REQUESTS_PER_MINUTE="0")
    gone, changed, replaced = canary(), canary(), canary()
    deleted = at.general.say(at.ada, f"We decided that the {gone} ferry will stop at the old mill.")
    edited = at.general.say(at.ada, f"We decided that the {changed} bridge will be painted green.")
    remembered = at.general.say(at.ben, f"Nobody decides about the weather of {canary()}.")
    await at.kept(at.general)
    await stage.discord.command(at.ada, at.general, "memory flush").answer(within=30)
    assert rows(stage.bot.database, "SELECT count(*) FROM memories") == [(2,)]
    assert gone in plain(await at.recall(gone))
    await stage.bot.kill()

    deleted.delete()
    edited.edit(f"We decided that the {replaced} bridge will be painted green.")
    await stage.bot.start()
    assert gone not in shown_below(await at.recall(gone))
    assert deleted.id not in logged(stage.bot.database, at.general)
    assert changed not in shown_below(await at.recall(changed))
    assert at.contents()[edited.id] == f"We decided that the {replaced} bridge will be painted green."
    assert remembered.id in at.contents()
    texts = [text for (text,) in rows(stage.bot.database, "SELECT text FROM memories")]
    assert not [text for text in texts if gone in text or changed in text]
    await stage.discord.command(at.ada, at.general, "memory flush").answer(within=30)
    assert replaced in rows(stage.bot.database, "SELECT text FROM memories")[0][0]
    assert replaced in plain(await at.recall(replaced))


@pytest.mark.slow
async def test_the_rest_is_swept_a_hundred_messages_a_request(stage: Stage) -> None:
    at = await settle(stage, SWEEP_REQUESTS_PER_MINUTE="600", MEM0_ENABLED="false")
    said = [at.general.say(at.ada, f"Number {number} of many.") for number in range(350)]
    thread = at.general.thread("plans", at.ada)
    inside = [thread.say(at.ben, f"Number {number} inside.") for number in range(5)]
    await at.kept(at.general, thread)
    await stage.bot.kill()

    said[3].delete()
    at.general.delete_messages(said[100:250])
    said[300].edit("Said otherwise.")
    inside[2].delete()
    before = len(stage.discord.requests_to(HISTORY.format(at.general.id)))
    await stage.bot.start()
    await at.kept(at.general, thread)
    await eventually(lambda: at.contents()[said[300].id] == "Said otherwise.", within=20)
    asked = len(stage.discord.requests_to(HISTORY.format(at.general.id))) - before
    assert asked <= 6, "three pages, a page that is not full, and reading back"
    assert len(stage.discord.requests_to(f"GET /channels/{at.general.id}/messages/*")) <= 3


@pytest.mark.slow
async def test_a_history_that_may_not_be_read_proves_nothing(stage: Stage) -> None:
    at = await settle(stage, SWEEP_REQUESTS_PER_MINUTE="600", MEM0_ENABLED="false")
    word = canary()
    at.general.say(at.ada, f"The {word} is behind the door.")
    await at.kept(at.general)
    await stage.bot.kill()
    guild = at.general.guild
    at.general.overwrite(guild.me, deny=["read_message_history"])
    await stage.bot.start()
    assert word not in shown_below(await at.recall(f"{word} door"))
    assert logged(stage.bot.database, at.general) == said_by_people(at.general)
    at.general.overwrite(guild.me, allow=["read_message_history"])
    await eventually(lambda: stage.discord.gateway.idle)
    assert word in shown_below(await at.recall(f"{word} door"))


@pytest.mark.slow
async def test_what_can_not_be_compared_now_is_left_out_and_says_so(stage: Stage) -> None:
    at = await settle(stage, SWEEP_REQUESTS_PER_MINUTE="0", MEM0_ENABLED="false")
    word = canary()
    at.general.say(at.ada, f"The {word} is behind the door.")
    await at.kept(at.general)
    await stage.bot.kill()
    await stage.bot.start()
    await eventually(lambda: stage.discord.gateway.idle)
    stage.discord.faults.hang(HISTORY.format(at.general.id), times=None)
    answer = await at.recall(word)
    assert word not in shown_below(answer)
    assert "left out; ask again" in plain(answer)
    stage.discord.faults.clear()
    assert word in shown_below(await at.recall(word))


@pytest.mark.slow
async def test_what_is_kept_of_a_deleted_account_goes(stage: Stage) -> None:
    at = await settle(stage, SWEEP_REQUESTS_PER_MINUTE="600", MEM0_ENABLED="false")
    word, other = canary(), canary()
    at.general.say(at.ben, f"The {word} is behind the door.")
    at.general.say(at.ada, f"Thank you, {at.ben.mention}, the {other} is in front of it.")
    await at.kept(at.general)
    await stage.bot.kill()
    stage.discord.faults.status("GET /users/*", 404, times=2)  # of a proxy: it proves nothing
    at.ada.user.name = "deleted_user_ada1"  # lives on under an odd name
    at.ben.user.deleted = True
    del at.general.guild.members[at.ben.id]
    await stage.bot.start()

    def contents() -> list[str]:
        return sorted(at.contents().values())

    await eventually(
        lambda: contents() == [f"Thank you, @deleted, the {other} is in front of it."], within=20, what="no trace"
    )
    assert str(at.ben.id) not in str(rows(stage.bot.database, "SELECT * FROM members"))
    assert len(stage.discord.requests_to("GET /users/*")) >= 3
