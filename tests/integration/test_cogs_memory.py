"""/remember, its message menu, /memories, /forget, /memory."""

from __future__ import annotations

import discord
import pytest

from bot.domain.model import Citation, MemoryKind, MemoryOrigin
from bot.memories import MAX_TEXT, Asker, ForgetOutcome
from bot.remember.refusals import Refusals
from cogs.forget import OUTCOMES
from tests.fixtures.discord import World, answer_of, open_world, shown
from tests.fixtures.memory import Pipeline

MENU = "Remember this message"


async def test_remember_cites_the_interaction_its_author_and_channel(world: World) -> None:
    await world.observe()
    result = await world.ann.slash(world.general, "remember", text="The door code is 1234")
    assert result.ephemeral
    assert "The door code is 1234" in shown(result)
    (memory,) = await world.pipeline.memories()
    assert memory.text == "The door code is 1234"
    assert memory.origin is MemoryOrigin.REMEMBERED
    assert memory.citations == (Citation(result._interaction.id, world.general.id, world.ann.id),)


async def test_remember_without_text_opens_a_modal(world: World) -> None:
    await world.observe()
    result = await world.ann.slash(world.general, "remember")
    assert result.modal is not None
    field = result.modal["components"][0]["component"]["custom_id"]
    done = await world.ann.submit_modal(result, {field: "Written at leisure"})
    assert "Written at leisure" in shown(done)
    (memory,) = await world.pipeline.memories()
    assert memory.author_ids == (world.ann.id,)


async def test_remember_is_refused_in_unobserved_channels_and_for_those_who_opted_out(world: World) -> None:
    assert "not observed" in shown(await world.ann.slash(world.general, "remember", text="x"))
    await world.observe()
    await world.services.guilds.consents.opt_out(world.ann.id, None)
    assert "You opted out" in shown(await world.ann.slash(world.general, "remember", text="x"))
    assert await world.pipeline.memories() == []


async def test_observation_may_end_while_the_modal_is_open(world: World) -> None:
    await world.observe()
    result = await world.ann.slash(world.general, "remember")
    assert result.modal is not None
    await world.boss.slash(world.general, "observe off")
    field = result.modal["components"][0]["component"]["custom_id"]
    assert "not observed" in shown(await world.ann.submit_modal(result, {field: "too late"}))
    assert await world.pipeline.memories() == []


async def test_the_menu_remembers_a_message_for_its_author(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "The door code is 1234")
    result = await world.bob.context_menu(world.general, MENU, message)
    assert "The door code is 1234" in shown(result)
    (memory,) = await world.pipeline.memories()
    assert memory.citations == (Citation(message.id, world.general.id, world.ann.id),)
    await world.ann.delete(message)
    await world.durable()
    assert await world.pipeline.memories() == []


async def test_a_long_message_is_remembered_cut_at_a_word(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, ("pancake " * 240).strip())
    await world.bob.context_menu(world.general, MENU, message)
    (memory,) = await world.pipeline.memories()
    assert len(memory.text) <= MAX_TEXT
    assert memory.text.endswith("pancake…")


async def test_the_menu_is_refused_for_bots_opted_out_authors_and_unobserved_channels(world: World) -> None:
    other = world.guild.create_text_channel("other")
    elsewhere = await world.ann.send(other, "unobserved")
    await world.observe()
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    beep = await robot.send(world.general, "beep")
    private = await world.ann.send(world.general, "leave me alone")
    await world.services.guilds.consents.opt_out(world.ann.id, None)
    assert "Only what people say" in shown(await world.bob.context_menu(world.general, MENU, beep))
    assert "does not want to be remembered" in shown(await world.bob.context_menu(world.general, MENU, private))
    await world.services.guilds.consents.opt_in(world.ann.id, None)
    assert "not observed" in shown(await world.bob.context_menu(other, MENU, elsewhere))
    assert await world.pipeline.memories() == []


