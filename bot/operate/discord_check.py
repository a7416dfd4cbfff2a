"""Whether Discord lets this bot do its work."""

from __future__ import annotations

from typing import Any

import aiohttp
import httpx

from bot.domain import Finding, Verdict
from bot.settings import Settings

PROBE_SECONDS = 15.0

DISCORD_API = "https://discord.com/api/v10"
MESSAGE_CONTENT_FLAGS = (1 << 18) | (1 << 19)
"""GATEWAY_MESSAGE_CONTENT and its LIMITED form
(https://discord.com/developers/docs/resources/application#application-object-application-flags)."""


async def examine_discord(settings: Settings) -> Finding:
    """Whether Discord takes the token, and the application may read messages."""
    token = settings.discord_token
    if token is None:
        return Finding("discord", Verdict.WARNING, "DISCORD_TOKEN is not set", "only `run` needs it; see the README")
    url = f"{settings.discord_api_url or DISCORD_API}/applications/@me"
    headers = {"Authorization": f"Bot {token.get_secret_value()}"}
    try:
        timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, headers=headers) as answer:
            return _application(answer.status, await answer.json(content_type=None))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Finding("discord", Verdict.FAULT, f"can't be reached ({type(error).__name__})", "check the network")


def _application(status: int, body: Any) -> Finding:  # noqa: ANN401 - JSON
    if status == httpx.codes.UNAUTHORIZED:
        return Finding(
            "discord", Verdict.FAULT, "the token is not accepted", "copy it again from the developer portal, Bot"
        )
    if status != httpx.codes.OK:
        return Finding("discord", Verdict.FAULT, f"answers with HTTP {status}", "try again in a while")
    if not int(body.get("flags") or 0) & MESSAGE_CONTENT_FLAGS:
        return Finding(
            "discord",
            Verdict.FAULT,
            "the application may not read messages",
            "switch on Message Content Intent in the developer portal, Bot",
        )
    return Finding("discord", Verdict.OK, f"token accepted for {body.get('name', 'this application')}")
