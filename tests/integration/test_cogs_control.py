"""/memory settings, audit, forget-channel and forget-server: an admin's control over the memory of a server."""

from __future__ import annotations

import json

import pytest
import simcord

from bot.domain.model import MemoryKind
from bot.guilds.rules import ConsentRule, FactsRule
from bot.remember.rereading import Rereader
from tests.fixtures.discord import SETTLE_SECONDS, World, answer_of, shown


def menu(result: simcord.InteractionResult, number: int) -> str:
    """The custom id of a menu of the panel, counted from its top."""

    def walk(components: list[dict[str, object]]) -> list[str]:
        found = []
        for component in components:
            if component.get("type") == 3:  # a menu of texts
                found.append(str(component["custom_id"]))
            found += walk(component.get("components", []))  # type: ignore[arg-type]
        return found

    return walk(answer_of(result).components)[number]


async def choose(world: World, result: simcord.InteractionResult, number: int, value: str) -> simcord.InteractionResult:
    return await world.boss.select(answer_of(result), [value], custom_id=menu(result, number))


async def test_the_panel_changes_whose_messages_are_kept_and_the_notice_says_so(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "under the first rule")
    panel = await world.boss.slash(world.general, "memory settings")
    assert answer_of(panel).ephemeral
    await choose(world, panel, 0, "opted_in")
    assert world.services.guilds.consents.rules.of(world.guild.id).consent is ConsentRule.OPTED_IN
    (notice,) = [message for message in world.general.history() if "is observed" in message.content]
    assert "opted in" in notice.content
    await world.say(world.ann, "nobody asked me")
    await world.ann.slash(world.general, "privacy opt-in")
    await world.say(world.ann, "yes, keep this")
    assert await world.contents() == ["under the first rule", "yes, keep this"]
    assert "opted in" in shown(await world.ann.slash(world.general, "privacy status"))
    assert "did not opt in" in shown(await world.bob.slash(world.general, "privacy status"))
    assert "opted in" in shown(await world.bob.slash(world.general, "privacy policy"))
    assert "only what members who opted in" in shown(await world.bob.slash(world.general, "remember", text="mine"))


async def test_facts_and_lifetimes_are_chosen_in_the_panel(world: World) -> None:
    panel = await world.boss.slash(world.general, "memory settings")
    await choose(world, panel, 1, "nobody")
    await choose(world, panel, 2, "decision")
    await choose(world, panel, 3, "90")
    rules = world.services.guilds.consents.rules.of(world.guild.id)
    assert rules.facts is FactsRule.NOBODY
    assert rules.lifetimes[MemoryKind.DECISION] == 90
    assert rules.lifetimes[MemoryKind.FACT] == 365
    await choose(world, panel, 3, "0")
    assert world.services.guilds.consents.rules.of(world.guild.id).lifetimes[MemoryKind.DECISION] is None
    assert "keeps no facts" in shown(await world.ann.slash(world.general, "privacy facts", keep="on"))


async def write_zone(world: World, panel: simcord.InteractionResult, zone: str) -> simcord.InteractionResult:
    form = await world.boss.click(answer_of(panel), label="Change")
    assert form.modal is not None
    field = form.modal["components"][0]["component"]["custom_id"]
    return await world.boss.submit_modal(form, {field: zone})


async def test_the_time_zone_of_the_server_is_chosen_in_the_panel(world: World) -> None:
    zones = world.services.guilds.zones
    panel = await world.boss.slash(world.general, "memory settings")
    assert "UTC, the bot's own" in shown(panel)
    await write_zone(world, panel, "auckland")
    assert str(zones.of(world.guild.id)) == "Pacific/Auckland"
    assert "**Time zone**: Pacific/Auckland" in shown(panel)
    wrong = await write_zone(world, panel, "Pacific/Oakland")
    assert "I don't know the time zone “Pacific/Oakland”; did you mean Pacific/Auckland?" in shown(wrong)
    assert str(zones.of(world.guild.id)) == "Pacific/Auckland"
    await write_zone(world, panel, " ")
    assert str(zones.of(world.guild.id)) == "UTC"
    trail = shown(await world.boss.slash(world.general, "memory audit"))
    assert "changed a rule – time zone: Pacific/Auckland" in trail
    assert "changed a rule – time zone: the bot's own" in trail
    assert "Oakland" not in trail


async def test_the_panel_checks_the_right_again(world: World) -> None:
    panel = await world.boss.slash(world.general, "memory settings")
    role = world.guild_now.get_role(world.managers.id)
    assert role is not None
    await role.delete()
    await world.env.settle()
    assert "Manage Server" in shown(await choose(world, panel, 0, "opted_in"))
    assert world.services.guilds.consents.rules.of(world.guild.id).consent is ConsentRule.EVERYBODY