async def test_what_shows_nothing_is_not_remembered(world: World) -> None:
    await world.observe()
    for nothing in ("\u3164", "\u00ad \u200b", "\U000e0041"):
        assert shown(await world.ann.slash(world.general, "remember", text=nothing)).startswith(
            "There is no visible text"
        )
        await world.env.advance_time(11)
        message = await world.say(world.ann, nothing)
        assert "nothing in this message" in shown(await world.bob.context_menu(world.general, MENU, message))
    assert await world.pipeline.memories() == []


async def test_the_menu_does_not_bring_back_what_an_erasure_took(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "my old address")
    await world.services.erasure.erase_member(world.ann.id, world.guild.id, up_to=message.id + 1)
    result = await world.bob.context_menu(world.general, MENU, message)
    assert await world.pipeline.memories() == []
    assert shown(result)


async def test_memories_shows_ones_own_and_forgets_them(world: World) -> None:
    await world.observe()
    empty = await world.ann.slash(world.general, "memories")
    assert "/remember" in shown(empty)
    for number in range(7):
        await world.remembered(world.ann, f"fact number {number}")
        await world.env.advance_time(11)
    await world.remembered(world.bob, "not ann's")
    result = await world.ann.slash(world.general, "memories")
    assert "7 memories" in shown(result)
    assert "fact number 6" in shown(result)
    assert "not ann's" not in shown(result)
    await world.ann.click(answer_of(result), label="Next")
    assert "fact number 0" in shown(result)
    for _ in range(2):
        page = answer_of(result)
        await world.ann.click(page, custom_id=forget_buttons(page.components)[0])
        await world.ann.click(page, label="Forget it")
    assert "5 memories" in shown(result)
    assert "1 of" not in str(answer_of(result).components)


async def test_memories_are_narrowed_and_an_empty_page_says_how_to_see_all(world: World) -> None:
    help_ = world.guild.create_text_channel("help")
    await world.observe(world.general, help_)
    await world.remembered(world.ann, "the Übung is on Monday")
    await world.remembered(world.ann, "the printer jams", help_)
    by_words = shown(await world.ann.slash(world.general, "memories", words="ubung"))
    assert "the **Übung** is on Monday" in by_words
    assert "printer" not in by_words
    by_channel = shown(await world.ann.slash(world.general, "memories", channel=help_))
    assert "the printer jams" in by_channel
    assert "Monday" not in by_channel
    await world.env.advance_time(31)
    nothing = shown(await world.ann.slash(world.general, "memories", kind="link"))
    assert "without options shows all" in nothing


def forget_buttons(components: list[dict[str, object]]) -> list[str]:
    found = []
    for component in components:
        if component.get("label") == "Forget":
            found.append(str(component["custom_id"]))
        found += forget_buttons(component.get("components", []))  # type: ignore[arg-type]
    return found


async def test_topics_and_open_questions_are_listed_by_their_kinds(world: World) -> None:
    await world.observe()
    for kind, text in [(MemoryKind.TOPIC, "Who repairs the boat"), (MemoryKind.QUESTION, "When is the boat dry?")]:
        said = await world.say(world.ann, text)
        await world.pipeline.keep(text, said.id, kind=kind, channel=world.general.id)
    topics = shown(await world.ann.slash(world.general, "memories", kind="topic"))
    questions = shown(await world.ann.slash(world.general, "memories", kind="question"))
    assert "repairs" in topics
    assert "dry" not in topics
    assert "dry" in questions
    assert "repairs" not in questions


