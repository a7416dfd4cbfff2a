"""From an error to the one sentence that the member sees, and to the log where operators need it.

The order: what the program says to users on purpose, cooldowns, checks, options that can't be read, services that are
down, and last what nobody foresaw, which is logged with a number that the member can quote.
"""

from __future__ import annotations

import logging
from typing import Any

import aiohttp
import discord
from discord import app_commands
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import ServiceError, UserError
from cogs import texts
from cogs.faults import UNPARSED, UNREACHABLE, why
from cogs.reply import reply

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]


async def answer_error(interaction: Interaction, error: Exception) -> None:
    """Tell the member what went wrong, and the log where it matters; commands, views and modals end here."""
    if interaction.client.is_closed():
        log.info("Interaction %d was cut off by the end of the program", interaction.id)
        return
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    sentence = _sentence(interaction, cause)
    if interaction.type is discord.InteractionType.autocomplete:
        return
    try:
        await reply(interaction, sentence)
    except (*UNREACHABLE, *UNPARSED) as failure:
        log.warning("Interaction %d could not be answered (%s)", interaction.id, why(failure))


def _sentence(interaction: Interaction, error: Exception) -> str:
    match error:
        case UserError():
            return error.sentence
        case app_commands.CommandOnCooldown():
            return texts.cooldown(error.retry_after)
        case app_commands.MissingPermissions():
            return texts.missing_permissions(error.missing_permissions)
        case app_commands.CheckFailure():
            return texts.NOT_ALLOWED
        case app_commands.TransformerError():
            return texts.BAD_OPTION
        case ServiceError():
            log.warning("Interaction %d failed: %s is unavailable", interaction.id, error.service)
            return texts.service_down(error.service)
        case discord.HTTPException() | aiohttp.ClientError() | TimeoutError():
            log.warning("Interaction %d failed: Discord did not take it (%s)", interaction.id, why(error))
            return texts.service_down("Discord")
        case SQLAlchemyError():
            log.warning(
                "Interaction %d failed: the database does not take it (%s)", interaction.id, type(error).__name__
            )
            return texts.DATABASE_DOWN
        case _:
            log.error("Interaction %d failed", interaction.id, exc_info=error)
            return texts.unexpected(interaction.id)
