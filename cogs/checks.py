"""Who may use a command, checked here; what Discord is told about permissions is a hint that admins can override."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import discord
from discord import app_commands

Interaction = discord.Interaction[Any]
T = TypeVar("T")


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


def per_member(rate: int, seconds: float) -> Callable[[T], T]:
    """At most `rate` uses in `seconds` by a member of a server."""
    return app_commands.checks.cooldown(rate, seconds, key=lambda i: (i.guild_id, i.user.id))
