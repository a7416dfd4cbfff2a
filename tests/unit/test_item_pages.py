"""A page of hits fits into a view, whatever names and texts are."""

from __future__ import annotations

import pytest

from bot.domain.model import Citation, Doubt, Memory, MemoryKind, Message
from bot.languages import Language
from bot.memories.asker import Asker
from bot.recall.groups import Group
from bot.recall.hits import memory_hit, message_hit
from cogs.hits import group_item
from cogs.views.pages import ITEMS_CHARS, PER_PAGE, PageItem, fitting
from tests.fixtures.languages import EACH_CODE, ENGLISH, LANGUAGES

BIG = 2**63 - 1


def longest(name: str, text: str, language: Language = ENGLISH) -> PageItem:
    cited = tuple(Citation(BIG - number, BIG, BIG - number) for number in range(4))
    memory = Memory(
        id="1", guild_id=BIG, kind=MemoryKind.DECISION, text=text, citations=cited, doubt=Doubt(BIG, BIG, BIG)
    )
    excerpt = Message(id=BIG, guild_id=BIG, channel_id=BIG, author_id=BIG, content=text)
    group = Group((memory_hit(memory), memory_hit(memory), message_hit(excerpt)))
    names = {BIG - number: name for number in range(4)}
    return group_item(group, names, Asker(1, 1), language, before=[memory, memory])


@pytest.mark.parametrize("code", EACH_CODE)
@pytest.mark.parametrize("name", ["W" * 32, "*" * 32, "@" * 32, "ש" * 32])
@pytest.mark.parametrize("text", ["bring the tables " * 20, "*_" * 150, "@" * 4000, "שלום " * 60])
def test_a_page_of_the_longest_hits_fits_into_a_view(name: str, text: str, code: str) -> None:
    language = LANGUAGES.of(code)
    items = fitting([longest(name, text, language)] * PER_PAGE, language)
    assert sum(len(item.markdown(language)) for item in items) <= ITEMS_CHARS
    first = longest(name, text, language).text.splitlines()[0]
    assert all(item.text.startswith(first) for item in items)


def test_short_items_stay_whole() -> None:
    items = [PageItem(text=f"first\n{number}", caption="then", url="https://discord.com") for number in range(PER_PAGE)]
    assert fitting(items, ENGLISH) == items


def test_a_name_that_is_cut_turns_nothing_beside_it() -> None:
    text = longest("ש" * 60, "שלום " * 60).markdown(ENGLISH)
    assert text.count("\u2068") == text.count("\u2069")
