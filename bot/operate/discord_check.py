"""Whether Discord lets this bot do its work."""

from __future__ import annotations

import json
from typing import Any

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

GUILD_INSTALL = "0"
"""The key of `integration_types_config` for an application that is added to servers."""


async def examine_discord(settings: Settings) -> Finding:
    """Whether Discord takes the token, and the application may read messages."""
    token = settings.discord_token
    if token is None:
        return Finding(
            "discord",
            Verdict.WARNING,
            "DISCORD_TOKEN is not set",
            "only `run` needs it: `python -m bot init` asks for it",
        )
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
    if missing := _missing(body, flags):
        sentence, todo = ("; ".join(parts) for parts in zip(*missing, strict=True))
        return Finding("discord", Verdict.FAULT, sentence, f"in the developer portal: {todo}")
    name = body.get("name", "this application")
    links = f"to invite it: {invite_link(application_id)}"
    links += f" (so that it can also make events of plans: {invite_link(application_id, events=True)})"
    return Finding("discord", Verdict.OK, f"token accepted for {name}; {links}")


def _missing(application: dict[str, Any], flags: int) -> list[tuple[str, str]]:
    """What the developer portal has otherwise than this bot needs it, each with what to do there.

    See https://discord.com/developers/docs/resources/application#application-object.
    """
    missing = []
    if not flags & MESSAGE_CONTENT_FLAGS:
        missing.append(("the application may not read messages", "switch on Message Content Intent (Bot)"))
    if application.get("interactions_endpoint_url"):
        todo = "clear Interactions Endpoint URL (General Information)"
        missing.append(("commands are sent to another program than this one", todo))
    if application.get("bot_require_code_grant"):
        missing.append(("the invite link can't be used", "switch off Requires OAuth2 Code Grant (Bot)"))
    installs = application.get("integration_types_config")
    if isinstance(installs, dict) and installs and GUILD_INSTALL not in installs:
        missing.append(("it can't be added to servers", "choose Guild Install (Installation)"))
    return missing
