"""Who may read what, of the real process: one code word may be read and the other may not; and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from cogs import texts
from tests.acceptance.community import plain
from tests.acceptance.stores import canary, logged, rows
from tests.acceptance.test_public_posts import posts_with
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Guild, Member, Message, Role


@dataclass
class Case:
    """A question, and the two words of which one may be shown.

    Attributes:
        crew: a role of the asker.
        place: where they ask.
        key: the question is about this.
        observed: what has to be observed besides `place`.
        said: each word and where it is said.
        later: done when everything was said, before it is asked.
    """

    guild: Guild
    asker: Member
    crew: Role
    place: Channel
    key: str = field(default_factory=canary)
    allowed: str = field(default_factory=canary)
    forbidden: str = field(default_factory=canary)
    observed: list[Channel] = field(default_factory=list)
    said: list[tuple[str, Channel]] = field(default_factory=list)
    later: Callable[[], object] = lambda: None

    def allow(self, channel: Channel, *observed: Channel) -> None:
        """The allowed word is said there."""
        self._say(self.allowed, channel, observed)

    def forbid(self, channel: Channel, *observed: Channel) -> None:
        """The forbidden word is said there."""
        self._say(self.forbidden, channel, observed)

    def _say(self, word: str, channel: Channel, observed: tuple[Channel, ...]) -> None:
        self.said.append((word, channel))
        self.observed += observed or (channel,)

    def text(self, word: str) -> str:
        return f"The {self.key} word is {word}."

    def channel(self, *, nsfw: bool = False) -> Channel:
        return self.guild.text(canary(), nsfw=nsfw)

    def hidden(self) -> Channel:
        """A channel that the asker's role may not view."""
        channel = self.channel()
        channel.overwrite(self.crew, deny=["view_channel"])
        return channel

    def private_thread(self, *members: Member) -> Channel:
        """One in the place where they ask, with the bot in it."""
        thread = self.place.thread(canary(), self.guild.members[self.guild.owner_id], private=True)
        for member in (self.guild.me, *members):
            thread.join(member)
        return thread


def a_role_may_not_view_it(c: Case) -> None:
    c.allow(c.channel())
    c.forbid(c.hidden())


def a_member_may_not_view_what_a_role_may(c: Case) -> None:
    c.allow(c.channel())
    own = c.channel()
    own.overwrite(c.crew, allow=["view_channel"])
    own.overwrite(c.asker, deny=["view_channel"])
    c.forbid(own)


def its_history_may_not_be_read(c: Case) -> None:
    c.allow(c.channel())
    blind = c.channel()
    blind.overwrite(c.crew, deny=["read_message_history"])
    c.forbid(blind)


def only_another_role_may_view_it(c: Case) -> None:
    ours, theirs = c.channel(), c.channel()
    for channel, role in ((ours, c.crew), (theirs, c.guild.role("Others"))):
        channel.overwrite(c.guild.everyone, deny=["view_channel"])
        for target in (role, c.guild.me):
            channel.overwrite(target, allow=["view_channel"])
        (c.allow if channel is ours else c.forbid)(channel)


def an_administrator_is_outside_of_a_private_thread(c: Case) -> None:
    c.asker.give(c.guild.role("Admins", "administrator"))
    c.allow(c.hidden())
    c.forbid(c.private_thread(c.asker))


def the_owner_is_outside_of_a_private_thread(c: Case) -> None:
    c.asker = c.guild.members[c.guild.owner_id]
    c.allow(c.hidden())
    c.forbid(c.private_thread())


def somebody_is_inside_of_one_private_thread(c: Case) -> None:
    inside, beside = c.private_thread(c.asker), c.private_thread(c.asker)
    c.place = inside
    c.allow(inside)
    c.forbid(beside)


def a_thread_is_read_as_its_channel_is(c: Case) -> None:
    owner = c.guild.members[c.guild.owner_id]
    for add, channel in ((c.allow, c.channel()), (c.forbid, c.hidden())):
        add(channel.thread(canary(), owner), channel)


def threads_were_archived(c: Case) -> None:
    owner = c.guild.members[c.guild.owner_id]
    home = c.channel()
    public, private = home.thread(canary(), owner), c.private_thread(c.asker)
    hidden = c.hidden()
    c.allow(public, home)
    c.forbid(private)
    hidden_thread = hidden.thread(canary(), owner)
    c.forbid(hidden_thread, hidden)

    def archive() -> None:
        for thread in (public, private, hidden_thread):
            thread.archive()

    c.later = archive


