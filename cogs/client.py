"""The Discord client: intents, cogs, errors of commands, and a first connection that is tried again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
import yarl
from discord.ext import commands
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Backoff, ServiceError
from bot.forget import DeletedAccounts, Verification
from bot.languages import Languages
from bot.operate import invite_link
from bot.recall import PatientResponder, Presenter, Responder
from cogs.access import Access
from cogs.accounts import DiscordAccounts
from cogs.admin import Admin
from cogs.answering import Answering
from cogs.archives import Archives
from cogs.ask import AskCog
from cogs.backfill import Backfill
from cogs.browse import BrowseCog
from cogs.catchup import CatchUpCog
from cogs.channels import ChannelsCog
from cogs.checks import Cooldowns
from cogs.command_list import described, send_commands
from cogs.command_tree import CommandTree
from cogs.connection import EventReader
from cogs.control import Control
from cogs.digest_posts import DigestPosts
from cogs.digests import DigestCog
from cogs.events import Events, LeftEvents
from cogs.examples import Examples
from cogs.faults import UNPARSED, UNREACHABLE, why, why_unreached
from cogs.flushing import Flushing
from cogs.forget import Forget, MemoryActions
from cogs.help import HelpCog
from cogs.history import DiscordHistory
from cogs.late import LateMessages
from cogs.leftovers import Leftovers
from cogs.lined_posts import LinedPosts
from cogs.memories import Memories
from cogs.memory import MemoryAdmin
from cogs.mentions import Mentions
from cogs.named import AboutMe
from cogs.named_choices import NamedChoices
from cogs.names import CurrentNames
from cogs.observer import Observer
from cogs.pages import History
from cogs.privacy import Privacy
from cogs.publishing import Publisher, TakeDown
from cogs.recall import RecallCog
from cogs.remember import Remember
from cogs.rereading import ReadingAgain
from cogs.seeding import Seeding
from cogs.setup import Setup
from cogs.switching import Switching
from cogs.upcoming import UpcomingCog, UpcomingPages
from cogs.views.base import OpenViews
from cogs.warnings import WarningsCog

if TYPE_CHECKING:
    from bot.operate import Services

log = logging.getLogger(__name__)

TREE_HASH_KEY = "command_tree"
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 60.0


class _NotReached(Exception):
    """The gateway could not be reached by this attempt."""


class ChannelMemoryBot(commands.AutoShardedBot):
    """The bot as Discord sees it; what it knows and does is in the services.

    Args:
        services: what commands and listeners call.
        languages: what members are answered in.
        gateway_url: connect there instead of where Discord's REST API says.
        options: passed on to discord.py, such as `shard_count`.
    """

    def __init__(
        self,
        services: Services,
        languages: Languages,
        *,
        gateway_url: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nothing here speaks
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=CommandTree,
            intents=discord.Intents(guilds=True, guild_messages=True, message_content=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            **options,
        )
        self.services = services
        self.languages = languages
        self.cooldowns = Cooldowns()
        self.waiting = OpenViews()
        self._gateway = yarl.URL(gateway_url) if gateway_url else None
        self._connecting: set[int] = set()

    async def setup_hook(self) -> None:
        """Load the cogs and hand Discord the commands where they changed."""
        services = self.services
        guilds, directory = services.guilds, services.directory
        access = Access(guilds.threads)
        pages = History(self.http.logs_from, self.http.get_message, self._connection.create_message)
        archives = Archives(self.http.get_public_archived_threads, partial(discord.Thread, state=self._connection))
        late = LateMessages(pages, services.unread, services.intake)
        backfill = Backfill(services.intake, guilds.observations, guilds.threads, pages, archives, late, services.clock)
        history = DiscordHistory(self, backfill, pages)
        verification = Verification(
            services.log,
            services.intake,
            services.erasure,
            history,
            services.clock,
            standing=services.supervisor.standing("comparison of channels with Discord's history"),
        )
        accounts = DeletedAccounts(
            DiscordAccounts(self), directory, services.personal, services.installation, services.clock
        )
        presenter = Presenter(services.log, services.store, verification, guilds.consents.opted_out)
        publisher = Publisher(presenter, services.posts, guilds.consents, self.languages)
        responder = Responder(
            services.recall,
            services.answers,
            presenter,
            CurrentNames(self, directory),
            embeds_at_home=services.embeds_at_home,
        )
        answering = Answering(publisher, self.languages)
        examples = Examples(services.browse, presenter, directory)
        actions = MemoryActions(services.own, access, NamedChoices(services.named, access))
        about = AboutMe(services.named, directory, access, presenter, actions)
        reading_again = ReadingAgain(services.rereadings, guilds.audit, remembers=services.flusher is not None)
        control = Control(guilds, services.clerk, reading_again, self.languages)
        seeding = Seeding(self, guilds, services.observe_channels, self.languages)
        observer = Observer(
            self,
            guilds,
            services.log,
            services.intake,
            services.erasure,
            backfill,
            verification,
            accounts,
            services.supervisor,
            clock=services.clock,
            leads=services.leads,
            seeding=seeding,
            sweep_requests_per_minute=services.sweep_requests_per_minute,
        )
        await self.add_cog(observer)
        EventReader(self._connection.parsers, observer.missed, services.intake.counts)
        if services.flusher is not None:
            seconds = services.flush_check_seconds if services.flushes else None
            await self.add_cog(Flushing(self, services.flusher, services.installation, seconds=seconds))
        await self.add_cog(Remember(self, guilds, services.own, directory))
        await self.add_cog(Memories(services.own, services.named, directory, access, presenter, actions))
        await self.add_cog(
            MemoryAdmin(
                guilds, services.log, services.store, services.status, services.intake, services.flusher, control
            )
        )
        recall = RecallCog(
            services.recall,
            guilds,
            directory,
            presenter,
            access,
            responder,
            answering,
            actions,
            about,
            zone_of=guilds.zones.of,
        )
        await self.add_cog(recall)
        patient = PatientResponder(responder, seconds=services.quick_seconds)
        await self.add_cog(AskCog(patient, services.talks, access, answering, recall))
        await self.add_cog(
            Mentions(
                self,
                access,
                backfill,
                patient,
                services.talks,
                services.posts,
                answering,
                publisher,
                examples,
                self.languages,
            )
        )
        await self.add_cog(HelpCog(self, examples, access))
        events = Events(presenter, services.posts, guilds.consents, directory, access, zone_of=guilds.zones.of)
        await self.add_cog(
            UpcomingCog(
                partial(UpcomingPages, services.upcoming, directory, access, presenter, events, guilds.zones.of),
                events,
                about,
            )
        )
        await self.add_cog(BrowseCog(services.browse, directory, access, presenter, actions, about))
        await self.add_cog(
            CatchUpCog(
                services.catchup,
                services.awaited,
                directory,
                access,
                backfill,
                presenter,
                zone_of=guilds.zones.of,
                remembers=services.flusher is not None,
            )
        )
        lined = LinedPosts(
            self,
            services.posts,
            services.store,
            directory,
            access,
            guilds.consents,
            guilds.zones.of,
            services.clock,
            self.languages,
        )
        await self.add_cog(
            TakeDown(
                self,
                services.posts,
                lined,
                LeftEvents(services.posts, services.clock),
                access,
                verification,
                services.supervisor,
                seconds=services.take_down_seconds,
            )
        )
        await self.add_cog(self._digests(lined, presenter, access))
        watch = (services.matters, services.supervisor, self.languages, services.clock)
        await self.add_cog(WarningsCog(self, guilds, *watch, seconds=services.warning_seconds))
        await self.add_cog(Forget(access, actions, services.own, services.clerk, directory))
        switching = Switching(self, guilds, self.languages)
        await self.add_cog(Admin(guilds, backfill, switching))
        await self.add_cog(Setup(guilds, switching, seeding, control, self.languages))
        await self.add_cog(ChannelsCog(guilds.observations, access))
        await self.add_cog(Privacy(access, guilds, services.own, services.personal, services.intake, services.clerk))
        await self.add_cog(Leftovers(self.waiting))
        if services.leads:
            await self.sync_commands()

    def _digests(self, lined: LinedPosts, presenter: Presenter, access: Access) -> DigestCog:
        services, guilds = self.services, self.services.guilds
        posts = DigestPosts(
            self,
            guilds.digests,
            services.digest,
            services.posts,
            lined,
            presenter,
            access,
            guilds.consents,
            services.clock,
            services.step,
            self.languages,
        )
        return DigestCog(
            self,
            guilds.digests,
            guilds.audit,
            posts,
            services.supervisor,
            services.clock,
            guilds.zones.of,
            seconds=services.digest_seconds,
        )

    async def on_ready(self) -> None:
        """Tell the operator who this is and where, each time that every shard is there anew."""
        where = "no server yet" if not self.guilds else f"{len(self.guilds):,} server{'s' * (len(self.guilds) > 1)}"
        log.info("%s is connected, in %s; to invite it: %s", self.user, where, invite_link(self.application_id or 0))

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Note what a listener could not do: one line where the database or a service was at fault."""
        error = sys.exception()
        if isinstance(error, SQLAlchemyError | ServiceError):
            log.warning("%s could not be dealt with: %s", event_method, type(error).__name__)
        else:
            log.error("%s could not be dealt with", event_method, exc_info=error)

    async def on_message(self, message: discord.Message, /) -> None:
        """Messages are never commands here."""

    async def sync_commands(self) -> bool:
        """Send the command tree to Discord if it is not the one that was sent last; tells whether it was sent."""
        payload = await described(self.tree, self.languages)
        text = json.dumps([self.application_id, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if await self.services.installation.get(TREE_HASH_KEY) == digest:
            return False
        try:
            await send_commands(self.http, self.application_id or 0, payload)
        except (*UNREACHABLE, *UNPARSED) as error:
            log.warning("Commands could not be sent to Discord (%s); the next start tries again", why(error))
            return False
        await self.services.installation.set(TREE_HASH_KEY, digest, patient=True)
        return True

    async def login(self, token: str) -> None:
        """Log in; while Discord can't be reached, try again with growing waits.

        Raises:
            discord.LoginFailure: the token is wrong.
        """
        waits = Backoff(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS)
        while True:
            try:
                return await super().login(token)
            except discord.LoginFailure:
                raise
            except (*UNREACHABLE, *UNPARSED) as error:
                if self.cogs or isinstance(error, discord.Forbidden):  # it had answered: something else is wrong
                    raise
                delay = waits.after_failure()
                log.warning("Discord could not be reached (%s); next try in %.0f s", why_unreached(error), delay)
            await self.http.close()
            self.http.connector = discord.utils.MISSING  # closed with its session; a new one is made
            await asyncio.sleep(delay)

    async def launch_shards(self) -> None:
        """Connect every shard; where Discord doesn't even name its gateway, try again with growing waits."""
        waits = Backoff(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS)
        while not self.is_closed():
            try:
                return await super().launch_shards()
            except (*UNREACHABLE, *UNPARSED, discord.GatewayNotFound) as error:
                if self.shard_count is not None:  # the gateway is known: something else is wrong
                    raise
                delay = waits.after_failure()
                log.warning("No gateway (%s); next try in %.0f s", why(error), delay)
            await asyncio.sleep(delay)
        return None

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect one shard, with growing waits between attempts.

        discord.py's own method calls itself after a failed attempt, once every five seconds and one frame deeper each
        time, until Python's recursion limit ends the process. Its second call lands here and ends that attempt.
        """
        if shard_id in self._connecting:
            raise _NotReached
        waits = Backoff(FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS)
        while not self.is_closed():
            self._connecting.add(shard_id)
            try:
                return await super().launch_shard(self._gateway or gateway, shard_id, initial=initial)
            except _NotReached:
                initial = False
            finally:
                self._connecting.discard(shard_id)
            await asyncio.sleep(waits.after_failure())
        return None
