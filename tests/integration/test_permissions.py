"""Who may read what: in each case one code word may be read and the other may not, whatever way it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import simcord

from bot.domain import MemoryKind
from tests.fixtures.permissions import (
    ALLOWED,
    BY_COMMAND,
    FORBIDDEN,
    OBSERVED,
    OF_TOPICS,
    OWN,
    SHOW_NOTHING_SAID,
    Scene,
    Way,
    about,
    answer,
    browse,
    catchup,
    choices,
    digest,
    everywhere,
    help_,
    hits_of_an_answer,
    memories,
    mention,
    mention_alone,
    public_answer,
    recall,
    share,
    share_button,
    to_decide,
    upcoming,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

Arrange = Callable[[Scene], Awaitable[None]]

TABLE: list[Any] = []
ALONE: tuple[Way, ...] = (
    *(recall, answer, hits_of_an_answer, memories, about, to_decide, choices, everywhere, browse, upcoming),
    help_,
)


def case(*ways: Way) -> Callable[[Arrange], Arrange]:
    """A row of the table for each way to ask; its name tells which word is the forbidden one.

    The first way is asked in the fast suite, the others in the slow one.
    """

    def add(arrange: Arrange) -> Arrange:
        name = arrange.__name__.replace("_", " ")
        for way in ways:
            marks = () if way is ways[0] else pytest.mark.slow
            TABLE.append(pytest.param(arrange, way, marks=marks, id=f"{way.__name__}: {name}"))
        return arrange

    return add


@pytest.mark.parametrize(("arrange", "way"), TABLE)
@pytest.mark.matrix(fast=3)
async def test_one_word_may_be_read_and_the_other_may_not(scene: Scene, arrange: Arrange, way: Way) -> None:
    if way in OWN:
        scene.speaker = scene.asker
    if way in OF_TOPICS:
        scene.kind = MemoryKind.TOPIC
    scene.flagged = way is to_decide
    if way in (about, to_decide):
        scene.named = "asker" if way is about else "bob"
    await arrange(scene)
    if way in OBSERVED:
        await scene.observe(scene.place)
    text = await way(scene)
    assert ALLOWED in text
    assert FORBIDDEN not in text


async def test_each_command_is_asked_for_the_code_word_or_shows_nothing_that_was_said(scene: Scene) -> None:
    assert {command.qualified_name for command in scene.commands} == BY_COMMAND.keys() | SHOW_NOTHING_SAID
    assert {way for ways in BY_COMMAND.values() for way in ways} <= {row.values[1] for row in TABLE}


# --- roles and overwrites --------------------------------------------------------------------------------------------


@case(*ALONE)
async def a_role_may_not_view_it(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel())
    await s.tell(FORBIDDEN, s.channel(crew="-view"))


@case(recall, choices)
async def only_another_role_may_view_it(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(everyone="-view", crew="+view"))
    await s.tell(FORBIDDEN, s.channel(everyone="-view", guests="+view"))


@case(recall)
async def what_one_role_allows_beats_what_another_denies_and_nothing_allows_it(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(crew="-view", staff="+view"))
    await s.tell(FORBIDDEN, s.channel(crew="-view", staff="-view"))


@case(recall)
async def ones_own_overwrite_beats_those_of_roles(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(crew="-view", asker="+view"))
    await s.tell(FORBIDDEN, s.channel(crew="+view", asker="-view"))


@case(recall)
async def somebody_elses_overwrite_is_not_ones_own(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(everyone="-view", asker="+view"))
    await s.tell(FORBIDDEN, s.channel(everyone="-view", ann="+view"))


@case(recall)
async def a_role_beats_everyone(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(everyone="-view -history", crew="+view +history"))
    await s.tell(FORBIDDEN, s.channel(everyone="+view +history", crew="-view"))


@case(*ALONE)
async def it_may_be_viewed_and_its_history_may_not_be_read(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(everyone="-history", crew="+history"))
    await s.tell(FORBIDDEN, s.channel(everyone="-history"))


@case(recall)
async def its_history_may_be_read_and_it_may_not_be_viewed(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(crew="+view +history"))
    await s.tell(FORBIDDEN, s.channel(crew="-view +history"))


@case(recall)
async def everyone_may_view_nothing_by_itself(s: Scene) -> None:
    await s.change(s.general, everyone="+view +history", bot="+view +history")
    await s.tell(ALLOWED, s.channel(everyone="+view +history"))
    await s.tell(FORBIDDEN, s.channel(ann="+view +history"))
    permissions = s.guild_now.default_role.permissions
    permissions.update(view_channel=False, read_message_history=False)
    await s.guild_now.default_role.edit(permissions=permissions)
    await s.durable()


@case(*ALONE)
async def an_administrator_reads_through_overwrites_and_not_private_threads_from_outside(s: Scene) -> None:
    s.asker = s.seat(administrator=True)
    s.speaker = s.speaker and s.asker
    await s.tell(ALLOWED, s.channel(everyone="-view -history"))
    await s.tell(FORBIDDEN, await s.thread(s.general, s.asker, private=True))


@case(recall, choices)
async def the_owner_reads_through_overwrites_and_not_private_threads_from_outside(s: Scene) -> None:
    s.asker = simcord.MemberActor(s.env, s.guild, s.guild.owner)
    s.speaker = s.speaker and s.asker
    await s.tell(ALLOWED, s.channel(everyone="-view -history"))
    await s.tell(FORBIDDEN, await s.thread(s.general, private=True))


@case(recall)
async def managing_the_server_is_no_right_to_read(s: Scene) -> None:
    s.asker = s.boss
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, s.channel(everyone="-view"))


@case(recall, choices)
async def managing_messages_channels_and_threads_is_no_right_to_read(s: Scene) -> None:
    s.asker = s.seat(manage_messages=True, manage_channels=True, manage_threads=True)
    await s.tell(ALLOWED, s.general, by=s.ann)  # a moderator's choice: it is somebody else's
    await s.tell(FORBIDDEN, s.channel(everyone="-view"), by=s.ann)


@case(recall)
async def it_follows_its_category(s: Scene) -> None:
    category = s.guild.create_category("hidden")
    await s.change(category, bot="+view +history", everyone="-view")
    apart = s.guild.create_text_channel("apart", category=category)
    synced = s.guild.create_text_channel("synced", category=category)
    await s.env.settle()
    await s.real(synced).edit(overwrites=s.real(category).overwrites)
    await s.tell(ALLOWED, apart)
    await s.tell(FORBIDDEN, synced)


# --- kinds of channels -----------------------------------------------------------------------------------------------


@case(recall, choices)
async def a_voice_channel_into_which_one_may_not_connect(s: Scene) -> None:
    open_, closed = (s.guild.create_voice_channel(name) for name in ("open", "closed"))
    await s.env.settle()
    await s.change(closed, crew="-connect")
    await s.tell(ALLOWED, open_)
    await s.tell(FORBIDDEN, closed)


@case(recall)
async def a_stage_into_which_one_may_not_connect(s: Scene) -> None:
    open_, closed = (s.guild.create_stage_channel(name) for name in ("open", "closed"))
    await s.env.settle()
    await s.change(closed, everyone="-connect", bot="+connect")
    await s.tell(ALLOWED, open_)
    await s.tell(FORBIDDEN, closed)


@case(recall, memories)
async def a_public_thread_is_read_as_its_channel_is(s: Scene) -> None:
    await s.tell(ALLOWED, await s.thread(s.general))
    await s.tell(FORBIDDEN, await s.thread(s.channel(crew="-view")))


@case(recall)
async def an_announcement_channel_is_hidden(s: Scene) -> None:
    news, hidden = (s.guild.create_news_channel(name) for name in ("news", "hidden"))
    await s.env.settle()
    await s.change(hidden, crew="-view")
    await s.tell(ALLOWED, news)
    await s.tell(FORBIDDEN, hidden)


@case(*ALONE)
async def a_private_thread_is_not_read_from_outside_even_by_who_is_in_it(s: Scene) -> None:
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, await s.thread(s.general, s.asker, private=True))


@case(*ALONE)
async def a_private_thread_is_read_from_inside_and_the_one_beside_it_is_not(s: Scene) -> None:
    s.place = await s.thread(s.general, s.asker, private=True)
    await s.tell(ALLOWED, s.place)
    await s.tell(FORBIDDEN, await s.thread(s.general, s.asker, private=True))


@case(recall)
async def an_administrator_inside_a_private_thread_does_not_read_the_one_beside_it(s: Scene) -> None:
    s.asker = s.seat(administrator=True)
    s.place = await s.thread(s.general, s.asker, private=True)
    await s.tell(ALLOWED, s.place)
    await s.tell(FORBIDDEN, await s.thread(s.general, private=True))


@case(recall, choices)
async def an_archived_public_thread_is_read_as_its_channel_is(s: Scene) -> None:
    for word, channel in ((ALLOWED, s.general), (FORBIDDEN, s.channel(crew="-view"))):
        thread = await s.thread(channel)
        await s.tell(word, thread)
        await s.archive(thread)


@case(*ALONE)
async def an_archived_private_thread_stays_closed_where_an_archived_public_one_is_open(s: Scene) -> None:
    for word, private in ((ALLOWED, False), (FORBIDDEN, True)):
        thread = await s.thread(s.general, s.asker, private=private)
        await s.tell(word, thread)
        await s.archive(thread, decided=True)


@case(recall, memories)
async def a_post_in_a_forum_is_read_as_the_forum_is(s: Scene) -> None:
    open_, closed = (s.guild.create_forum_channel(name) for name in ("open", "closed"))
    await s.env.settle()
    await s.tell(ALLOWED, await s.thread(open_))
    post = await s.thread(closed)
    await s.change(closed, crew="-history")
    await s.tell(FORBIDDEN, post)


# --- age restriction -------------------------------------------------------------------------------------------------


@case(*ALONE)
async def what_is_for_adults_is_not_read_from_elsewhere(s: Scene) -> None:
    adult = s.channel()
    await s.restrict(adult)
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, adult)


@case(recall, answer)
async def what_is_for_adults_is_read_from_such_channels_if_it_may_be_viewed(s: Scene) -> None:
    adult, hidden, s.place = s.channel(), s.channel(crew="-view"), s.channel()
    for channel in (adult, hidden, s.place):
        await s.restrict(channel)
    await s.tell(ALLOWED, adult)
    await s.tell(FORBIDDEN, hidden)


@case(recall, choices)
async def a_thread_of_a_channel_for_adults_is_not_read_from_elsewhere(s: Scene) -> None:
    adult = s.channel()
    await s.restrict(adult)
    thread = await s.thread(adult)
    archived = await s.thread(adult)
    await s.tell(ALLOWED, await s.thread(s.general))
    await s.tell(FORBIDDEN, thread)
    await s.tell(FORBIDDEN, archived)
    await s.archive(archived)


# --- what the bot sees -----------------------------------------------------------------------------------------------


@case(*ALONE)
async def the_bot_can_not_see_the_channel_any_more(s: Scene) -> None:
    lost = s.channel()
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, lost)
    await s.change(lost, bot="-view")


@case(recall, memories)
async def the_bot_can_not_read_its_history_any_more(s: Scene) -> None:
    lost = s.channel()
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, lost)
    await s.change(lost, bot="+view -history")


@case(recall, memories)
async def the_channel_was_deleted(s: Scene) -> None:
    gone = s.channel()
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, gone)
    await s.real(gone).delete()
    await s.durable()


@case(recall, choices)
async def the_thread_was_deleted(s: Scene) -> None:
    gone, stays = await s.thread(s.general), await s.thread(s.general)
    await s.tell(ALLOWED, stays)
    await s.tell(FORBIDDEN, gone)
    await s.real(gone).delete()
    await s.durable()


@case(recall, choices)
async def discord_knows_no_such_channel(s: Scene) -> None:
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, s.env.backend.snowflake())


# --- whose it is -----------------------------------------------------------------------------------------------------


@case(*ALONE)
async def it_was_said_in_another_server_of_the_askers(s: Scene) -> None:
    other = s.env.create_guild()
    other.add_member(s.asker.user)
    channel = other.create_text_channel("general")
    await s.env.settle()
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, channel, guild_id=other.id)


@case(about, to_decide)
async def it_says_so_in_a_channel_too_that_one_may_not_read(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, s.channel())
    await s.tell(FORBIDDEN, s.general, s.channel(crew="-view"))


@case(to_decide)
async def who_said_it_may_not_read_it_any_more(s: Scene) -> None:
    lost = s.channel()
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, lost)
    await s.change(lost, crew="-view")


@case(*ALONE)
async def it_also_stands_on_a_channel_that_one_may_not_read(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, s.channel())
    await s.tell(FORBIDDEN, s.general, s.channel(crew="-view"))


@case(recall, answer)
async def its_speaker_opted_out(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, by=s.ann)
    await s.tell(FORBIDDEN, s.general, by=s.bob)
    await s.services.personal.delete(s.bob.id, s.guild.id)
    await s.services.guilds.consents.opt_out(s.bob.id, s.guild.id)
    await s.say(s.bob, f"the code word is {FORBIDDEN}")


@case(recall, answer)
async def its_speaker_left_and_it_was_said_where_one_may_not_read(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, by=s.bob)
    await s.tell(FORBIDDEN, s.channel(crew="-view"), by=s.bob)
    s.guild.remove_member(s.bob)
    await s.durable()


@case(memories, choices)
async def it_was_said_by_somebody_else(s: Scene) -> None:
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, s.general, by=s.ann)


# --- for everybody in a channel --------------------------------------------------------------------------------------


@case(share, share_button, mention, mention_alone, public_answer, digest)
async def it_is_hidden_from_one_member(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel())
    await s.tell(FORBIDDEN, s.channel(bob="-view"))


@case(share, share_button, mention, mention_alone, public_answer, digest)
async def its_history_is_hidden_from_one_role(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel(guests="+history"))
    await s.tell(FORBIDDEN, s.channel(guests="-history"))


@case(share, share_button, mention, mention_alone, public_answer, digest)
async def it_was_said_among_few(s: Scene) -> None:
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, s.channel(everyone="-view", asker="+view"))


@case(share_button, mention, public_answer, digest)
async def it_was_said_among_other_few(s: Scene) -> None:
    few = {"everyone": "-view", "asker": "+view", "crew": ""}  # an overwrite that decides nothing does not count
    s.place = s.channel(everyone="-view", asker="+view")
    await s.tell(ALLOWED, s.channel(**few))
    await s.tell(FORBIDDEN, s.channel(**few, bob="+view"))


@case(share, mention, public_answer, digest)
async def it_is_for_adults_and_this_place_is_not(s: Scene) -> None:
    adult = s.channel()
    await s.restrict(adult)
    await s.tell(ALLOWED, s.channel())
    await s.tell(FORBIDDEN, adult)


@case(share, share_button, mention, mention_alone, public_answer, digest)
async def it_is_for_adults_of_whom_not_all_may_read_it(s: Scene) -> None:
    adult, few, s.place = s.channel(), s.channel(guests="-view"), s.channel()
    for channel in (adult, few, s.place):
        await s.restrict(channel)
    await s.tell(ALLOWED, adult)
    await s.tell(FORBIDDEN, few)


@case(share, mention, public_answer, digest)
async def it_was_said_in_a_private_thread_of_this_place(s: Scene) -> None:
    await s.tell(ALLOWED, await s.thread(s.general))
    await s.tell(FORBIDDEN, await s.thread(s.general, s.asker, private=True))


@case(share_button, mention)
async def it_was_said_among_few_and_this_is_a_private_thread_of_others(s: Scene) -> None:
    home = s.channel(everyone="-view", asker="+view")
    s.place = await s.thread(home, s.asker, private=True)
    await s.tell(ALLOWED, home)
    await s.tell(FORBIDDEN, s.channel(everyone="-view", asker="+view", bob="+view"))


@case(share, share_button, mention, mention_alone, public_answer, digest)
async def it_was_said_in_an_archived_thread_of_few(s: Scene) -> None:
    for word, channel in ((ALLOWED, s.channel()), (FORBIDDEN, s.channel(everyone="-view", asker="+view"))):
        thread = await s.thread(channel)
        await s.tell(word, thread)
        await s.archive(thread)


@case(share_button, mention, public_answer, digest)
async def not_everybody_may_connect_where_it_was_said(s: Scene) -> None:
    open_, closed = (s.guild.create_voice_channel(name) for name in ("open", "closed"))
    await s.env.settle()
    await s.change(closed, guests="-connect")
    await s.tell(ALLOWED, open_)
    await s.tell(FORBIDDEN, closed)


@case(share, mention)
async def the_asker_can_not_read_what_everybody_else_may(s: Scene) -> None:
    await s.tell(ALLOWED, s.channel())
    await s.tell(FORBIDDEN, s.channel(asker="-view"))


@case(share, share_button, mention, mention_alone, public_answer, digest)
async def the_memory_also_stands_on_a_channel_of_few(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, s.channel())
    await s.tell(FORBIDDEN, s.general, s.channel(everyone="-view", asker="+view"))


@case(recall, answer, memories, choices, catchup, everywhere, browse, upcoming)
async def the_line_that_holds_its_date_is_where_one_may_not_read(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, supporting=s.channel())
    await s.tell(FORBIDDEN, s.general, supporting=s.channel(crew="-view"))


@case(share, share_button, mention, mention_alone, public_answer, digest)
async def the_line_that_holds_its_date_is_in_a_channel_of_few(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, supporting=s.channel())
    await s.tell(FORBIDDEN, s.general, supporting=s.channel(everyone="-view", asker="+view"))


# --- what happened here ----------------------------------------------------------------------------------------------


@case(catchup)
async def it_was_said_elsewhere(s: Scene) -> None:
    await s.tell(ALLOWED, s.general)
    await s.tell(FORBIDDEN, s.channel())


@case(catchup)
async def what_was_decided_here_also_stands_on_a_channel_that_one_may_not_read(s: Scene) -> None:
    await s.tell(ALLOWED, s.general, s.channel())
    await s.tell(FORBIDDEN, s.general, s.channel(crew="-view"))


@case(catchup)
async def threads_of_this_channel_count_but_private_ones(s: Scene) -> None:
    await s.tell(ALLOWED, await s.thread(s.general))
    await s.tell(FORBIDDEN, await s.thread(s.general, s.asker, private=True))


@case(catchup)
async def archived_threads_of_this_channel_count_but_private_ones(s: Scene) -> None:
    for word, private in ((ALLOWED, False), (FORBIDDEN, True)):
        thread = await s.thread(s.general, s.asker, private=private)
        await s.tell(word, thread)
        await s.archive(thread, decided=True)


@case(catchup)
async def in_a_thread_it_is_about_that_thread(s: Scene) -> None:
    s.place = await s.thread(s.general)
    await s.tell(ALLOWED, s.place)
    await s.tell(FORBIDDEN, s.general)
    await s.tell(FORBIDDEN, await s.thread(s.general))


@case(everywhere, catchup)
async def one_is_mentioned_where_one_may_not_read(s: Scene) -> None:
    await s.mentioned(ALLOWED, s.general)
    await s.mentioned(FORBIDDEN, s.channel(crew="-view"))


@case(everywhere, catchup)
async def one_is_answered_in_a_private_thread_of_others(s: Scene) -> None:
    await s.answered(ALLOWED, s.general)
    await s.answered(FORBIDDEN, await s.thread(s.general, private=True))


# --- what may have changed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way",
    [recall, memories, browse, upcoming, catchup, everywhere, share, share_button, mention, public_answer, digest],
)
@pytest.mark.matrix
async def test_that_it_may_have_changed_shows_where_the_newer_message_may_be_read(scene: Scene, way: Way) -> None:
    if way in OWN:
        scene.speaker = scene.asker
    for_everybody = way in (share, share_button, mention, public_answer, digest)
    readable = scene.channel()
    hidden = scene.channel(everyone="-view", asker="+view") if for_everybody else scene.channel(crew="-view")
    allowed, other = await scene.tell(ALLOWED, scene.general), await scene.tell("nutmeg", scene.general)
    shown, secret = await scene.doubt(allowed, readable), await scene.doubt(other, hidden)
    if way in OBSERVED:
        await scene.observe(scene.place)
    text = await way(scene)
    assert "nutmeg" in text
    assert text.count("may have changed since") == 1
    assert str(secret) not in text
    assert (str(shown) in text) is (way not in (catchup, everywhere, digest))
