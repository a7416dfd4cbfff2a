"""/recall: what it shows, to whom, and what it never shows."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import discord
import pytest
import simcord

from bench.discord_svg import PHONE, picture
from cogs.views.pages import PER_PAGE
from tests.fixtures.discord import World, answer_of, buttons_of, open_world, shown
from tests.fixtures.memory import NOTE, Pipeline, replaces_the_nearest

NOTHING = "Nothing that you can read matches"


async def recall(
    world: World, asker: simcord.MemberActor, query: str, *, at: simcord.ChannelHandle | None = None, **options: object
) -> simcord.InteractionResult:
    return await asker.slash(at or world.general, "recall", query=query, **options)


async def test_it_finds_what_was_just_said_with_speaker_time_and_link(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "The launch moved to Thursday because of the venue")
    result = await recall(world, world.bob, "when is the launch")
    assert result.ephemeral
    assert "**ann:** The **launch** moved to Thursday" in shown(result)
    assert f"<t:{int(message.created_at.timestamp())}:R>" in shown(result)
    assert f"[jump](https://discord.com/channels/{world.guild.id}/{world.general.id}/{message.id})" in shown(result)


async def test_with_nothing_observed_it_says_how_to_begin(world: World) -> None:
    assert "/setup" in shown(await recall(world, world.bob, "launch"))


async def test_with_nothing_found_it_says_what_to_try(world: World) -> None:
    await world.observe()
    assert "try other words" in shown(await recall(world, world.bob, "launch"))
    assert "try it without member, channel, since or until" in shown(
        await recall(world, world.bob, "launch", since="7d")
    )


async def test_filters_narrow_it(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await world.say(world.ann, "the venue is north")
    await world.say(world.bob, "the venue is south", other)
    by_member = shown(await recall(world, world.bob, "venue", member=world.ann))
    assert "north" in by_member
    assert "south" not in by_member
    by_channel = shown(await recall(world, world.bob, "venue", channel=other))
    assert "south" in by_channel
    assert "north" not in by_channel
    await world.env.advance_time(90)
    assert NOTHING not in shown(await recall(world, world.bob, "venue", since="2m"))
    assert "try it without" in shown(await recall(world, world.bob, "venue", since="1m"))
    assert "I don't know that time" in shown(await recall(world, world.bob, "venue", since="soonish"))
    assert NOTHING not in shown(await recall(world, world.bob, "venue", until="1m"))
    assert "try it without" in shown(await recall(world, world.bob, "venue", until="2m"))
    assert "I don't know that time" in shown(await recall(world, world.bob, "venue", until="soonish"))


async def test_since_and_until_are_read_in_the_members_zone(pipeline: Pipeline) -> None:
    zone = ZoneInfo("Etc/GMT-5")
    async with open_world(pipeline) as world:
        await world.services.guilds.consents.rules.set_zone(world.guild.id, zone.key)
        await world.observe()
        message = await world.say(world.ann, "note: the venue is north")
        await pipeline.flush(world.general.id)
        before, after = (
            f"{(message.created_at + timedelta(minutes=minutes)).astimezone(zone):%Y-%m-%dT%H:%M}"
            for minutes in (-1, 2)
        )
        assert "north" in shown(await recall(world, world.bob, "venue", since=before, until=after))
        assert NOTHING in shown(await recall(world, world.bob, "venue", since=after))
        assert NOTHING in shown(await recall(world, world.bob, "venue", until=before))
        assert "north" in shown(await world.bob.slash(world.general, "catchup", since=before))
        assert "north" not in shown(await world.bob.slash(world.general, "catchup", since=after))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": "monday"}, "since Monday 29 December 2025."),
        ({"since": "Montag"}, "since Monday 29 December 2025."),
        ({"since": "depuis lundi"}, "since Monday 29 December 2025."),
        ({"since": "31.01.2020"}, "since Friday 31 January 2020."),
        ({"since": "31.01.2020", "until": "gestern"}, "since Friday 31 January 2020 until Wednesday 31 December 2025."),
        ({"until": "ayer"}, "until Wednesday 31 December 2025."),
        ({"until": "yesterday 18:00"}, "until Wednesday 31 December 2025 at 18:00."),
    ],
)
@pytest.mark.matrix
async def test_the_reply_says_how_since_and_until_were_understood(
    world: World, options: dict[str, str], words: str
) -> None:
    """The server's clock stands at the beginning of Thursday, 1 January 2026."""
    text = shown(await world.bob.slash(world.general, "recall", query="venue", **options))
    assert f"Searched only what was said {words}" in text


@pytest.mark.parametrize("since", ["soonish", "2014-12-31", "2090-01-01", "9999 years ago", "3 bananas", "-3d"])
@pytest.mark.matrix
async def test_a_time_that_is_none_is_told_in_one_line(world: World, since: str) -> None:
    for command in ("catchup", "recall"):
        options = {"since": since} | ({"query": "venue"} if command == "recall" else {})
        text = shown(await world.bob.slash(world.general, command, **options))
        assert "last week" in text
        assert "\n" not in text.strip()


