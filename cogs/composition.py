"""Every cog with the services that it uses, and the parts that several of them share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.forget import DeletedAccounts, Verification
from bot.languages import Languages
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
from cogs.connection import EventReader
from cogs.control import Control
from cogs.digest_posts import DigestPosts
from cogs.digests import DigestCog
from cogs.events import Events, LeftEvents
from cogs.examples import Examples
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
from cogs.pages import HistoryReader
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
from cogs.warning_posts import WarningPosts
from cogs.warnings import WarningsCog

if TYPE_CHECKING:
    from bot.operate import Services


@dataclass(frozen=True, slots=True)
class Shared:
    """What more than one group of cogs uses."""

    bot: commands.AutoShardedBot
    services: Services
    languages: Languages
    access: Access
    backfill: Backfill
    verification: Verification
    presenter: Presenter
    publisher: Publisher
    answering: Answering
    examples: Examples
    actions: MemoryActions
    about: AboutMe
    control: Control
    seeding: Seeding


def compose_cogs(
    bot: commands.AutoShardedBot, services: Services, languages: Languages, waiting: OpenViews
) -> list[commands.Cog]:
    """Every cog, in the order in which they are added.

    Args:
        bot: the client, before it is connected.
        services: what cogs call.
        languages: what members are answered in.
        waiting: the views that wait for presses.
    """
    shared = _shared(bot, services, languages)
    return [
        _observer(shared),
        *_remembering(shared),
        *_asking(shared),
        *_posting(shared),
        *_administering(shared),
        Leftovers(waiting),
    ]


def _shared(bot: commands.AutoShardedBot, services: Services, languages: Languages) -> Shared:
    guilds, connection = services.guilds, bot._connection
    access = Access(guilds.threads)
    pages = HistoryReader(bot.http.logs_from, bot.http.get_message, connection.create_message)
    archives = Archives(bot.http.get_public_archived_threads, partial(discord.Thread, state=connection))
    late = LateMessages(pages, services.unread, services.intake)
    backfill = Backfill(services.intake, guilds.observations, guilds.threads, pages, archives, late, services.clock)
    verification = Verification(
        services.log,
        services.intake,
        services.erasure,
        DiscordHistory(bot, backfill, pages),
        services.clock,
        standing=services.supervisor.standing("comparison of channels with Discord's history"),
    )
    presenter = Presenter(services.log, services.store, verification, guilds.consents.opted_out)
    publisher = Publisher(presenter, services.posts, guilds.consents, languages)
    actions = MemoryActions(services.own, access, NamedChoices(services.named, access))
    reading_again = ReadingAgain(services.rereadings, guilds.audit, remembers=services.flusher is not None)
    return Shared(
        bot=bot,
        services=services,
        languages=languages,
        access=access,
        backfill=backfill,
        verification=verification,
        presenter=presenter,
        publisher=publisher,
        answering=Answering(publisher, languages),
        examples=Examples(services.browse, presenter, services.directory),
        actions=actions,
        about=AboutMe(services.named, services.directory, access, presenter, actions),
        control=Control(guilds, services.clerk, reading_again, languages),
        seeding=Seeding(bot, guilds, services.observe_channels, languages),
    )


def _observer(shared: Shared) -> commands.Cog:
    bot, services = shared.bot, shared.services
    accounts = DeletedAccounts(
        DiscordAccounts(bot), services.directory, services.personal, services.installation, services.clock
    )
    observer = Observer(
        bot,
        services.guilds,
        services.log,
        services.intake,
        services.erasure,
        shared.backfill,
        shared.verification,
        accounts,
        services.supervisor,
        clock=services.clock,
        leads=services.leads,
        seeding=shared.seeding,
        sweep_requests_per_minute=services.sweep_requests_per_minute,
    )
    EventReader(bot._connection.parsers, observer.missed, services.intake.counts)
    return observer


def _remembering(shared: Shared) -> list[commands.Cog]:
    services, guilds, directory = shared.services, shared.services.guilds, shared.services.directory
    access, actions, presenter = shared.access, shared.actions, shared.presenter
    cogs: list[commands.Cog] = [
        Remember(shared.bot, guilds, services.own, directory),
        Memories(services.own, services.named, directory, access, presenter, actions),
        BrowseCog(services.browse, directory, access, presenter, actions, shared.about),
        Forget(access, actions, services.own, services.clerk, directory),
    ]
    if services.flusher is not None:
        seconds = services.flush_check_seconds if services.flushes else None
        cogs.append(Flushing(shared.bot, services.flusher, services.installation, seconds=seconds))
    return cogs


def _asking(shared: Shared) -> list[commands.Cog]:
    services, guilds, directory = shared.services, shared.services.guilds, shared.services.directory
    access, presenter, answering = shared.access, shared.presenter, shared.answering
    responder = Responder(
        services.recall,
        services.answers,
        presenter,
        CurrentNames(shared.bot, directory),
        embeds_at_home=services.embeds_at_home,
    )
    patient = PatientResponder(responder, seconds=services.quick_seconds)
    recall = RecallCog(
        services.recall,
        guilds,
        directory,
        presenter,
        access,
        responder,
        answering,
        shared.actions,
        shared.about,
        zone_of=guilds.zones.of,
    )
    mentions = Mentions(
        shared.bot,
        access,
        shared.backfill,
        patient,
        services.talks,
        services.posts,
        answering,
        shared.publisher,
        shared.examples,
        shared.languages,
    )
    events = Events(presenter, services.posts, guilds.consents, directory, access, zone_of=guilds.zones.of)
    upcoming = partial(UpcomingPages, services.upcoming, directory, access, presenter, events, guilds.zones.of)
    catch_up = CatchUpCog(
        services.catchup,
        services.awaited,
        directory,
        access,
        shared.backfill,
        presenter,
        zone_of=guilds.zones.of,
        remembers=services.flusher is not None,
    )
    return [
        recall,
        AskCog(patient, services.talks, access, answering, recall),
        mentions,
        HelpCog(shared.bot, shared.examples, access),
        UpcomingCog(upcoming, events, shared.about),
        catch_up,
    ]


def _posting(shared: Shared) -> list[commands.Cog]:
    bot, services, guilds = shared.bot, shared.services, shared.services.guilds
    posts, clock, languages, access = services.posts, services.clock, shared.languages, shared.access
    supervisor, zone_of = services.supervisor, guilds.zones.of
    lined = LinedPosts(
        bot, posts, services.store, services.directory, access, guilds.consents, zone_of, clock, languages
    )
    left = LeftEvents(posts, clock)
    take_down = TakeDown(
        bot, posts, lined, left, access, shared.verification, supervisor, seconds=services.take_down_seconds
    )
    digests = DigestPosts(
        bot,
        guilds.digests,
        services.digest,
        posts,
        lined,
        shared.presenter,
        access,
        guilds.consents,
        clock,
        services.step,
        languages,
    )
    digest = DigestCog(
        bot, guilds.digests, guilds.audit, digests, supervisor, clock, zone_of, seconds=services.digest_seconds
    )
    warning_posts = WarningPosts(guilds.warnings, languages, clock, services.step)
    warnings = WarningsCog(
        bot, guilds, services.matters, warning_posts, supervisor, clock, seconds=services.warning_seconds
    )
    return [take_down, digest, warnings]


def _administering(shared: Shared) -> list[commands.Cog]:
    services, guilds, control = shared.services, shared.services.guilds, shared.control
    switching = Switching(shared.bot, guilds, shared.languages)
    return [
        MemoryAdmin(guilds, services.log, services.store, services.status, services.intake, services.flusher, control),
        Admin(guilds, shared.backfill, switching),
        Setup(guilds, switching, shared.seeding, control, shared.languages),
        ChannelsCog(guilds.observations, shared.access),
        Privacy(shared.access, guilds, services.own, services.personal, services.intake, services.clerk),
    ]
