"""Being connected until closed, and what to do where Discord ends the connection for good."""

from __future__ import annotations

import discord

from bot.domain import StartupError

_DECLINED = {
    4004: "DISCORD_TOKEN is not valid any more; copy it again from the developer portal",
    4010: "it does not know this shard; see SHARD_IDS and SHARD_COUNT, or update this program",
    4011: "the bot is in too many servers for so few connections; raise SHARD_COUNT, or where it is unset restart it",
    4012: "its gateway has no such version any more; update this program",
    4013: "it does not know the intents that were asked for; update this program",
    4014: "this application may not read messages; switch on Message Content Intent under Bot in the developer portal",
}
"""What to do about the close codes after which Discord takes no new connection."""


async def stay_connected(bot: discord.Client, token: str) -> None:
    """Be connected until closed.

    Raises:
        StartupError: Discord declines for good.
    """
    try:
        await bot.start(token)
    except discord.LoginFailure:
        raise StartupError(
            "DISCORD_TOKEN: Discord does not accept it; copy it again from the developer portal"
        ) from None
    except discord.PrivilegedIntentsRequired:
        raise StartupError(f"DISCORD_TOKEN: {_DECLINED[4014]}") from None
    except discord.ConnectionClosed as error:
        reason = _DECLINED.get(error.code)
        if reason is None:
            raise
        raise StartupError(f"Discord ended the connection for good ({error.code}): {reason}") from None