def a_post_is_read_as_its_forum_is(c: Case) -> None:
    owner = c.guild.members[c.guild.owner_id]
    open_, closed = c.guild.forum(canary()), c.guild.forum(canary())
    closed.overwrite(c.crew, deny=["read_message_history"])
    c.allow(open_.thread(canary(), owner), open_)
    c.forbid(closed.thread(canary(), owner), closed)


def a_voice_channel_may_not_be_connected_to(c: Case) -> None:
    open_, closed = c.guild.voice(canary()), c.guild.voice(canary())
    closed.overwrite(c.crew, deny=["connect"])
    c.allow(open_)
    c.forbid(closed)


def it_is_for_adults(c: Case) -> None:
    c.allow(c.channel())
    c.forbid(c.channel(nsfw=True))


def it_is_for_adults_and_so_is_this_place(c: Case) -> None:
    c.place = c.channel(nsfw=True)
    c.allow(c.channel(nsfw=True))
    hidden = c.channel(nsfw=True)
    hidden.overwrite(c.crew, deny=["view_channel"])
    c.forbid(hidden)


def it_becomes_for_adults(c: Case) -> None:
    changed = c.channel()
    c.allow(c.channel())
    c.forbid(changed)

    def change() -> None:
        changed.nsfw = True
        changed.announce()

    c.later = change


def the_bot_can_not_see_it_any_more(c: Case) -> None:
    lost = c.channel()
    c.allow(c.channel())
    c.forbid(lost)
    c.later = lambda: lost.overwrite(c.guild.me, deny=["view_channel"])


def it_was_deleted(c: Case) -> None:
    gone = c.channel()
    c.allow(c.channel())
    c.forbid(gone)
    c.later = gone.delete


def somebody_is_in_time_out(c: Case) -> None:
    c.asker.timed_out_until = datetime.now(UTC) + timedelta(hours=1)
    c.allow(c.channel())
    c.forbid(c.guild.voice(canary()))


def somebody_lost_a_role(c: Case) -> None:
    staff = c.guild.role("Staff")
    c.asker.give(staff)
    theirs = c.channel()
    theirs.overwrite(c.guild.everyone, deny=["view_channel"])
    for target in (staff, c.guild.me):
        theirs.overwrite(target, allow=["view_channel"])
    c.allow(c.channel())
    c.forbid(theirs)
    c.later = lambda: c.asker.take(staff)


def a_role_lost_its_right(c: Case) -> None:
    changed = c.channel()
    c.allow(c.channel())
    c.forbid(changed)
    c.later = lambda: changed.overwrite(c.crew, deny=["view_channel"])


def it_was_said_in_another_server(c: Case) -> None:
    elsewhere = c.guild.world.guild("Elsewhere")
    elsewhere.members[c.asker.id] = Member(elsewhere, c.asker.user)
    c.allow(c.channel())
    c.forbid(elsewhere.text(canary()))


CASES = [
    a_role_may_not_view_it,
    a_member_may_not_view_what_a_role_may,
    its_history_may_not_be_read,
    only_another_role_may_view_it,
    an_administrator_is_outside_of_a_private_thread,
    the_owner_is_outside_of_a_private_thread,
    somebody_is_inside_of_one_private_thread,
    a_thread_is_read_as_its_channel_is,
    threads_were_archived,
    a_post_is_read_as_its_forum_is,
    a_voice_channel_may_not_be_connected_to,
    it_is_for_adults,
    it_is_for_adults_and_so_is_this_place,
    it_becomes_for_adults,
    the_bot_can_not_see_it_any_more,
    it_was_deleted,
    somebody_is_in_time_out,
    somebody_lost_a_role,
    a_role_lost_its_right,
    it_was_said_in_another_server,
]


async def observed(stage: Stage, *channels: Channel) -> None:
    """Start the bot, and wait until all of these channels are observed and were told."""
    wanted = {channel.id for channel in channels}
    stage.observe(*channels)
    await stage.bot.start(SWEEP_REQUESTS_PER_MINUTE="0")
    told = "SELECT channel_id FROM channels WHERE observed AND notice_message_id IS NOT NULL"
    await eventually(
        lambda: {row[0] for row in rows(stage.bot.database, told)} >= wanted, within=60, what="every notice"
    )


