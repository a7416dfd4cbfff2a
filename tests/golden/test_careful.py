"""What a careful model picks out of the golden chats is kept, as it should be and nothing else."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from bot.domain.model import Memory, MemoryState
from tests.golden.chats import Chat, Good, all_chats
from tests.golden.play import Call, Played, agree, answer_with, assert_holds, play


class Careful:
    """Proposes a chat's good statements, and judges them as the chat says."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def __call__(self, call: Call) -> dict[str, Any]:
        if call.judged is None:
            return answer_with(self._chat, self._chat.good, call)
        return {"verdicts": [verdict | self._relation(call, verdict["n"]) for verdict in agree(call)["verdicts"]]}

    def _relation(self, call: Call, n: int) -> dict[str, Any]:
        (judged,) = [statement for statement in call.judged or () if statement.n == n]
        good = self._known(judged.text)
        older = {number: self._known(text) for number, text in judged.near.items()}
        wanted = [self._chat.good[number - 1] for number in ([good.merges] if good.merges else good.supersedes)]
        memory = [number for number, known in older.items() if known in wanted]
        return {"relation": ("same" if good.merges else "replaces") if memory else "new", "memory": memory}

    def _known(self, text: str) -> Good:
        """The statement that a text is, dates written out or not."""
        return max(self._chat.good, key=lambda good: SequenceMatcher(None, text, _text(self._chat, good)).ratio())


@pytest.mark.parametrize("name", [name for name, chat in all_chats().items() if chat.good])
@pytest.mark.matrix(fast=3)
async def test_good_statements_are_kept(name: str, migrated_dir: Path) -> None:
    chat = all_chats()[name]
    played = await play(chat, migrated_dir, Careful(chat))
    assert not played.dead
    assert_holds(chat, played.memories)
    assert [_told(m, played) for m in played.memories] == _expected(chat), dict(played.refusals)
    assert not played.refusals


def _told(memory: Memory, played: Played) -> tuple[Any, ...]:
    by_id = {m.id: m.text for m in played.memories}
    newer = by_id[memory.superseded_by] if memory.superseded_by else None
    assert (newer is not None) is (memory.state is MemoryState.SUPERSEDED)
    return memory.kind, memory.text, played.cited(memory), newer


def _expected(chat: Chat) -> list[tuple[Any, ...]]:
    cites = {number: {*_cites(good)} for number, good in enumerate(chat.good, 1)}
    newer: dict[int, str] = {}
    for number, good in enumerate(chat.good, 1):
        if good.merges:
            cites[good.merges] |= cites.pop(number)
        newer.update(dict.fromkeys(good.supersedes, _text(chat, good)))
    return [
        (good.kind, _text(chat, good), tuple(sorted(cites[number])), newer.get(number))
        for number, good in enumerate(chat.good, 1)
        if number in cites
    ]


def _text(chat: Chat, good: Good) -> str:
    return chat.referring(good.text if good.kept is None else good.kept)


def _cites(good: Good) -> tuple[int, ...]:
    return good.lines if good.cites is None else good.cites
