"""What is in use, and how the bot comes into a server: what an operator wants to see after a start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.llm import bare_address, providers_of

if TYPE_CHECKING:
    from bot.settings import Settings

VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
READ_MESSAGE_HISTORY = 1 << 16
SEND_MESSAGES_IN_THREADS = 1 << 38
PERMISSIONS = VIEW_CHANNEL | SEND_MESSAGES | READ_MESSAGE_HISTORY | SEND_MESSAGES_IN_THREADS
"""All that the bot asks for, as bits
(https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags)."""


CREATE_EVENTS = 1 << 44
"""Asked for only where somebody wants `/upcoming` to make events."""


def invite_link(application_id: int, *, events: bool = False) -> str:
    """Where somebody with Manage Server adds the bot to a server, with the permissions that it needs and no others.

    Args:
        application_id: the bot's.
        events: whether it is also to make events of plans.
    """
    scopes = "bot+applications.commands"
    asked = PERMISSIONS | (CREATE_EVENTS if events else 0)
    return f"https://discord.com/oauth2/authorize?client_id={application_id}&scope={scopes}&permissions={asked}"


def services_in_use(settings: Settings) -> str:
    """One line on the models and the index that the settings name."""
    if not settings.mem0_enabled:
        return "No memories are made (MEM0_ENABLED=false); messages are searched by words"
    providers = providers_of(settings)
    model, embedder = providers.model(settings), providers.embedder(settings)
    hosts = [bare_address(host) for host in model.hosts if "/" in host]
    where = f" at {', '.join(hosts)}" if hosts else ""
    checking = f", checked by {settings.check_model}" if settings.check_model not in (None, model.model) else ""
    index = "on a Qdrant server" if settings.uses_qdrant_server else "embedded"
    return (
        f"Memories by {model.title} {model.model}{where}{checking}, embeddings by {embedder.title} {embedder.model}, "
        f"index {index}"
    )
