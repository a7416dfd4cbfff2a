"""Puts a batch to the models: what they propose, as far as it passes the exact checks, and how they judge it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from bot.domain import MENTION, PERSONAL_KINDS, MemoryKind, people_in
from bot.guilds import ZoneOf, utc_of
from bot.remember import exact
from bot.remember.check import Candidate, Checker
from bot.remember.evidence import Hearing
from bot.remember.explain import Explanations
from bot.remember.fitness import OWN_LINE, OWN_STATEMENT, Call
from bot.remember.propose import Proposal, Proposer
from bot.remember.statement import Cost, Judgement, Proposed, Statement
from bot.remember.transcript import CHANNEL, Transcript
from bot.text import SecretFinder

if TYPE_CHECKING:
    from bot.guilds import Consents
    from bot.llm import Before
    from bot.observe import Directory
    from bot.remember.queue import Work

NO_CONSENT = "no consent"
OTHERS = "about others"
TOO_MANY = "too many"

MOST_A_LINE = 3
"""Proposals on a line that are read: more is not asked for, and what checks them has to be shown them all."""

Turn = AbstractAsyncContextManager["Before | None"]
"""Entered before a model is asked, and left with its answer; gives what is awaited before each attempt."""


class Reader:
    """Puts a batch to the models.

    Attributes:
        bot_id: this bot's own user id, once it is known; what is said to it is not kept.
    """

    def __init__(
        self,
        proposer: Proposer,
        checker: Checker,
        directory: Directory,
        consents: Consents,
        secrets: SecretFinder,
        zone_of: ZoneOf = utc_of,
        explain: Explanations | None = None,
    ) -> None:
        """Prepare reading.

        Args:
            proposer: makes the first call.
            checker: makes the second one.
            directory: names of speakers and channels.
            consents: who allows facts about themselves to be kept.
            secrets: finds what no model is shown and no memory holds.
            zone_of: where the members of a server are; it decides which day "tomorrow" is.
            explain: writes what becomes of each proposal.
        """
        self.bot_id: int | None = None
        self._proposer = proposer
        self._checker = checker
        self._directory = directory
        self._consents = consents
        self._secrets = secrets
        self._zone_of = zone_of
        self._explain = explain

    async def propose(self, work: Work, turn: Turn) -> Proposed:
        """What the model proposes on a batch, as far as it passes the exact checks.

        Raises:
            AnswerError: the answer can't be used.
            ServiceError: the model's service failed.
        """
        transcript = await self._transcript(work)
        authors = {line.author_id for line in transcript.new}
        personal = {user_id for user_id in authors if self._consents.facts(work.batch.guild_id, user_id)}
        proposals = await self._proposer.propose(transcript, personal, turn)
        refusals = Counter(proposals.refusals)
        statements: list[Statement] = []
        doubtful: list[Statement] = []
        most = MOST_A_LINE * len(transcript.new)
        if len(proposals.items) > most:
            refusals[TOO_MANY] += len(proposals.items) - most
        read = proposals.items[:most]
        zone = self._zone_of(work.batch.guild_id)
        screened = await asyncio.to_thread(self._screened, read, transcript, personal, zone)
        for proposal, (statement, reason) in zip(read, screened, strict=True):
            if self._explain is not None:
                self._explain.proposed(work.batch.id, proposal, statement, reason)
            if reason is None:
                statements.append(statement)
            else:
                refusals[reason] += 1
                if reason in exact.VALUE_REFUSALS:
                    doubtful.append(statement)
        return Proposed(tuple(statements), tuple(doubtful), refusals, proposals.cost)

    async def check(
        self, work: Work, candidates: Sequence[Candidate], turn: Turn
    ) -> tuple[list[Judgement | None], Cost]:
        """What the model says on statements of a batch.

        Raises:
            AnswerError: the answer can't be used.
            ServiceError: the model's service failed.
        """
        return await self._checker.check(await self._transcript(work), candidates, turn)

    async def prove(self, call: Call) -> None:
        """Have a call made about a line of our own, and read the answer, which is kept nowhere.

        Raises:
            AnswerError: the answer can't be used.
            ServiceError: the model's service failed.
        """
        transcript = Transcript((OWN_LINE,), context=(), names={}, secrets=self._secrets)
        if call is Call.PROPOSE:
            self._screened((await self._proposer.propose(transcript, ())).items, transcript, set(), UTC)
        else:
            own = Statement(MemoryKind.DECISION, OWN_STATEMENT, (OWN_LINE.id,))
            await self._checker.check(transcript, [Candidate(own)])

    async def _transcript(self, work: Work) -> Transcript:
        messages = (*work.context, *work.messages)
        channels = {int(channel_id) for message in messages for channel_id in CHANNEL.findall(message.content)}
        return await asyncio.to_thread(  # a hundred long messages full of figures take a minute
            Transcript,
            work.messages,
            context=work.context,
            names=await self._directory.names(work.batch.guild_id, {m.author_id for m in messages}),
            channels=await self._directory.channels(work.batch.guild_id, channels),
            secrets=self._secrets,
            zone=self._zone_of(work.batch.guild_id),
        )

    def _screened(
        self, proposals: Sequence[Proposal], transcript: Transcript, personal: set[int], zone: tzinfo
    ) -> list[tuple[Statement, str | None]]:
        """The statement that each proposal is, and why it may not be kept, if it may not."""
        hearing = Hearing(list(transcript.lines.values()), zone)
        return [self._screen(proposal, hearing, transcript.people, personal) for proposal in proposals]

    def _screen(
        self, proposal: Proposal, hearing: Hearing, people: Collection[int], personal: set[int]
    ) -> tuple[Statement, str | None]:
        personally = proposal.kind in PERSONAL_KINDS
        stating = tuple(line.message_id for line in proposal.lines if line.is_new)
        before = {line.message_id for line in proposal.lines if not (line.is_new or personally)}
        statement = Statement(proposal.kind, proposal.text, stating, tuple(sorted(before)))
        if reason := self._unfit(proposal, personal):
            return statement, reason
        verdict = exact.check(
            proposal.text,
            (*statement.supporting, *stating),
            hearing,
            people,
            personal=personally,
            topic=proposal.kind is MemoryKind.TOPIC,
            bot_id=self.bot_id,
            secrets=self._secrets,
        )
        if isinstance(verdict, exact.Refusal):
            return statement, verdict.value
        return replace(statement, text=verdict.text, supporting=tuple(sorted(before.union(verdict.supporting)))), None

    def _unfit(self, proposal: Proposal, personal: set[int]) -> str | None:
        """Why a proposal is not kept, for who is in it or said it."""
        if proposal.names_nobody:
            return exact.Refusal.PERSON.value
        addressees = {
            user_id for line in proposal.lines for user_id in (line.to, *map(int, MENTION.findall(line.text)))
        }
        if self.bot_id in addressees - {None}:
            return exact.Refusal.BOT.value
        if proposal.kind not in PERSONAL_KINDS:
            return None
        authors = {line.author_id for line in proposal.lines}
        if len(authors) > 1 or not people_in([proposal.text]) <= authors:
            return OTHERS
        return None if authors <= personal else NO_CONSENT