async def fill(world: World, count: int) -> list[discord.Message]:
    said = []
    for number in range(count):
        channel = world.guild.create_text_channel(f"place-{number}")
        await world.observe(channel)
        said.append(await world.say(world.ann, f"pancake recipe number {number}", channel))
        await world.env.advance_time(7)
    return said


async def test_pages_turn_and_permissions_count_on_every_page(world: World) -> None:
    await fill(world, 7)
    result = await recall(world, world.bob, "pancake recipe")
    first = answer_of(result)
    assert "1 of 2" in str(first.components)
    numbers = {number for number in range(7) if f"number {number}" in shown(result)}
    hidden = next(iter(set(range(7)) - numbers))
    channel = discord.utils.get(world.guild_now.text_channels, name=f"place-{hidden}")
    assert channel is not None
    await channel.set_permissions(world.guild_now.default_role, view_channel=False)
    await world.env.settle()
    await world.bob.click(first, label="Next")
    assert f"number {hidden}" not in shown(result)
    await world.bob.click(answer_of(result), label="Back")
    assert "pancake" in shown(result)


async def test_what_was_deleted_or_edited_meanwhile_is_not_shown_on_the_next_page(world: World) -> None:
    said = await fill(world, 7)
    result = await recall(world, world.bob, "pancake recipe")
    rest = [number for number in range(7) if f"number {number}" not in shown(result)]
    assert len(rest) == 2
    await world.ann.delete(said[rest[0]])
    await world.ann.edit(said[rest[1]], "pancake recipe changed")
    await world.durable()
    await world.bob.click(answer_of(result), label="Next")
    assert f"number {rest[0]}" not in shown(result)
    assert "**pancake** **recipe** changed" in shown(result)


async def test_buttons_of_somebody_elses_answer_do_nothing(world: World) -> None:
    """Ephemeral answers are invisible to others; a forged press must still be refused."""
    await fill(world, 6)
    result = await recall(world, world.bob, "pancake recipe")
    before = shown(result)
    forged = await press_as(world, world.ann, answer_of(result), "Next")
    assert "no such memory or answer" in shown(forged)
    assert shown(result) == before


async def press_as(
    world: World, member: simcord.MemberActor, message: simcord.ResponseMessage, label: str
) -> simcord.InteractionResult:
    """Press a button that the member's client would not even show."""
    stored = world.env.backend.get_message(message.channel_id, message.id)
    flags, stored.flags = stored.flags, 0
    try:
        return await member.click(message, label=label)
    finally:
        stored.flags = flags


async def test_a_memory_can_be_forgotten_from_the_answer(world: World) -> None:
    await world.observe()
    await world.remembered(world.ann, "Printer PIN is marzipan")
    result = await recall(world, world.ann, "printer pin")
    assert "marzipan" in shown(result)
    await world.ann.click(answer_of(result), label="Forget 1")
    assert "Forget this?" in shown(result)
    await world.ann.click(answer_of(result), label="Keep it")
    assert "Forget this?" not in shown(result)
    assert len(await world.pipeline.memories()) == 1
    await world.ann.click(answer_of(result), label="Forget 1")
    await world.ann.click(answer_of(result), label="Forget it")
    assert "Forgotten" in shown(result)
    assert "marzipan" not in shown(result)
    assert await world.pipeline.memories() == []


async def test_others_get_no_forget_button(world: World) -> None:
    await world.observe()
    await world.remembered(world.ann, "Printer PIN is marzipan")
    result = await recall(world, world.bob, "printer pin")
    assert "marzipan" in shown(result)
    assert [button.get("label") for button in buttons_of(answer_of(result))] == ["Share here"]


async def test_the_forget_button_fails_once_the_right_is_gone(world: World) -> None:
    await world.observe()
    await world.remembered(world.ann, "Printer PIN is marzipan")
    mod = world.guild.add_member(world.env.create_user("mod"), roles=[world.moderators])
    result = await recall(world, mod, "printer pin")
    await mod.click(answer_of(result), label="Forget 1")
    await world.guild_now.get_role(world.moderators.id).delete()  # type: ignore[union-attr]
    await world.env.settle()
    pressed = await mod.click(answer_of(result), label="Forget it")
    assert "no such memory" in shown(pressed)
    assert len(await world.pipeline.memories()) == 1


