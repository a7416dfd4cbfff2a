"""What the whole program holds of a member: one place to have it deleted, and one to be given it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.forget.erasure import Erasure
    from bot.forget.proof import Receipt, Removal
    from bot.storage import Record, Sections, Store

WITHHELD = "(not shown: it also stands on what others said in a channel that you can't read now)"

_OF_DOUBT = frozenset({"may_have_changed_since", "doubt_channel"})


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything that is held of a member, by store.

    Attributes:
        guild_id: the server that it is limited to; None for all.
        made_at: when it was put together.
        sections: records by the name of their store.
    """

    user_id: int
    guild_id: int | None
    made_at: datetime
    sections: Sections


def for_eyes_with(dossier: Dossier, readable: frozenset[int]) -> Dossier:
    """The dossier as its member may see it in Discord.

    A memory that also stands on what others said where the member can't read is named without its text; and by what
    message it may have changed is told where they can read that.
    """

    def shown(record: Record) -> Record:
        if "doubt_channel" in record and int(record["doubt_channel"]) not in readable:
            record = {name: value for name, value in record.items() if name not in _OF_DOUBT}
        if not record.get("messages_of_others") or set(map(int, record["channels"])) <= readable:
            return record
        return {**record, "text": WITHHELD}

    sections = {name: [shown(record) for record in records] for name, records in dossier.sections.items()}
    return replace(dossier, sections=sections)


class PersonalData:
    """Answers "delete this user" and "give this user's data" for the whole program."""

    def __init__(self, erasure: Erasure, stores: Sequence[Store]) -> None:
        self._erasure = erasure
        self._stores = stores

    async def delete(
        self,
        user_id: int,
        guild_id: int | None = None,
        *,
        up_to: int | None = None,
        first: Callable[[], Awaitable[object]] | None = None,
        removal: Removal | None = None,
    ) -> Receipt:
        """Erase a member from every store, in one server or (None) in all; see `Erasure.erase_member`.

        One at a time for each member, in all processes: two at once would share out what each tells that it removed.

        Args:
            user_id: the member.
            guild_id: limits it to one server.
            up_to: see `Erasure.erase_member`.
            first: awaited once nobody else is at it, such as what would have others begin.
            removal: see `Erasure.erase_member`.
        """
        async with self._erasure.alone_with(user_id):
            if first is not None:
                await first()
            return await self._erasure.erase_member(user_id, guild_id, up_to=up_to, removal=removal)

    async def give(self, user_id: int, guild_id: int | None = None) -> Dossier:
        """Everything that is held of a member, in one server or (None) in all."""
        sections: dict[str, Sequence[Record]] = {}
        for store in self._stores:
            sections.update(await store.give(user_id, guild_id))
        largest_first = sorted(sections, key=lambda name: -len(sections[name]))
        return Dossier(user_id, guild_id, datetime.now(UTC), {name: sections[name] for name in largest_first})
