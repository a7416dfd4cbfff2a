"""/recall: find what was said, among all that the asker may read now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Hit, Phrase
from bot.memories import Asker
from bot.recall import (
    Group,
    GroupPage,
    Matched,
    Presented,
    Presenter,
    Reading,
    RecallQuery,
    RecallResult,
    cited_by,
    grouped,
    page_of,
)
from bot.text import parse_since, parse_until, window_in_words
from cogs import texts
from cogs.access import Access
from cogs.checks import per_member
from cogs.forget import MemoryActions
from cogs.hits import group_item
from cogs.languages import language_of
from cogs.named import AboutMe, naming
from cogs.names import names_for
from cogs.publishing import Place as PostingPlace
from cogs.publishing import why_not_here
from cogs.rendering import safe
from cogs.reply import reply, reply_view
from cogs.views.pages import PER_PAGE, Page, PageItem, Pages

if TYPE_CHECKING:
    from bot.guilds import GuildServices, ZoneOf
    from bot.observe import Directory
    from bot.recall import Recall, Responder
    from cogs.answering import Answering

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel | discord.Thread

MAX_HITS = 25
MAX_CHARS = 20_000
MAX_QUERY = 300
SHARES = (3, 60.0)
"""Pages that a member may post at most, and seconds."""


class RecallCog(commands.Cog):
    """Asks recall, and shows what it found page by page."""

    def __init__(
        self,
        recall: Recall,
        guilds: GuildServices,
        directory: Directory,
        presenter: Presenter,
        access: Access,
        responder: Responder,
        answering: Answering,
        actions: MemoryActions,
        about: AboutMe,
        *,
        zone_of: ZoneOf,
    ) -> None:
        self._recall = recall
        self._guilds = guilds
        self._directory = directory
        self._actions = actions
        self.about = about
        self._zone_of = zone_of
        self._access = access
        self._presenter = presenter
        self._responder = responder
        self._answering = answering

    @app_commands.command(name="recall", description="Find what was said in the channels that you can read")
    @app_commands.describe(
        query="What you are looking for, in your own words",
        member="Only what this member said",
        channel="Only what was said in this channel or its threads",
        since="Only what was said since then: 7d, yesterday, last week, January, 31.01.2026",
        until="Only what was said up to then, that day or week included: yesterday, last week, 31.01.2026",
        share="Post it for everybody here, as far as everybody here may read it",
        history="With what held before, where something newer replaced it",
    )
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(6, 30.0)
    async def recall(
        self,
        interaction: Interaction,
        query: app_commands.Range[str, 1, MAX_QUERY],
        member: discord.User | None = None,
        channel: Place | None = None,
        since: app_commands.Range[str, 1, 40] | None = None,
        until: app_commands.Range[str, 1, 40] | None = None,
        share: bool = False,
        history: bool = False,
    ) -> None:
        """Search, and show the first page, or post it for everybody."""
        now, zone = interaction.created_at, self._zone_of(interaction.guild_id or 0)
        first = parse_since(since, now, zone) if since else None
        last = parse_until(until, now, zone) if until else None
        await interaction.response.defer(ephemeral=True, thinking=True)

        async def reading() -> frozenset[int]:
            asker = await self._access.asker(interaction)
            return asker.readable if channel is None else await self._access.within(asker, channel)

        wanted = RecallQuery(
            guild_id=interaction.guild_id or 0,
            text=query,
            channel_ids=await reading(),
            asker_id=interaction.user.id,
            author_id=None if member is None else member.id,
            since=first,
            until=last,
            limit=MAX_HITS,
            max_chars=MAX_CHARS,
        )
        why_not = await self._share(interaction, wanted, reading) if share else None
        if share and not why_not:
            await reply(interaction, texts.SHARED)
            return
        result = await self._recall.search(wanted)
        window = window_in_words(first, last, zone)
        searched = texts.searched(window) if window else None
        result = replace(result, notes=(*filter(None, [why_not, searched]), *result.notes))
        await reply_view(interaction, await self.pages_of(interaction, wanted, result, history=history))

    async def pages_of(
        self, interaction: Interaction, query: RecallQuery, result: RecallResult, *, history: bool = False
    ) -> Pages:
        """What was found, from its first page on, as it may be read now."""
        pages = RecallPages(
            self._guilds, self._directory, self._access, self._presenter, query, result, history=history
        )
        first_page = await pages.page(interaction, 0)
        return Pages(
            interaction,
            pages,
            first_page,
            self._actions,
            share=partial(self._share_page, pages),
            open_about=self.about.open,
        )

    async def _share_page(self, pages: RecallPages, interaction: Interaction, number: int) -> str:
        """Post a page for everybody here, as far as everybody here may read it; one sentence on that."""
        interaction.client.cooldowns.use(interaction, *SHARES, button="share")
        place, member = interaction.channel, interaction.user
        if not isinstance(place, PostingPlace) or not isinstance(member, discord.Member):
            return texts.NO_PLACE
        if why_not := why_not_here(member, place):
            return why_not

        async def everybody() -> frozenset[int]:
            return await self._access.public(await self._access.asker(interaction), place)

        hits = await pages.on_page(interaction, number)
        again = await self._responder.again(pages.query, hits, everybody)
        asker = await self._access.asker(interaction)
        posted = again.hits and await self._answering.publish(place, again, asker, everybody, asked_id=interaction.id)
        return texts.SHARED if posted else texts.NOTHING_ON_PAGE

    async def _share(self, interaction: Interaction, wanted: RecallQuery, reading: Reading) -> str:
        """Post what everybody here may read; where that can't be, one line on why, and the hits are shown as ever."""
        place, member = interaction.channel, interaction.user
        if not isinstance(place, PostingPlace) or not isinstance(member, discord.Member):
            return texts.NO_PLACE
        if why_not := why_not_here(member, place):
            return why_not

        async def everybody() -> frozenset[int]:
            return await self._access.shown_in(place.guild, place.id, await reading())

        answered = await self._responder.respond(wanted, everybody, answer=False)
        asker = await self._access.asker(interaction)
        posted = answered.hits and await self._answering.publish(
            place, answered, asker, everybody, asked_id=interaction.id
        )
        return "" if posted else texts.NOTHING_TO_SHARE