NASTY = [
    "@everyone @here <@&{role}> ping",
    "**bold** __under__ ~~gone~~ `code` ||spoiler|| [link](https://evil.example)",
    "# headline\n> quote\n- list\n1. number\n-# small",
    "```py\nprint('x')\n``` after",
    "\u202eright to left trick\u202c and \u200bzero width",
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.matrix
async def test_recalled_text_neither_pings_nor_formats(world: World, text: str) -> None:
    await world.observe()
    await world.say(world.ann, "pancake " + text.format(role=world.managers.id))
    result = await recall(world, world.bob, "pancake")
    body = shown(result)
    assert "pancake" in body
    for forbidden in (
        "@everyone",
        "@here",
        "<@&",
        " **bold",
        " __under",
        " ~~gone",
        " `code",
        " ||spoiler",
        " [link",
        "\n#",
        "\n>",
        "\n- ",
        "```",
        "\u202e",
        "\u200bzero",
    ):
        assert forbidden not in body.replace("\n### ", " "), forbidden
    for request in world.env.http_requests:
        if request.json and "allowed_mentions" in str(request.json):
            assert "'parse': []" in str(request.json)


async def test_a_name_neither_pings_nor_formats(world: World) -> None:
    await world.observe()
    eve = world.guild.add_member(world.env.create_user("eve"), nick="**@everyone**")
    await world.say(eve, "pancakes for all")
    body = shown(await recall(world, world.bob, "pancakes"))
    assert "@everyone" not in body
    assert r"\*\*" in body


@pytest.mark.parametrize(
    "text",
    ["x" * 4000, "pancake " + "word " * 790, "pancake שלום עולם " * 40, "pancake 🥞🥞🥞", "pancake " + "*" * 3900],
    ids=["one-word", "long", "right-to-left", "emoji", "escapes"],
)
@pytest.mark.matrix
async def test_long_and_strange_texts_fit(world: World, text: str) -> None:
    await world.observe()
    for number in range(5):
        channel = world.guild.create_text_channel(f"place-{number}")
        await world.observe(channel)
        await world.env.advance_time(7)
        await world.said_before(world.ann, text[:4000], channel)
    result = await recall(world, world.bob, text[:60])
    assert len(shown(result)) <= 4000
    assert answer_of(result).components


@pytest.mark.slow
async def test_what_held_before_comes_on_request_as_far_as_the_asker_may_read_it(world: World) -> None:
    secret = world.secret_channel("secret", world.ann)
    await world.observe(world.general, secret)
    first = await world.remembered(world.ann, "the rehearsal takes place in the vault", secret)
    second = await world.remembered(world.ann, "the rehearsal takes place in the barn")
    third = await world.remembered(world.ann, "the rehearsal takes place in the church")
    async with world.pipeline.db.write() as connection:
        await world.pipeline.store.supersede(connection, first.id, by=second.id)
        await world.pipeline.store.supersede(connection, second.id, by=third.id)

    def before(result: simcord.InteractionResult) -> list[str]:
        return [line for line in shown(result).splitlines() if line.startswith("-# before")]

    query = "where does the rehearsal take place?"
    assert before(await world.bob.slash(world.general, "recall", query=query)) == []
    (line,) = before(await world.bob.slash(world.general, "recall", query=query, history=True))
    assert line.endswith("the rehearsal takes place in the barn")
    both = before(await world.ann.slash(world.general, "recall", query=query, history=True))
    assert [line.rsplit(" ", 1)[1] for line in both] == ["barn", "vault"]
    await world.pipeline.erasure.erase_member(world.ann.id, world.guild.id)
    assert before(await world.ann.slash(world.general, "recall", query=query, history=True)) == []


async def test_a_rule_that_was_turned_round_is_recalled_as_it_is_now(world: World) -> None:
    await world.observe()
    await world.say(world.ann, f"{NOTE}mods can mute and kick, only admins can ban")
    await world.pipeline.flush(world.general.id)
    world.pipeline.reader.judge = replaces_the_nearest
    await world.say(world.ann, f"{NOTE}mods can ban, only admins can mute and kick")
    await world.pipeline.flush(world.general.id)
    old, new = await world.pipeline.memories()
    assert (old.superseded_by, new.superseded_by) == (new.id, None)
    for question in ("who can ban", "who can mute and kick", "what can mods do"):
        lines = shown(await world.bob.slash(world.general, "recall", query=question)).replace("**", "").splitlines()
        (place,) = [place for place, line in enumerate(lines) if line.startswith("-# decision")]
        assert lines[place - 2 : place] == [
            "mods can ban, only admins can mute and kick",
            "-# ann: note\\: mods can ban, only admins can mute and kick",
        ]


PAGE_PX = 900
"""A page of five hits is no taller on a phone."""


async def test_a_page_of_five_long_hits_fits_on_a_phone(world: World) -> None:
    await world.observe()
    long = "the pancake recipe takes two eggs, half a litre of milk and *all* of the flour that is left " * 4
    for number in range(3):
        await world.remembered(world.ann, f"number {number}: {long}")
    for place in range(4):
        channel = world.guild.create_text_channel(f"a-channel-with-a-rather-long-name-{place}")
        await world.observe(channel)
        await world.said_before(world.ann, f"{place} {long}", channel)
        await world.said_before(world.bob, "I never knew that, how long does it take until they are done?", channel)
    result = await recall(world, world.ann, "pancake recipe")
    components = answer_of(result).components
    assert shown(result).count("[jump]") == PER_PAGE
    assert "Forget" in str(components)
    svg = picture(
        components, images={}, named=lambda mention: f"{mention[0]}a-channel-with-a-rather-long-name", width=PHONE
    )
    height = re.search(r'height="(\d+)"', svg)
    assert height is not None
    assert int(height[1]) <= PAGE_PX
