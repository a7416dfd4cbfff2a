"""The bot mentioned with a question in an observed channel, or answered: it answers from what everybody there may read.

A reply to one of its answers needs no mention, and is understood with the question that was answered.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Phrase
from bot.recall import AskedQuestion, RecallQuery
from cogs import texts
from cogs.access import Access
from cogs.content import is_from_person
from cogs.faults import UNREACHABLE, why
from cogs.publishing import Place, why_not_here
from cogs.recall import MAX_QUERY
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from bot.forget import Posts
    from bot.languages import Languages
    from bot.memories import Asker
    from bot.recall import PatientResponder, Talks
    from cogs.answering import Answering
    from cogs.backfill import Backfill
    from cogs.examples import Examples
    from cogs.publishing import Publisher

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
        responder: PatientResponder,
        talks: Talks,
        posts: Posts,
        answering: Answering,
        publisher: Publisher,
        examples: Examples,
        languages: Languages,
    ) -> None:
        self._bot = bot
        self._languages = languages
        self._access = access
        self._backfill = backfill
        self._responder = responder
        self._talks = talks
        self._posts = posts
        self._answering = answering
        self._publisher = publisher
        self._examples = examples
        self._uses: dict[tuple[str, int], app_commands.Cooldown] = {}

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a person who asks; in a channel that is not observed only say so."""
        place, member = message.channel, message.author
        if not is_from_person(message) or not isinstance(place, Place) or not isinstance(member, discord.Member):
            return
        question = self._question(message)
        replied = self._answered_by_me(message)
        if question is None and replied is None:
            return
        try:
            if question is None and not await self._is_answer(replied):
                return
            if why_not_here(member, place) or not self._may_ask(message):
                return
            await self._react(message, place, member, question)
        except UNREACHABLE as error:
            log.warning("Message %d could not be answered (%s)", message.id, why(error))
        except SQLAlchemyError as error:
            log.warning("Message %d could not be answered (%s)", message.id, type(error).__name__)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """A question that was deleted helps no other."""
        self._talks.forget([payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """The same of many."""
        self._talks.forget(payload.message_ids)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """What was asked is not what was said any more, unless Discord only adds what a link in it leads to."""
        if payload.data.get("edited_timestamp"):
            self._talks.forget([payload.message_id])

    async def _react(
        self, message: discord.Message, place: Place, member: discord.Member, question: str | None
    ) -> None:
        asked = _plain(message.content) if question is None else question
        if not self._backfill.observes(place):
            if question is not None:
                await self._say(message, texts.NOT_LISTENING)
        elif not asked:
            await self._explain(message, place, member)
        else:
            await self._answer(message, place, member, asked)

    async def _explain(self, message: discord.Message, place: Place, member: discord.Member) -> None:
        """Tell everybody how to ask, with examples of what all of them may read; it goes when such a topic goes."""
        asker = await self._access.member(member, place)

        async def everybody() -> frozenset[int]:
            return await self._access.public(await self._access.member(member, place), place)

        examples = await self._examples.of(place.guild, everybody)
        hits = [example.hit for example in examples if example.hit is not None]
        text = Phrase.joined("\n- ", [texts.HOW_TO_ASK, *(example.text for example in examples)])
        if not hits:
            await self._say(message, text)
            return
        shown = self._languages.of(place.guild.preferred_locale).translated(text)
        posted = await self._publisher.post(
            place, text_view(shown), everybody, asker=asker, asked_id=message.id, cited=hits, answers=message
        )
        if posted is None:  # something of it is not any more what it was
            await self._say(message, Phrase.joined("\n- ", [texts.HOW_TO_ASK, *texts.FIXED_QUESTIONS]))

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
            earlier=self._earlier(message, asker),
        )
        self._talks.note(
            AskedQuestion(
                id=message.id,
                guild_id=asker.guild_id,
                channel_id=place.id,
                asker_id=asker.user_id,
                text=query.text,
                public=True,
            )
        )
        answering = self._answering.posting(place, asker, everybody, asked_id=message.id, most=HITS, answers=message)
        async with answering as posting:
            async with place.typing():
                answered = await self._responder.respond(query, everybody, posting.meanwhile)
            reply = await posting.finish(answered) or await self._say(message, texts.NOTHING_KNOWN)
        self._talks.answered(message.id, reply.id)

    def _earlier(self, message: discord.Message, asker: Asker) -> str:
        """The question before this one: that which the message answers to, or else the asker's own in this channel."""
        replied = self._answered_by_me(message)
        before = None if replied is None else self._talks.answered_by(replied)
        if before is not None:
            return before.text
        return self._talks.before(asker.guild_id, message.channel.id, asker.user_id, public=True)

    def _question(self, message: discord.Message) -> str | None:
        """What somebody asks this bot by its name; None where they don't name it."""
        me = self._bot.user
        if me is None:
            return None
        rest, count = re.subn(rf"<@!?{re.escape(str(me.id))}>", " ", message.content)
        return _plain(rest) if count else None

    def _answered_by_me(self, message: discord.Message) -> int | None:
        """The message of this bot that a message replies to."""
        reference, me = message.reference, self._bot.user
        if reference is None or me is None or message.type is not discord.MessageType.reply:
            return None
        replied = reference.resolved
        return replied.id if isinstance(replied, discord.Message) and replied.author.id == me.id else None

    async def _is_answer(self, message_id: int | None) -> bool:
        """Whether a message of the bot answers somebody."""
        if message_id is None:
            return False
        return self._talks.answered_by(message_id) is not None or await self._posts.is_answer(message_id)

    async def _say(self, message: discord.Message, text: str) -> discord.Message:
        """Answer with a text that cites nothing, in the language of the server."""
        language = self._languages.of("" if message.guild is None else message.guild.preferred_locale)
        silent = discord.AllowedMentions.none()
        return await message.reply(
            language.translated(text), allowed_mentions=silent, mention_author=False, suppress_embeds=True
        )

    def _may_ask(self, message: discord.Message) -> bool:
        """Count the question; False where there were too many lately."""
        now = message.created_at.timestamp()
        if len(self._uses) >= MANY:
            self._uses = {key: uses for key, uses in self._uses.items() if uses.get_retry_after(now)}
        member = self._uses.setdefault(("member", message.author.id), app_commands.Cooldown(*BY_A_MEMBER))
        channel = self._uses.setdefault(("channel", message.channel.id), app_commands.Cooldown(*IN_A_CHANNEL))
        return not member.update_rate_limit(now) and not channel.update_rate_limit(now)


def _plain(content: str) -> str:
    return " ".join(content.split()).strip(" ,:;")