class RecallPages:
    """What one question found; each page is looked at again before it is shown."""

    def __init__(
        self,
        guilds: GuildServices,
        directory: Directory,
        access: Access,
        presenter: Presenter,
        query: RecallQuery,
        result: RecallResult,
        *,
        history: bool = False,
    ) -> None:
        self._history = history
        self._guilds = guilds
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._query = query
        self._hits = result.hits
        self._notes = result.notes
        self._matched = Matched(query.text)

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page of what is still there and may still be read."""
        shown, groups, cut = await self._compared(interaction, number)
        asker = await self._access.asker(interaction)
        return Page(
            title=f"### {safe(self._query.text, {}, limit=150)}",
            items=tuple(await self._items(interaction, groups, asker)),
            number=cut.number,
            pages=cut.pages,
            weaker=cut.weaker,
            dense=True,
            notes=(*self._notes, *([texts.NOT_COMPARED] if shown.incomplete else [])),
            empty="" if shown.items else self._nothing(asker),
            about=naming(shown.items, asker.user_id),
        )

    @property
    def query(self) -> RecallQuery:
        """What was asked."""
        return self._query

    async def on_page(self, interaction: Interaction, number: int) -> Sequence[Hit]:
        """The hits of a page, as they are now."""
        shown, _, _ = await self._compared(interaction, number)
        return shown.items

    async def _compared(
        self, interaction: Interaction, number: int
    ) -> tuple[Presented[Hit], Sequence[Group], GroupPage]:
        """The hits of one page as they are now, in their groups, and what page it is."""
        cut = GroupPage()

        async def read(doubtful: frozenset[int]) -> Sequence[Hit]:
            nonlocal cut
            fresh = await self._presenter.fresh(self._hits, partial(self._reading, interaction))
            sure = [hit for hit in fresh if not cited_by(hit) & doubtful]
            cut = page_of(grouped(sure), number, PER_PAGE)
            return [hit for group in cut.groups for hit in group.hits]

        shown = await self._presenter.present(self._query.guild_id, read)
        return shown, grouped(shown.items), cut

    async def _reading(self, interaction: Interaction) -> frozenset[int]:
        """What the asker may read at this moment."""
        return (await self._access.asker(interaction)).readable

    async def _items(self, interaction: Interaction, groups: Sequence[Group], asker: Asker) -> list[PageItem]:
        if interaction.guild is None:
            return []
        hits = [hit for group in groups for hit in group.hits]
        ids = [hit.memory.id for hit in hits if hit.memory is not None] if self._history else []
        before = await self._presenter.past(self._query.guild_id, ids, partial(self._reading, interaction))
        older = [memory for memories in before.values() for memory in memories]
        people = [user_id for hit in hits for user_id in hit.author_ids]
        stored = [*(hit.text for hit in hits), *(memory.text for memory in older)]
        language = language_of(interaction)
        names = await names_for(interaction.guild, self._directory, people, stored, language)
        return [
            group_item(
                group,
                names,
                asker,
                language,
                self._matched,
                [older for hit in group.statements if hit.memory for older in before.get(hit.memory.id, ())],
            )
            for group in groups
        ]

    def _nothing(self, asker: Asker) -> str:
        if not self._guilds.observations.channels(asker.guild_id):
            return Phrase("No channel is observed here yet; somebody with Manage Server can begin with `/setup`.")
        retention = self._guilds.policy.retention
        if self._query.author_id or self._query.since or self._query.until:
            return Phrase(
                "Nothing that you can read matches; try it without member, channel, since or until. Messages stay "
                "searchable for {retention}, memories until they are forgotten.",
                retention=retention,
            )
        return Phrase(
            "Nothing that you can read matches; try other words, or fewer. Messages stay searchable for {retention}, "
            "memories until they are forgotten.",
            retention=retention,
        )
