"""Where the members of a server are: whose days and clock are meant when a day or a time is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from difflib import get_close_matches
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.domain import Phrase, UserError

if TYPE_CHECKING:
    from bot.guilds.rules import ServerRules

ZoneOf = Callable[[int], tzinfo]
"""Gives the time zone of a server by its id, without waiting."""

_NO_PLACES = frozenset({"localtime", "Factory", "posixrules"})
_SHOWN = 60
"""Characters of a wrong name that are repeated."""


def utc_of(guild_id: int) -> tzinfo:
    """UTC, for every server."""
    return UTC


class Zones:
    """The time zone of each server: the one that it chose, or else the bot's own.

    Args:
        rules: what servers chose, held in memory.
        default: TIME_ZONE of the settings.
    """

    def __init__(self, rules: ServerRules, default: tzinfo = UTC) -> None:
        self._rules = rules
        self.default = default

    def of(self, guild_id: int) -> tzinfo:
        """The zone of a server; the bot's own where its choice is not known to this machine."""
        name = self._rules.of(guild_id).zone
        try:
            return self.default if name is None else ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return self.default


def zone_name(text: str) -> str:
    """The IANA name that a text means: itself in any case, or its last part where that is a place ("new york").

    It reads a directory of files, so call it in a thread.

    Raises:
        UserError: no zone is called so.
    """
    wanted = "_".join(text.split()).casefold()
    names = {name.casefold(): name for name in available_timezones() - _NO_PLACES}
    if wanted in names:
        return names[wanted]
    places = sorted((name for name in names if name.endswith(f"/{wanted}")), key=lambda name: (len(name), name))
    if places and wanted:
        return names[places[0]]
    by_place = {name.rpartition("/")[2]: full for name, full in names.items()} | names
    near = [by_place[name] for name in get_close_matches(wanted[:_SHOWN], by_place, n=1)]
    shown = " ".join(text.split())[:_SHOWN]
    if near:
        raise UserError(Phrase("I don't know the time zone “{zone}”; did you mean {near}?", zone=shown, near=near[0]))
    raise UserError(
        Phrase(
            "I don't know the time zone “{zone}”; write its IANA name, for example Europe/Berlin or America/New_York.",
            zone=shown,
        )
    )
