"""Who may use a command, checked here; what Discord is told about permissions is a hint that admins can override."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands

Interaction = discord.Interaction[Any]
T = TypeVar("T")

MANY = 10_000
"""Members with recent uses after which those whose time is over are dropped."""


def require_manager(interaction: Interaction) -> None:
    """Let only members with Manage Server go on.

    Raises:
        app_commands.MissingPermissions: they don't have it.
    """
    if not interaction.permissions.manage_guild:
        raise app_commands.MissingPermissions(["manage_guild"])


def manager_only(function: T) -> T:
    """A command for members with Manage Server."""

    def check(interaction: Interaction) -> bool:
        require_manager(interaction)
        return True

    return app_commands.check(check)(function)


class Cooldowns:
    """How often members used commands lately; belongs to one client.

    discord.py's own decorator keeps this beside the function, so for every client of the process.
    """

    def __init__(self) -> None:
        self._uses: dict[tuple[str, int | None, int], app_commands.Cooldown] = {}

    def use(self, interaction: Interaction, rate: int, seconds: float, *, button: str = "") -> None:
        """Count one use of the interaction's command by its member.

        Args:
            interaction: the use.
            rate: so many are let through
            seconds: in so many seconds.
            button: what was pressed, where it was a button: each view makes its buttons anew.

        Raises:
            app_commands.CommandOnCooldown: there were `rate` uses within `seconds` already.
        """
        now = interaction.created_at.timestamp()
        if len(self._uses) >= MANY:
            self._uses = {key: uses for key, uses in self._uses.items() if uses.get_retry_after(now)}
        name = button if interaction.command is None else interaction.command.qualified_name
        key = (name, interaction.guild_id, interaction.user.id)
        uses = self._uses.setdefault(key, app_commands.Cooldown(rate, seconds))
        if retry_after := uses.update_rate_limit(now):
            raise app_commands.CommandOnCooldown(uses, retry_after)


def per_member(rate: int, seconds: float) -> Callable[[T], T]:
    """At most `rate` uses in `seconds` by a member of a server; the client counts."""

    def check(interaction: Interaction) -> bool:
        interaction.client.cooldowns.use(interaction, rate, seconds)
        return True

    return app_commands.check(check)
