"""A careless, inventive or obedient model that agrees to all it proposes breaks no promise on the golden chats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.golden.chats import Chat, all_chats
from tests.golden.play import Call, Played, agree, answer_with, assert_holds, parroted, play

NOT_SHOWN = "not shown"
NO_SUCH_LINE = "no such line"

Answer = Callable[[Call], Mapping[str, Any]]


async def careless(chat: Chat, folder: Path, answer: Answer) -> Played:
    """What comes of a chat where a model answers so, and agrees to what it said."""
    return await play(chat, folder, lambda call: dict(answer(call)) if call.judged is None else agree(call))


@pytest.mark.parametrize("name", [name for name, chat in all_chats().items() if chat.wrong])
@pytest.mark.matrix(fast=3)
async def test_wrong_statements_are_refused(name: str, migrated_dir: Path) -> None:
    chat = all_chats()[name]
    played = await careless(chat, migrated_dir, lambda call: _wrong(chat, call))
    assert [memory.text for memory in played.memories] == []
    assert played.refusals == Counter(wrong.refused for wrong in chat.wrong)


def _wrong(chat: Chat, call: Call) -> dict[str, Any]:
    """The wrong statements whose lines a call shows; some of them with line numbers that nobody was shown."""
    memories: list[dict[str, Any]] = []
    for wrong in chat.wrong:
        if wrong.refused != NO_SUCH_LINE:
            memories += answer_with(chat, [wrong], call)["memories"]
        else:
            shown = answer_with(chat, [wrong.model_copy(update={"lines": wrong.lines[:1]})], call)["memories"]
            memories += [memory | {"lines": [999]} for memory in shown]
    return {"topics": [], "memories": memories}


@pytest.mark.parametrize("name", [name for name, chat in all_chats().items() if chat.never])
@pytest.mark.matrix
async def test_what_must_never_be_kept_is_refused_word_for_word(name: str, migrated_dir: Path) -> None:
    chat = all_chats()[name]
    shown: set[int] = set()

    def verbatim(call: Call) -> dict[str, Any]:
        shown.update(call.said)
        lines = [(call.said[number], call.numbers[number]) for number in chat.never if number in call.numbers]
        return {"topics": [], "memories": [{"text": text, "kind": "decision", "lines": [n]} for text, n in lines]}

    played = await careless(chat, migrated_dir, verbatim)
    assert [memory.text for memory in played.memories] == []
    assert shown & chat.never.keys() == {number for number, reason in chat.never.items() if reason != NOT_SHOWN}
    assert played.refusals == Counter(reason for reason in chat.never.values() if reason != NOT_SHOWN)


@pytest.mark.slow
@pytest.mark.parametrize("name", all_chats())
async def test_a_model_that_keeps_every_line_breaks_nothing(name: str, migrated_dir: Path) -> None:
    chat = all_chats()[name]
    played = await careless(chat, migrated_dir, parroted)
    assert_holds(chat, played.memories)
    assert not played.dead
