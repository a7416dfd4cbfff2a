"""Correcting and forgetting a memory: a page asks once, and its form does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from bot.domain import Memory, Refused, references
from bot.memories import MAX_TEXT, Asker
from bot.web.pages.memory import line_of, memory_of
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from bot.web.services import PageServices

NOBODY = 0
"""An id that no member has."""

SEVERAL = "Several members said this, and a correction is one member's words: forget it instead, or ask them."


async def ask_to_correct(services: PageServices, request: web.Request) -> WebPage:
    """The form with the text of a memory.

    Raises:
        NotFound: it is gone.
        Refused: it is not one member's words.
    """
    memory = await memory_of(services, request.match_info["id"])
    return await _form(services, memory, await services.own.wording(memory.id, _operator(memory, corrects=True)))


async def correct(services: PageServices, request: web.Request, form: Mapping[str, str]) -> WebPage:
    """Give a memory its new text; what can't be taken is shown again with the reason.

    Raises:
        web.HTTPSeeOther: done.
        NotFound: it is gone.
        Refused: it is not one member's words.
    """
    memory = await memory_of(services, request.match_info["id"])
    asker, text = _operator(memory, corrects=True), form.get("text", "").replace("\r\n", "\n")
    try:
        await services.own.correct(memory.id, asker, text)
    except Refused as error:
        return await _form(services, memory, text, str(error))
    raise web.HTTPSeeOther(f"/memories/{memory.id}?done=corrected")


async def ask_to_forget(services: PageServices, request: web.Request) -> WebPage:
    """The question whether a memory is to go.

    Raises:
        NotFound: it is gone.
    """
    memory = await memory_of(services, request.match_info["id"])
    return WebPage("forget", "Forget this memory?", {"line": await line_of(services, memory)})


async def forget(services: PageServices, request: web.Request, _: Mapping[str, str]) -> WebPage:
    """Remove a memory whole.

    Raises:
        web.HTTPSeeOther: done.
        NotFound: it is gone.
    """
    memory = await memory_of(services, request.match_info["id"])
    await services.own.forget(memory.id, _operator(memory))
    raise web.HTTPSeeOther("/memories?" + urlencode({"server": memory.guild_id, "done": "forgotten"}))


def _operator(memory: Memory, *, corrects: bool = False) -> Asker:
    """Who may remove any memory, and put right in its speaker's place what one member said.

    Raises:
        Refused: several members said what is to be corrected.
    """
    if corrects and len(memory.author_ids) > 1:
        raise Refused(SEVERAL)
    user_id = memory.author_ids[0] if corrects else NOBODY
    places = memory.channel_ids
    return Asker(user_id=user_id, guild_id=memory.guild_id, readable=places, moderated=places)


async def _form(services: PageServices, memory: Memory, text: str, fault: str = "") -> WebPage:
    names = await services.directory.names(memory.guild_id, references.people_in([memory.text]))
    values = {
        "line": await line_of(services, memory),
        "text": text,
        "fault": fault,
        "people": sorted(names.items()),
        "most": MAX_TEXT,
    }
    return WebPage("correct", "Correct this memory", values, 400 if fault else 200)
