"""What members allow: whether they are remembered at all, and whether facts about themselves are kept.

Choices are kept under a keyed hash, so that the bot remembers whom to leave alone without keeping their id.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Clock, people_in, snowflake, system_clock, without_people
from bot.guilds.rules import ConsentRule, FactsRule, Rules, ServerRules
from bot.storage import (
    ErasureLine,
    Installation,
    LineKind,
    Record,
    Sections,
    Store,
    consents,
    note_lines,
    upsert,
    watermarks,
)

if TYPE_CHECKING:
    from bot.storage import Database

EVERYWHERE = 0
"""The guild id of a choice for every server."""

_KEY = "subject_key"
_KEY_BYTES = 32


class SubjectHasher:
    """Turns user ids into the names under which choices and watermarks are kept."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    async def load(cls, db: Database) -> SubjectHasher:
        """The hasher of this installation; its random key is made once and kept in the database."""
        return cls(bytes.fromhex(await Installation(db).set_first(_KEY, secrets.token_hex(_KEY_BYTES))))

    @property
    def installation(self) -> str:
        """By what this installation is known where its key must not stand."""
        return self.subject(0)

    def subject(self, user_id: int) -> str:
        """HMAC-SHA256 of the id, in hexadecimal: 64 characters."""
        return hmac.new(self._key, str(user_id).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Consent:
    """A member's choice for a server.

    Attributes:
        opted_out: nothing of theirs may be kept.
        facts: facts and preferences that they state about themselves may be kept; None where they did not choose.
        opted_in: they said yes, which counts where a server keeps only those who did.
    """

    opted_out: bool = False
    facts: bool | None = None
    opted_in: bool = False


class Consents(Store):
    """Members' choices, in memory for the listeners and in the database for the log.

    A choice for one server holds there against the choice for every server that was made before it; a choice for
    every server replaces them all. They outlive an erasure, so that it lasts.
    """

    name = "choices"
    tables = (consents,)

    def __init__(
        self, db: Database, hasher: SubjectHasher, clock: Clock = system_clock, rules: ServerRules | None = None
    ) -> None:
        super().__init__(db)
        self._hasher = hasher
        self._clock = clock
        self.rules = rules or ServerRules(db, clock)
        self._choices: dict[tuple[int, str], Consent] = {}

    @property
    def hasher(self) -> SubjectHasher:
        """How members are named where their id must not stand."""
        return self._hasher

    async def load(self) -> None:
        """Read all choices; call once before anything is asked."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(consents))
            self._choices = {(row.guild_id, row.subject): _from_row(row) for row in rows}
        await self.rules.load()

    def choice(self, guild_id: int, user_id: int) -> Consent:
        """What this member chose for this server, or for every server."""
        return self._choice(guild_id, user_id)

    def chosen(self, user_id: int) -> dict[int, Consent]:
        """Everything that this member chose, by server (EVERYWHERE for all)."""
        subject = self._hasher.subject(user_id)
        return {guild_id: choice for (guild_id, whose), choice in self._choices.items() if whose == subject}

    def left_out(self, guild_id: int, user_id: int) -> bool:
        """Whether nothing of this member may be kept, by their choice or for want of one that the server asks for."""
        return _left_out(self._choice(guild_id, user_id), self.rules.of(guild_id))

    def opted_out(self, guild_id: int, user_id: int) -> bool:
        """Whether nothing of this member may be kept from this server."""
        return self._choice(guild_id, user_id).opted_out

    def facts(self, guild_id: int, user_id: int) -> bool:
        """Whether facts that this member states about themselves may be kept, by the server's rule and their choice."""
        return _facts(self._choice(guild_id, user_id), self.rules.of(guild_id))

    async def left_out_among(
        self, connection: AsyncConnection, members: Mapping[tuple[int, int], str]
    ) -> set[tuple[int, int]]:
        """Of whom of `members` (guild and user id, with their subject) nothing may be kept, as the database has it."""
        left_out, _ = await self.standing_of(connection, members)
        return left_out

    async def standing_of(
        self, connection: AsyncConnection, members: Mapping[tuple[int, int], str]
    ) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
        """Of whom of `members` nothing may be kept, and of whom facts about themselves may, as the database has it."""
        current = await self._current(connection, members)
        left_out = {member for member, (choice, rules) in current.items() if _left_out(choice, rules)}
        return left_out, {member for member, (choice, rules) in current.items() if _facts(choice, rules)}

    async def without_opted_out(self, connection: AsyncConnection, texts: Sequence[tuple[int, str]]) -> list[str]:
        """Texts of servers without mentions of members who opted out there, as the database has it."""
        mentioned = {(guild_id, user_id) for guild_id, text in texts for user_id in people_in([text])}
        if not mentioned:
            return [text for _, text in texts]
        subjects = {member: self._hasher.subject(member[1]) for member in mentioned}
        current = await self._current(connection, subjects)
        gone = {member for member, (choice, _) in current.items() if choice.opted_out}
        return [without_people(text, {user_id for place, user_id in gone if place == guild}) for guild, text in texts]

    async def _current(
        self, connection: AsyncConnection, members: Mapping[tuple[int, int], str]
    ) -> dict[tuple[int, int], tuple[Consent, Rules]]:
        """The choices of members and the rules of their servers, inside the caller's transaction."""
        rows = await connection.execute(select(consents).where(consents.c.subject.in_(set(members.values()))))
        choices = {(row.guild_id, row.subject): _from_row(row) for row in rows}
        guild_ids = {guild_id for guild_id, _ in members}
        rules = {guild_id: await self.rules.current(connection, guild_id) for guild_id in guild_ids}
        return {
            (guild_id, user_id): (_effective(choices, guild_id, subject), rules[guild_id])
            for (guild_id, user_id), subject in members.items()
        }

    async def opt_out(self, user_id: int, guild_id: int | None) -> None:
        """Keep nothing of this member from now on, in one server or (None) in all.

        What is kept already is for `Erasure` to remove.
        """
        await self._choose(user_id, guild_id, Consent(opted_out=True))

    async def opt_in(self, user_id: int, guild_id: int | None) -> None:
        """Start again, in one server or (None) in all; what was chosen about facts before an opt-out is forgotten."""
        chosen = self._choice(guild_id or EVERYWHERE, user_id)
        await self._choose(user_id, guild_id, Consent(facts=chosen.facts, opted_in=True))

    async def set_facts(self, user_id: int, guild_id: int | None, allowed: bool) -> None:
        """Allow or stop keeping facts that the member states about themselves; an opt-out goes before."""
        chosen = self._choice(guild_id or EVERYWHERE, user_id)
        await self._choose(user_id, guild_id, replace(chosen, facts=allowed and not chosen.opted_out))

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """What the member chose and had erased, by server ("every server" where it is for all)."""
        marks = select(watermarks).where(watermarks.c.subject == self._hasher.subject(user_id))
        async with self._db.read() as connection:
            erased = {row.guild_id: row.up_to for row in await connection.execute(marks)}
        chosen = self.chosen(user_id)
        places = [p for p in sorted({*chosen, *erased}) if guild_id is None or p in (EVERYWHERE, guild_id)]
        return {self.name: [_record(p, chosen.get(p, Consent()), erased.get(p)) for p in places]}

    def _choice(self, guild_id: int, user_id: int) -> Consent:
        if not self._choices:
            return Consent()
        return _effective(self._choices, guild_id, self._hasher.subject(user_id))

    async def _choose(self, user_id: int, guild_id: int | None, choice: Consent) -> None:
        await self.choose(self._hasher.subject(user_id), guild_id or EVERYWHERE, choice, at_ms=self._clock())

    async def choose(self, subject: str, place: int, choice: Consent, *, at_ms: int) -> None:
        """Take down what a member chose, by their keyed hash, for one server or EVERYWHERE, and when."""
        values = {
            "opted_out": choice.opted_out,
            "opted_in": choice.opted_in,
            "facts": choice.facts,
            "updated_ms": at_ms,
        }
        line = ErasureLine(
            kind=LineKind.CHOICE, at_ms=at_ms, guild_id=place, subject=subject, value=json.dumps(choice_words(choice))
        )
        row = upsert(self._db.dialect, consents).values(guild_id=place, subject=subject, **values)
        async with self._db.write() as connection:
            if place == EVERYWHERE:
                await connection.execute(update(consents).where(consents.c.subject == subject).values(**values))
            keys = [consents.c.guild_id, consents.c.subject]
            await connection.execute(row.on_conflict_do_update(index_elements=keys, set_=values))
            await note_lines(connection, [line])
        if place == EVERYWHERE:
            self._choices.update({key: choice for key in self._choices if key[1] == subject})
        self._choices[place, subject] = choice


def choice_words(choice: Consent) -> dict[str, bool]:
    """A choice in a few words, for a line of the file of erasures; see `choice_of`."""
    known = {"out": choice.opted_out, "in": choice.opted_in, "facts": choice.facts}
    return {word: value for word, value in known.items() if value is not None}


def choice_of(words: Mapping[str, bool]) -> Consent:
    """The choice that `choice_words` wrote."""
    return Consent(words["out"], words.get("facts"), words["in"])


def _effective(choices: Mapping[tuple[int, str], Consent], guild_id: int, subject: str) -> Consent:
    return choices.get((guild_id, subject)) or choices.get((EVERYWHERE, subject)) or Consent()


def _left_out(choice: Consent, rules: Rules) -> bool:
    return choice.opted_out or (rules.consent is ConsentRule.OPTED_IN and not choice.opted_in)


def _facts(choice: Consent, rules: Rules) -> bool:
    if rules.facts is FactsRule.NOBODY or _left_out(choice, rules):
        return False
    return choice.facts is not False if rules.facts is FactsRule.EVERYBODY else bool(choice.facts)


def _record(place: int, choice: Consent, erased_up_to: int | None) -> Record:
    return {
        "server": "every server" if place == EVERYWHERE else str(place),
        "opted_out": choice.opted_out,
        "opted_in": choice.opted_in,
        "facts": choice.facts,
        "erased_up_to": None if erased_up_to is None else snowflake.to_datetime(erased_up_to).isoformat(),
    }


def _from_row(row: Row[Any]) -> Consent:
    return Consent(row.opted_out, row.facts, row.opted_in)