async def test_below_what_paraphrases_a_member_stands_what_they_said_while_it_is_kept(world: World) -> None:
    await world.observe()
    await world.services.guilds.consents.set_facts(world.ann.id, world.guild.id, True)
    said = await world.say(world.ann, "me? *born* and bred in Kiel @everyone")
    fact = await world.pipeline.keep(
        f"<@{world.ann.id}> comes from Kiel.", said.id, kind=MemoryKind.FACT, channel=world.general.id
    )
    text = shown(await world.ann.slash(world.general, "memories"))
    assert "ann comes from Kiel." in text
    assert r"you said: me? \*born\* and bred in Kiel" in text
    assert "@everyone" not in text
    asker = Asker(world.ann.id, world.guild.id, frozenset({world.general.id}))
    await world.services.own.correct(fact.id, asker, "I come from Kiel")
    assert "you said" not in shown(await world.ann.slash(world.general, "memories"))


async def test_memories_of_a_channel_that_one_lost_are_not_shown(world: World) -> None:
    secret = world.secret_channel("secret", world.ann)
    await world.observe(secret)
    await world.remembered(world.ann, "secret words", secret)
    assert "secret words" in shown(await world.ann.slash(secret, "memories"))
    real = world.guild_now.get_channel(secret.id)
    assert isinstance(real, discord.TextChannel)
    await real.set_permissions(await world.guild_now.fetch_member(world.ann.id), overwrite=None)
    await world.env.settle()
    assert "secret words" not in shown(await world.ann.slash(world.general, "memories"))


async def test_pages_end_cleanly(world: World) -> None:
    await world.observe()
    await world.remembered(world.ann, "something")
    result = await world.ann.slash(world.general, "memories")
    await world.env.advance_time(850)
    assert "something" in shown(result)
    with pytest.raises(Exception, match="disabled"):
        await world.ann.click(answer_of(result), label="Forget")


async def test_forget_takes_a_memory_from_autocomplete(world: World) -> None:
    await world.observe()
    memory = await world.remembered(world.ann, f"Ask <@{world.bob.id}> about *pancakes* " + "and more " * 30)
    await world.remembered(world.ann, "waffles")
    await world.say(world.bob, "hi")
    (choice,) = await world.ann.autocomplete(world.general, "forget memory", "memory", "pancake")
    assert choice["value"] == memory.id
    assert choice["name"].startswith("Ask bob about *pancakes* and more")
    assert len(choice["name"]) <= 100
    result = await world.ann.slash(world.general, "forget memory", memory=memory.id)
    assert r"about \*pancakes\*" in shown(result)
    await world.ann.click(answer_of(result), label="Keep it")
    assert len(await world.pipeline.memories()) == 2
    result = await world.ann.slash(world.general, "forget memory", memory=memory.id)
    pressed = await world.ann.click(answer_of(result), label="Forget it")
    assert shown(result) + shown(pressed) == OUTCOMES[ForgetOutcome.REMOVED], "asked once, it is done"
    assert [left.text for left in await world.pipeline.memories()] == ["waffles"]


async def test_forget_neither_offers_nor_touches_what_belongs_to_others(world: World) -> None:
    await world.observe()
    memory = await world.remembered(world.ann, "ann's own")
    assert await world.bob.autocomplete(world.general, "forget memory", "memory", "ann") == []
    guessed = await world.bob.slash(world.general, "forget memory", memory=memory.id)
    unknown = await world.bob.slash(world.general, "forget memory", memory="00000000-0000-0000-0000-000000000000")
    no_choice = await world.bob.slash(world.general, "forget memory", memory="what ann said\0")
    assert shown(guessed) == shown(unknown) == shown(no_choice)
    assert "choose it from the list" in shown(guessed)
    assert len(await world.pipeline.memories()) == 1


async def test_what_one_may_not_forget_any_more_when_it_is_confirmed_stays(world: World) -> None:
    await world.observe()
    memory = await world.remembered(world.ann, "ann's own")
    mod = world.guild.add_member(world.env.create_user("mod"), roles=[world.moderators])
    result = await mod.slash(world.general, "forget memory", memory=memory.id)
    await (await world.guild_now.fetch_member(mod.id)).remove_roles(discord.Object(world.moderators.id))
    await world.env.settle()
    pressed = await mod.click(answer_of(result), label="Forget it")
    assert "no such memory" in shown(result) + shown(pressed)
    assert len(await world.pipeline.memories()) == 1


