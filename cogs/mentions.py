"""The bot mentioned with a question in an observed channel: it answers from what everybody there may read."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands
from sqlalchemy.exc import SQLAlchemyError

from bot.recall import RecallQuery
from cogs import texts
from cogs.access import Access
from cogs.content import is_from_person
from cogs.faults import UNREACHABLE, why
from cogs.publishing import Place, why_not_here
from cogs.recall import MAX_QUERY

if TYPE_CHECKING:
    from bot.recall import Responder
    from cogs.answering import Answering
    from cogs.backfill import Backfill

log = logging.getLogger(__name__)

BY_A_MEMBER = (3, 60.0)
IN_A_CHANNEL = (6, 60.0)
"""Answers at most, and seconds: everybody sees them, and each may take a model's time. Beyond that it is silent."""

HITS = 3
"""Hits that are posted where there is no answer."""

MANY = 10_000
"""Members and channels with recent questions after which those whose time is over are dropped."""


class Mentions(commands.Cog):
    """Answers in public, where it is asked by its name."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        access: Access,
        backfill: Backfill,
        responder: Responder,
        answering: Answering,
    ) -> None:
        self._bot = bot
        self._access = access
        self._backfill = backfill
        self._responder = responder
        self._answering = answering
        self._uses: dict[tuple[str, int], app_commands.Cooldown] = {}

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a person who asks; in a channel that is not observed only say so."""
        question = self._question(message)
        place, member = message.channel, message.author
        if question is None or not isinstance(place, Place) or not isinstance(member, discord.Member):
            return
        if why_not_here(member, place) or not self._may_ask(message):
            return
        try:
            if not self._backfill.observes(place):
                await _say(message, texts.NOT_LISTENING)
            elif not question:
                await _say(message, texts.HOW_TO_ASK)
            else:
                await self._answer(message, place, member, question)
        except UNREACHABLE as error:
            log.warning("Message %d could not be answered (%s)", message.id, why(error))
        except SQLAlchemyError as error:
            log.warning("Message %d could not be answered (%s)", message.id, type(error).__name__)

    async def _answer(self, message: discord.Message, place: Place, member: discord.Member, question: str) -> None:
        asker = await self._access.member(member, place)

        async def everybody() -> frozenset[int]:
            return await self._access.public(await self._access.member(member, place), place)

        query = RecallQuery(
            guild_id=asker.guild_id,
            text=question[:MAX_QUERY],
            channel_ids=frozenset(),
            asker_id=asker.user_id,
            asked_at=message.id,
            until=message.id - 1,  # the question is in the log by now, and would be its own best hit
        )
        async with place.typing():
            answered = await self._responder.respond(query, everybody)
        if not answered.shown or not await self._answering.publish(
            place, answered, asker, everybody, asked_id=message.id, most=HITS, answers=message
        ):
            await _say(message, texts.NOTHING_KNOWN)

    def _question(self, message: discord.Message) -> str | None:
        """What a person asks this bot; None where they don't. A reply to the bot that names it nowhere is none."""
        me = self._bot.user
        if me is None or not is_from_person(message):
            return None
        rest, count = re.subn(rf"<@!?{re.escape(str(me.id))}>", " ", message.content)
        return " ".join(rest.split()).strip(" ,:;") if count else None

    def _may_ask(self, message: discord.Message) -> bool:
        """Count the question; False where there were too many lately."""
        now = message.created_at.timestamp()
        if len(self._uses) >= MANY:
            self._uses = {key: uses for key, uses in self._uses.items() if uses.get_retry_after(now)}
        member = self._uses.setdefault(("member", message.author.id), app_commands.Cooldown(*BY_A_MEMBER))
        channel = self._uses.setdefault(("channel", message.channel.id), app_commands.Cooldown(*IN_A_CHANNEL))
        return not member.update_rate_limit(now) and not channel.update_rate_limit(now)


async def _say(message: discord.Message, text: str) -> None:
    """Answer with a text that cites nothing."""
    silent = discord.AllowedMentions.none()
    await message.reply(text, allowed_mentions=silent, mention_author=False, suppress_embeds=True)