async def said(stage: Stage, *messages: Message) -> None:
    """Wait until these messages are in the log."""
    wanted = {message.id for message in messages}
    places = {message.channel.id: message.channel for message in messages}.values()
    await eventually(lambda: set(logged(stage.bot.database, *places)) >= wanted, within=60, what="messages in the log")


@pytest.mark.slow
async def test_one_word_may_be_read_and_the_other_may_not(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, speaker = guild.text("general"), guild.member("Ada")
    cases: dict[str, Case] = {}
    for arrange in CASES:
        crew = guild.role("Crew")
        case = cases[arrange.__name__] = Case(guild, guild.member(canary(), crew), crew, general)
        arrange(case)
    await observed(stage, *{channel.id: channel for case in cases.values() for channel in case.observed}.values())
    spoken = [
        channel.say(Member(channel.guild, speaker.user), case.text(word))
        for case in cases.values()
        for word, channel in case.said
    ]
    await said(stage, *spoken)
    for case in cases.values():
        case.later()
    await eventually(lambda: stage.discord.gateway.idle, within=20, what="everything to be told")

    wrong = []
    for name, case in cases.items():
        asked = stage.discord.command(case.asker, case.place, "recall", query=f"what is the {case.key} word?")
        text = plain(await asked.answer(within=20))
        if case.allowed not in text or case.forbidden in text:
            wrong.append((name, case.allowed in text, case.forbidden in text, text))
    assert not wrong
    assert not stage.discord.unknown


@pytest.mark.slow
async def test_pages_posts_and_requests(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    ada, ben = guild.member("Ada"), guild.member("Ben")
    general, rare = guild.text("general"), guild.text("rare")
    places = [guild.text(f"place-{number}") for number in range(10)]
    await observed(stage, general, rare, *places)
    key, words = canary(), [canary() for _ in places]
    single = rare.say(ada, f"The {canary()} stands alone.")
    await said(
        stage,
        single,
        *(place.say(ada, f"The {key} word is {word}.") for place, word in zip(places, words, strict=True)),
    )

    async def ask(member: Member, query: str) -> tuple[Message, int]:
        before = len(stage.discord.requests)
        answer = await stage.discord.command(member, general, "recall", query=query).answer(within=20)
        return answer, len(stage.discord.requests) - before

    # ten hits cost Discord what one does: the acknowledgement and the answer
    one, requests_for_one = await ask(ben, single.content)
    many, requests_for_ten = await ask(ben, f"what is the {key} word?")
    assert single.content.split()[1] in plain(one)
    assert "1 of 2" in str(many.controls)
    assert (requests_for_one, requests_for_ten) == (2, 2)

    # the next page: two more, and nothing that was hidden meanwhile
    rest = [number for number, word in enumerate(words) if word not in plain(many)]
    hidden, *stay = rest
    places[hidden].overwrite(guild.everyone, deny=["view_channel"])
    places[hidden].overwrite(guild.me, allow=["view_channel", "read_message_history"])
    await eventually(lambda: stage.discord.gateway.idle, within=10)
    before = len(stage.discord.requests)
    turned = stage.discord.press(ben, many, "Next")
    shown = plain(await turned.edited(within=20))
    assert words[hidden] not in shown
    assert all(words[number] in shown for number in stay)
    assert len(stage.discord.requests) - before == 2

    # posts: one stays, one goes, for its source is hidden while the bot is away; and an old page says that it ended
    for number in stay[:2]:
        shared = stage.discord.command(
            ada, general, "recall", query=f"the {key} word", channel=places[number], share=True
        )
        await shared.answer(within=20)
    assert all(posts_with(words[number], general) for number in stay[:2])
    old, _ = await ask(ada, f"what is the {key} word?")
    await stage.bot.kill()
    places[stay[0]].overwrite(guild.role("Guests"), deny=["view_channel"])
    await stage.bot.start()
    await eventually(lambda: not posts_with(words[stay[0]], general), within=60, what="the post to be gone")
    assert posts_with(words[stay[1]], general)
    ended = await stage.discord.press(ada, old, "Next").answer(within=20)
    assert ended.text == texts.GONE
    assert all(part.get("disabled") or "url" in part for part in old.controls)
