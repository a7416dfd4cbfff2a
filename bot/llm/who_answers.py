"""Which of the servers that the program knows answers at an address, for whoever expected another one there."""

from __future__ import annotations

from typing import Final

import httpx

from bot.domain import OLLAMA, QDRANT

LOOK_SECONDS: Final = 5.0

_GREETINGS: Final = {OLLAMA: "Ollama is running", QDRANT: "qdrant - vector search engine"}
"""What each says of itself at its root."""


async def who_answers(place: str) -> str:
    """Who says so at an address, as "it is Ollama"; empty for nobody that is known."""
    try:
        async with httpx.AsyncClient(timeout=LOOK_SECONDS) as client:
            page = (await client.get(place)).text
    except (httpx.HTTPError, ValueError):
        return ""
    titles = [title for title, greeting in _GREETINGS.items() if greeting in page]
    return f"it is {titles[0]}" if titles else ""
