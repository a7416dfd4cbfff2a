"""The list of commands as Discord has it: described in every language, beside what is not ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discord import app_commands
from discord.http import HTTPClient

from bot.languages import Languages
from cogs.languages import DescriptionTranslator

ENTRY_POINT = 4
"""Type of the command that opens an application's Activity. It is the operator's, and Discord refuses every list of
commands that leaves it out (error 50240)."""
_OF_DISCORD = frozenset({"application_id", "version"})
"""Fields of a command that are Discord's alone to set."""


async def described(tree: app_commands.CommandTree[Any], languages: Languages) -> list[dict[str, Any]]:
    """All commands as Discord takes them."""
    translator = DescriptionTranslator(languages)
    return [await command.get_translated_payload(tree, translator) for command in tree.get_commands()]


async def send_commands(http: HTTPClient, application_id: int, commands: Sequence[dict[str, Any]]) -> None:
    """Put our commands in place of those that Discord knows; an Entry Point command stays as it is."""
    known: Sequence[Mapping[str, Any]] = await http.get_global_commands(application_id)
    held = [
        {name: value for name, value in command.items() if name not in _OF_DISCORD}
        for command in known
        if command.get("type") == ENTRY_POINT
    ]
    await http.bulk_upsert_global_commands(application_id, payload=[*commands, *held])