async def test_forgetting_a_channel_leaves_the_others(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await world.say(world.ann, "in general")
    await world.say(world.bob, "in other", other)
    result = await world.boss.slash(world.general, "memory forget-channel", channel=other)
    await world.boss.click(answer_of(result), label="Keep it")
    assert await world.contents() == ["in general", "in other"]
    result = await world.boss.slash(world.general, "memory forget-channel", channel=other)
    await world.boss.click(answer_of(result), label="Delete it")
    await world.durable()
    assert "nothing of that channel is left" in shown(result)
    assert await world.contents() == ["in general"]
    await world.say(world.bob, "in other again", other)
    assert await world.contents() == ["in general", "in other again"]


async def test_an_admin_who_lost_the_right_before_confirming_deletes_nothing(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "in general")
    result = await world.boss.slash(world.general, "memory forget-server")
    await world.guild_now.get_role(world.managers.id).delete()  # type: ignore[union-attr]
    await world.env.settle()
    pressed = await world.boss.click(answer_of(result), label="Delete it")
    assert "Manage Server" in shown(result) + shown(pressed)
    assert await world.contents() == ["in general"]


async def test_forgetting_the_server_leaves_its_rules_and_its_trail(world: World) -> None:
    await world.observe()
    await world.boss.slash(world.general, "observe off")
    await world.boss.slash(world.general, "observe on")
    await world.say(world.ann, "something")
    await world.remembered(world.bob, "bob's secret words")
    panel = await world.boss.slash(world.general, "memory settings")
    await choose(world, panel, 1, "nobody")
    result = await world.boss.slash(world.general, "memory forget-server")
    await world.boss.click(answer_of(result), label="Delete it")
    await world.durable()
    assert "nothing of this server is left" in shown(result)
    assert await world.contents() == []
    assert await world.pipeline.memories() == []
    assert world.services.guilds.observations.observed(world.general.id)
    trail = shown(await world.boss.slash(world.general, "memory audit"))
    for told in (
        world.boss.mention,
        "observation on",
        "observation off",
        "changed a rule",
        "of the server",
        "memories: 1",
    ):
        assert told in trail
    assert "secret" not in trail


async def test_the_trail_does_not_name_members_who_had_themselves_erased(world: World) -> None:
    assert "Nothing was decided" in shown(await world.boss.slash(world.general, "memory audit"))
    await world.observe()
    await world.say(world.ann, "something")
    result = await world.ann.slash(world.general, "forget everything")
    await world.ann.click(answer_of(result), label="Delete everything")
    await world.durable()
    trail = shown(await world.boss.slash(world.general, "memory audit"))
    assert "A member's data was deleted – messages: 1" in trail
    assert str(world.ann.id) not in trail


async def test_the_trail_of_one_server_tells_nothing_of_another(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "something")
    asked = await world.ann.slash(world.general, "privacy opt-out", where="every server")
    await world.ann.click(answer_of(asked), label="Opt out and delete")
    await world.durable()
    trail = shown(await world.boss.slash(world.general, "memory audit"))
    assert "A member's data was deleted" in trail
    assert "messages:" not in trail


@pytest.mark.parametrize("command", ["settings", "audit", "forget-channel", "forget-server"])
async def test_members_can_do_nothing_of_it(world: World, command: str) -> None:
    await world.open_to_everybody("memory")
    assert "Manage Server" in shown(await world.ann.slash(world.general, f"memory {command}"))


# --- for members -----------------------------------------------------------------------------------------------------


async def test_an_export_is_for_the_member_alone_and_holds_nothing_of_others(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "ann's own words")
    await world.say(world.bob, "bob's secret words")
    await world.remembered(world.ann, "the key is under the mat")
    result = await world.ann.slash(world.general, "privacy export")
    answer = answer_of(result)
    files = {file.filename: (await file.read()).decode() for file in answer.attachments}
    assert set(files) == {"kept.json", "kept.html"}
    kept = json.loads(files["kept.json"])
    assert kept["user_id"] == str(world.ann.id)
    assert [record["text"] for record in kept["kept"]["messages"]] == ["ann's own words"]
    assert [record["text"] for record in kept["kept"]["memories"]] == ["the key is under the mat"]
    assert "secret" not in str(files)
    assert "under the mat" in files["kept.html"]


async def test_a_member_corrects_a_memory_of_theirs(world: World) -> None:
    await world.observe()
    await world.remembered(world.ann, "we meet at five")
    pages = await world.ann.slash(world.general, "memories")
    opened = await world.ann.click(answer_of(pages), label="Correct")
    assert opened.modal is not None
    field = opened.modal["components"][0]["component"]
    assert field["value"] == "we meet at five"
    await world.ann.submit_modal(opened, {field["custom_id"]: "we meet at six"})
    assert await world.pipeline.texts() == ["we meet at six"]
    assert "we meet at six" in shown(await world.ann.slash(world.general, "memories"))


async def test_the_panel_has_what_is_kept_read_again_and_shows_how_far_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.rereading.PROGRESS_PAUSE", 2 * SETTLE_SECONDS)  # shorter pauses would be waited for
    await world.observe()
    for text in ("note: the door is red", "note: the roof is blue"):
        await world.say(world.ann, text)
    await world.pipeline.flush(world.general.id)
    before = await world.pipeline.memories()
    panel = await world.boss.slash(world.general, "memory settings")
    assert "**Read again**" in shown(panel)
    await world.boss.click(answer_of(panel), label="Read again")
    assert "▱▱▱▱▱▱▱▱▱▱ 0 of 2 messages read again" in shown(panel)
    again = await world.boss.slash(world.general, "memory settings")
    assert "0 of 2 messages read again" in shown(again)
    with world.env._bot_scope():
        await Rereader(world.services.rereadings, world.pipeline.flusher).finish(lambda _: None)
    await world.env.advance_time(2 * SETTLE_SECONDS)
    assert "▰▰▰▰▰▰▰▰▰▰ 2 of 2 messages read again." in shown(panel)
    assert await world.pipeline.memories() == before
    assert "had kept messages read again – messages: 2" in shown(await world.boss.slash(world.general, "memory audit"))


async def test_where_nothing_was_read_the_panel_says_so(world: World) -> None:
    panel = await world.boss.slash(world.general, "memory settings")
    assert "nothing to read again" in shown(await world.boss.click(answer_of(panel), label="Read again"))