async def test_forget_everything_asks_first_and_gives_a_receipt(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "one")
    await world.say(world.bob, "bob stays")
    await world.remembered(world.ann, "two")
    kept = await world.ann.slash(world.general, "forget everything")
    await world.ann.click(answer_of(kept), label="Keep it")
    assert len(await world.contents()) == 2
    result = await world.ann.slash(world.general, "forget everything")
    await world.ann.click(answer_of(result), label="Delete everything")
    await world.durable()
    assert "Checked: nothing of yours is left here." in shown(result)
    assert "messages: 1" in shown(result)
    assert await world.contents() == ["bob stays"]
    assert await world.pipeline.memories() == []
    await world.say(world.ann, "later")
    assert await world.contents() == ["bob stays", "later"]


async def test_an_unanswered_question_deletes_nothing(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "one")
    await world.ann.slash(world.general, "forget everything")
    await world.env.advance_time(70)
    assert await world.contents() == ["one"]


async def test_commands_have_cooldowns(world: World) -> None:
    await world.observe()
    for _ in range(5):
        await world.ann.slash(world.general, "memories")
    assert "try again in" in shown(await world.ann.slash(world.general, "memories"))
    await world.env.advance_time(31)
    assert "try again in" not in shown(await world.ann.slash(world.general, "memories"))


async def test_flush_makes_memories_and_reports(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "note: we go on Thursday")
    result = await world.boss.slash(world.general, "memory flush")
    assert "1 message became 1 memory" in shown(result)
    assert [memory.text for memory in await world.pipeline.memories()] == ["we go on Thursday"]
    assert "Nothing was waiting" in shown(await world.boss.slash(world.general, "memory flush"))
    assert world.pipeline.flusher.bot_id == world.bot.user.id  # type: ignore[union-attr]


async def test_due_channels_are_flushed_by_themselves(pipeline: Pipeline) -> None:
    async with open_world(pipeline, flush_check_seconds=15.0) as world:
        await world.observe()
        await world.say(world.ann, "note: we go on Thursday")
        assert await pipeline.memories() == []
        pipeline.clock.advance(3601)
        await world.env.advance_time(16)
        assert [memory.text for memory in await pipeline.memories()] == ["we go on Thursday"]


@pytest.mark.slow
async def test_status_shows_what_waits(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "hello")
    result = await world.boss.slash(world.general, "memory status")
    assert "1 message in the log" in shown(result)
    assert "1 message waiting in 1 channel" in shown(result)


async def test_status_tells_how_much_was_not_kept_and_why(world: World, pipeline: Pipeline) -> None:
    reasons = {
        "repeated": 1_200,
        "private": 3,
        "length": 2,
        "not said": 40,
        "secret": 5,
        "time not said": 1,
        "unreadable": 1,
    }
    async with pipeline.db.write() as connection:
        await Refusals(pipeline.db, pipeline.clock).add(connection, world.guild.id, reasons)
    text = shown(await world.boss.slash(world.general, "memory status"))
    assert (
        "Not kept of what the model proposed in 30 days: 1,200 repeated, 40 not said, 5 secret, 3 private, 2 length, "
        "2 for other reasons"
    ) in text


async def test_without_a_model_it_says_so(pipeline: Pipeline) -> None:
    async with open_world(pipeline, flusher=None) as world:
        assert "MEM0_ENABLED" in shown(await world.boss.slash(world.general, "memory flush"))
        assert "No language model" in shown(await world.boss.slash(world.general, "memory status"))


@pytest.mark.parametrize("command", ["memory status", "memory flush"])
async def test_members_without_manage_server_are_refused_even_where_admins_opened_the_command(
    world: World, command: str
) -> None:
    await world.observe()
    await world.open_to_everybody(command)
    assert "Manage Server" in shown(await world.ann.slash(world.general, command))
