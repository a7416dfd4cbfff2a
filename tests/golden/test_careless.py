"""A careless, inventive or obedient model that agrees to all it proposes breaks no promise on the golden chats."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.golden.chats import Chat, Wrong, all_chats
from tests.golden.play import Call, Played, agree, answer_with, assert_holds, parroted, play

NOT_SHOWN = "not shown"
NO_SUCH_LINE = "no such line"

Answer = Callable[[Call], Mapping[str, Any]]


async def careless(chat: Chat, folder: Path, empty: Path, answer: Answer) -> Played:
    """What comes of a chat where a model answers so, and agrees to what it said."""
    folder.mkdir(mode=0o700)
    shutil.copyfile(empty, folder / empty.name)
    return await play(chat, folder, lambda call: dict(answer(call)) if call.judged is None else agree(call))


WRONG = [(name, place) for name, chat in all_chats().items() for place in range(len(chat.wrong))]


@pytest.mark.parametrize(("name", "place"), WRONG, ids=[f"{name} {place + 1}" for name, place in WRONG])
async def test_wrong_statements_are_refused(name: str, place: int, data_dir: Path, migrated_file: Path) -> None:
    chat = all_chats()[name]
    wrong = chat.wrong[place]
    answer = _invented if wrong.refused == NO_SUCH_LINE else answer_with_it
    played = await careless(chat, data_dir, migrated_file, lambda call: answer(chat, wrong, call))
    assert [memory.text for memory in played.memories] == []
    assert played.refusals == {wrong.refused: 1}


def answer_with_it(chat: Chat, wrong: Wrong, call: Call) -> dict[str, Any]:
    """The statement, in the call that shows its lines."""
    return answer_with(chat, [wrong], call)


def _invented(chat: Chat, wrong: Wrong, call: Call) -> dict[str, Any]:
    """A statement with line numbers that nobody was shown."""
    answer = answer_with(chat, [wrong.model_copy(update={"lines": wrong.lines[:1]})], call)
    for memory in answer["memories"]:
        memory["lines"] = [999]
    return answer


NEVER = [(name, number) for name, chat in all_chats().items() for number in chat.never]


@pytest.mark.parametrize(("name", "number"), NEVER, ids=[f"{name} {number}" for name, number in NEVER])
async def test_what_must_never_be_kept_is_refused_word_for_word(
    name: str, number: int, data_dir: Path, migrated_file: Path
) -> None:
    chat = all_chats()[name]
    shown: set[int] = set()

    def verbatim(call: Call) -> dict[str, Any]:
        shown.update(call.said)
        if number not in call.numbers:
            return {"topics": [], "memories": []}
        memory = {"text": call.said[number], "kind": "decision", "lines": [call.numbers[number]]}
        return {"topics": [], "memories": [memory]}

    played = await careless(chat, data_dir, migrated_file, verbatim)
    assert [memory.text for memory in played.memories] == []
    assert (number in shown) == (chat.never[number] != NOT_SHOWN)
    assert played.refusals == ({chat.never[number]: 1} if number in shown else {})


@pytest.mark.parametrize("name", all_chats())
async def test_a_model_that_keeps_every_line_breaks_nothing(name: str, data_dir: Path, migrated_file: Path) -> None:
    chat = all_chats()[name]
    played = await careless(chat, data_dir, migrated_file, parroted)
    assert_holds(chat, played.memories)
    assert not played.dead
