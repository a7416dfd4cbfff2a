"""The Discord client: intents, cogs, errors of commands, and a first connection that is tried again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import discord
import yarl
from discord.ext import commands
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Backoff, ServiceError
from bot.languages import Languages
from bot.operate import invite_link
from cogs.checks import Cooldowns
from cogs.command_list import described, send_commands
from cogs.command_tree import CommandTree
from cogs.composition import compose_cogs
from cogs.faults import UNPARSED, UNREACHABLE, why, why_unreached
from cogs.views.base import OpenViews

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
        for cog in compose_cogs(self, self.services, self.languages, self.waiting):
            await self.add_cog(cog)
        if self.services.leads:
            await self.sync_commands()

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
