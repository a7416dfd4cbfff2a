"""/help: what can be asked here, and by which commands, for the asker alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Phrase
from cogs import texts
from cogs.access import Access
from cogs.checks import per_member
from cogs.languages import language_of
from cogs.reply import reply_view
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from bot.languages import Language
    from cogs.examples import Examples

Interaction = discord.Interaction[Any]
Known = app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu


class HelpCog(commands.Cog, name="Help"):
    """Shows a member how to begin."""

    def __init__(self, bot: commands.AutoShardedBot, examples: Examples, access: Access) -> None:
        self._bot = bot
        self._examples = examples
        self._access = access

    @app_commands.command(name="help", description="How to ask me, with examples, and the commands that you may use")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(5, 60.0)
    async def help(self, interaction: Interaction) -> None:
        """Show examples from what the asker may read, and the commands."""
        guild = interaction.guild
        if guild is None:
            return
        await interaction.response.defer(ephemeral=True, thinking=True)

        async def reading() -> frozenset[int]:
            return (await self._access.asker(interaction)).readable

        examples = await self._examples.of(guild, reading)
        known = self._bot.tree.get_commands()
        language = language_of(interaction)
        lines = [
            f"### {language.translated(texts.HELP_TITLE)}",
            language.translated(texts.HELP_INTRODUCTION),
            *(f"- `/ask` {language.translated(example.text)}" for example in examples),
            f"**{language.translated(texts.HELP_COMMANDS)}**",
            *_lines((command for command in known if may_use(command, interaction.permissions)), language),
            f"-# {language.translated(texts.HELP_BELOW)}",
        ]
        await reply_view(interaction, text_view("\n".join(lines)))


def may_use(command: Known, permissions: discord.Permissions) -> bool:
    """Whether a member with these permissions may use a command, unless admins of their server decided otherwise."""
    return command.default_permissions is None or command.default_permissions <= permissions


def _lines(known: Iterable[Known], language: Language) -> list[str]:
    """A line for each command, by name; message menus last."""
    lines = []
    for command in sorted(known, key=lambda command: (isinstance(command, app_commands.ContextMenu), command.name)):
        if isinstance(command, app_commands.ContextMenu):
            lines.append(f"- *{command.name}* – {language.translated(texts.HELP_MENU)}")
        else:
            lines.append(f"- `/{command.name}` – {language.translated(Phrase(command.description))}")
    return lines
