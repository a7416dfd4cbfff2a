from __future__ import annotations

import pytest

from bot.observe.directory import Directory
from tests.fixtures.storage import GUILD

ADA, ADA_LONG, GRACE, WILL, DOTTED, JOSE = range(1, 7)
NAMES = {
    ADA: "Ada",
    ADA_LONG: "Ada Lovelace",
    GRACE: "Grace Hopper",
    WILL: "Will The Wise",
    DOTTED: "xX-dark.lord-Xx",
    JOSE: "JOSÉ",
}


@pytest.fixture
async def known(directory: Directory) -> Directory:
    await directory.remember_names(GUILD, NAMES)
    return directory


async def test_names_are_by_server(known: Directory) -> None:
    assert await known.names(GUILD, [ADA, GRACE, 404]) == {ADA: "Ada", GRACE: "Grace Hopper"}
    assert await known.names(GUILD + 1, [ADA]) == {}
    assert await known.names(GUILD, []) == {}


async def test_a_name_that_changed_is_replaced(known: Directory) -> None:
    await known.remember_names(GUILD, {ADA: "Countess"})
    await known.remember_names(GUILD, {})
    assert await known.names(GUILD, [ADA, GRACE]) == {ADA: "Countess", GRACE: "Grace Hopper"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("what did ada lovelace say?", [ADA_LONG, ADA]),
        ("what did ADA say?", [ADA, ADA_LONG]),
        ("Hopper's compiler", [GRACE]),
        ("hopper and lovelace", [ADA_LONG, GRACE]),
        ("who will tell the time?", []),
        ("is will the wise around", [WILL]),
        ("a wise decision", [WILL]),
        ("adamant, nevada", []),
        ("xx dark lord xx was here", [DOTTED]),
        ("was josé there", [JOSE]),
        ("", []),
        ("?!", []),
    ],
)
async def test_members_are_found_by_whole_words_longest_first(text: str, found: list[int], known: Directory) -> None:
    assert list(await known.find(GUILD, text)) == found


async def test_members_of_another_server_are_not_found(known: Directory) -> None:
    assert await known.find(GUILD + 1, "ada") == {}


async def test_a_name_without_letters_is_never_found(directory: Directory) -> None:
    await directory.remember_names(GUILD, {1: "🦀"})
    assert await directory.find(GUILD, "who is 🦀?") == {}
