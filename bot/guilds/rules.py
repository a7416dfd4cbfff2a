"""What a server decided: whose messages and whose facts are kept, how long memories stay, and where its members are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import PERSONAL_KINDS, Clock, MemoryKind, system_clock
from bot.storage import ErasureLine, LineKind, Store, lifetimes, note_lines, rules, upsert

if TYPE_CHECKING:
    from bot.storage import Database, Erased

DEFAULT_DAYS = MappingProxyType(
    {MemoryKind.QUESTION: 90, MemoryKind.TOPIC: 365, **dict.fromkeys(PERSONAL_KINDS, 365)},
)
"""How long memories of these kinds are kept unless a server chose otherwise; the others have no limit."""


class ConsentRule(StrEnum):
    """Whose messages are kept in observed channels."""

    EVERYBODY = "everybody"  # unless they opted out
    OPTED_IN = "opted_in"  # nobody else


class FactsRule(StrEnum):
    """Of whom facts and preferences about themselves are kept."""

    ASKED = "asked"  # members who switched it on
    EVERYBODY = "everybody"  # whose messages are kept, unless they switched it off
    NOBODY = "nobody"


def default_lifetimes() -> Mapping[MemoryKind, int | None]:
    """Days that memories of each kind are kept; None is without limit."""
    return MappingProxyType({kind: DEFAULT_DAYS.get(kind) for kind in MemoryKind})


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one server.

    Attributes:
        lifetimes: days that memories of each kind are kept; None is without limit.
        zone: the IANA name of its time zone; None where the bot's own holds.
    """

    consent: ConsentRule = ConsentRule.EVERYBODY
    facts: FactsRule = FactsRule.ASKED
    lifetimes: Mapping[MemoryKind, int | None] = field(default_factory=default_lifetimes)
    zone: str | None = None


DEFAULT = Rules()


class ServerRules(Store):
    """The rules of every server: in memory for the listeners, in the database to last."""

    name = "rules"
    tables = (rules, lifetimes)
    of_server = True

    def __init__(self, db: Database, clock: Clock = system_clock) -> None:
        super().__init__(db)
        self._clock = clock
        self._rules: dict[int, Rules] = {}

    async def load(self) -> None:
        """Read all rules; call once before anything is asked."""
        async with self._db.read() as connection:
            self._rules = await _read(connection)

    def of(self, guild_id: int) -> Rules:
        """The rules of a server."""
        return self._rules.get(guild_id, DEFAULT)

    def known(self) -> Mapping[int, Rules]:
        """The servers that decided anything."""
        return self._rules

    async def current(self, connection: AsyncConnection, guild_id: int) -> Rules:
        """The rules of a server as the database has them inside the caller's transaction."""
        return (await _read(connection, guild_id)).get(guild_id, DEFAULT)

    async def decide(
        self, guild_id: int, *, consent: ConsentRule | None = None, facts: FactsRule | None = None
    ) -> Rules:
        """Change whose messages, or whose facts, are kept from now on; what is kept already stays."""
        now = self.of(guild_id)
        return await self._decided(guild_id, replace(now, consent=consent or now.consent, facts=facts or now.facts))

    async def set_zone(self, guild_id: int, zone: str | None) -> Rules:
        """Take days and times of a server for those of a time zone, by its IANA name (None: the bot's own)."""
        return await self._decided(guild_id, replace(self.of(guild_id), zone=zone))

    async def _decided(self, guild_id: int, wanted: Rules) -> Rules:
        values = {"consent": wanted.consent, "facts": wanted.facts, "zone": wanted.zone}
        row = upsert(self._db.dialect, rules).values(guild_id=guild_id, **values)
        line = ErasureLine(
            kind=LineKind.RULES, at_ms=self._clock(), guild_id=guild_id, value=f"{wanted.consent} {wanted.facts}"
        )
        async with self._db.write() as connection:
            await note_lines(connection, [line])
            await connection.execute(row.on_conflict_do_update(index_elements=[rules.c.guild_id], set_=values))
        self._rules[guild_id] = wanted
        return wanted

    async def set_lifetime(self, guild_id: int, kind: MemoryKind, days: int | None) -> Rules:
        """Keep memories of a kind for so many days (None: without limit), also those that are there."""
        row = upsert(self._db.dialect, lifetimes).values(guild_id=guild_id, kind=kind, days=days)
        keys = [lifetimes.c.guild_id, lifetimes.c.kind]
        async with self._db.write() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=keys, set_={"days": days}))
        now = self.of(guild_id)
        wanted = replace(now, lifetimes=MappingProxyType({**now.lifetimes, kind: days}))
        self._rules[guild_id] = wanted
        return wanted

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """The rules of a server that the bot has left go, from memory too."""
        if erased.left and erased.scope.guild_id is not None:
            self._rules.pop(erased.scope.guild_id, None)
        return await super().erased(connection, erased)


async def _read(connection: AsyncConnection, guild_id: int | None = None) -> dict[int, Rules]:
    """The rules of one server or (None) of all that decided anything."""
    decided, lasting = select(rules), select(lifetimes)
    if guild_id is not None:
        decided = decided.where(rules.c.guild_id == guild_id)
        lasting = lasting.where(lifetimes.c.guild_id == guild_id)
    by_guild = {row.guild_id: _from_row(row) for row in await connection.execute(decided)}
    for row in await connection.execute(lasting):
        known = by_guild.get(row.guild_id, DEFAULT)
        changed = MappingProxyType({**known.lifetimes, MemoryKind(row.kind): row.days})
        by_guild[row.guild_id] = replace(known, lifetimes=changed)
    return by_guild


def _from_row(row: Row[Any]) -> Rules:
    return Rules(ConsentRule(row.consent), FactsRule(row.facts), zone=row.zone)
