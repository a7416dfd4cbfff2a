"""Whether Discord lets this bot do its work."""

from __future__ import annotations

import json

import aiohttp
import httpx

from bot.domain import Finding, Verdict, snowflake
from bot.operate.in_use import invite_link
from bot.settings import Settings

PROBE_SECONDS = 15.0

DISCORD_API = "https://discord.com/api/v10"
NOT_DISCORD = "what answers there does not speak Discord's protocol"
NETWORK_TODO = "check the network, and DISCORD_API_URL where it is set"
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
            text = await answer.text(errors="replace") if answer.status == httpx.codes.OK else ""
            return _application(answer.status, text)
    except TimeoutError:
        sentence = f"no answer within {PROBE_SECONDS:g} s"
    except aiohttp.ClientResponseError:
        sentence = NOT_DISCORD
    except aiohttp.ClientError:
        sentence = "can't be reached"
    return Finding("discord", Verdict.FAULT, sentence, NETWORK_TODO)


def _application(status: int, text: str) -> Finding:
    if status == httpx.codes.UNAUTHORIZED:
        return Finding(
            "discord", Verdict.FAULT, "the token is not accepted", "copy it again from the developer portal, Bot"
        )
    if status != httpx.codes.OK:
        return Finding("discord", Verdict.FAULT, f"answers with HTTP {status}", f"try again later, or {NETWORK_TODO}")
    try:
        body = json.loads(text)
        application_id = snowflake.parse(body["id"])
        flags = int(body.get("flags") or 0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Finding("discord", Verdict.FAULT, NOT_DISCORD, NETWORK_TODO)
    if not flags & MESSAGE_CONTENT_FLAGS:
        return Finding(
            "discord",
            Verdict.FAULT,
            "the application may not read messages",
            "switch on Message Content Intent in the developer portal, Bot",
        )
    name = body.get("name", "this application")
    links = f"to invite it: {invite_link(application_id)}"
    links += f" (so that it can also make events of plans: {invite_link(application_id, events=True)})"
    return Finding("discord", Verdict.OK, f"token accepted for {name}; {links}")
