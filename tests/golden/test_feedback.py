"""What the bot showed, pasted back by a member, quoted or not, whole or in part: it adds nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.model import PERSONAL_KINDS, Hit, HitKind, Line, Memory
from bot.memories import Asker
from bot.recall.hits import memory_hit
from bot.recall.overview import Entry, OverviewSection, Part
from cogs.entries import EntryWriter
from cogs.hits import hit_item
from cogs.rendering import safe
from tests.fixtures.languages import ENGLISH
from tests.fixtures.storage import CHANNEL, GUILD, copy_into
from tests.golden.chats import Chat
from tests.golden.play import Call, agree, answer_with, assert_holds, play

SAID = {
    "name": "a chat that is pasted back",
    "start": datetime(2025, 3, 4, 18, tzinfo=UTC),
    "facts": ["mira", "tobi"],
    "messages": [
        {"mira": "we move the raid to Friday 20:00, same voice channel"},
        {"tobi": "I'll bring the flasks tomorrow"},
        {"mira": "I prefer healing to tanking"},
        {"jun": "the guild bank limit is 200 gold a week"},
        "flush",
        {"jun": "the guild bank limit is 300 gold a week now", "after": 1500},
    ],
    "good": [
        {"text": "We move the raid to Friday 20:00, same voice channel.", "kind": "decision", "lines": [1]},
        {
            "text": "I'll bring the flasks tomorrow",
            "kind": "plan",
            "lines": [2],
            "kept": "I'll bring the flasks tomorrow (5 March 2025)",
        },
        {"text": "I prefer healing to tanking", "kind": "preference", "lines": [3]},
        {"text": "The guild bank limit is 200 gold a week.", "kind": "decision", "lines": [4]},
        {"text": "The guild bank limit is 300 gold a week now.", "kind": "decision", "lines": [5]},
    ],
}
CHAT = Chat.model_validate(SAID)
ASKER = Asker(user_id=1, guild_id=GUILD, readable=frozenset({CHANNEL}))


def _hit(memory: Memory, before: tuple[Memory, ...] = ()) -> str:
    """A memory that recall found, as it is shown."""
    newest = memory.citations[-1]
    hit = Hit(
        kind=HitKind.MEMORY,
        text=memory.text,
        score=0.93,
        guild_id=GUILD,
        channel_ids=memory.channel_ids,
        message_ids=tuple(c.message_id for c in memory.citations),
        author_ids=memory.author_ids,
        anchor=newest.message_id,
        anchor_channel_id=newest.channel_id,
        memory=memory,
    )
    item = hit_item(hit, CHAT.display_names, ASKER, ENGLISH, before=before)
    return item.markdown(ENGLISH)


def _excerpt(_: list[Memory]) -> str:
    """An excerpt that recall found, as it is shown."""
    said = CHAT.said[:1]
    hit = Hit(
        kind=HitKind.MESSAGE,
        text="",
        score=0.41,
        guild_id=GUILD,
        channel_ids=frozenset({CHANNEL}),
        message_ids=tuple(m.id for m in said),
        author_ids=tuple(dict.fromkeys(m.author_id for m in said)),
        anchor=said[0].id,
        anchor_channel_id=CHANNEL,
        lines=tuple(Line(m.id, m.author_id, m.content) for m in said),
    )
    item = hit_item(hit, CHAT.display_names, ASKER, ENGLISH)
    return item.markdown(ENGLISH)


def _hits(memories: list[Memory]) -> str:
    older = {m.superseded_by: m for m in memories if m.superseded_by}
    shown = [_hit(m, (older[m.id],) if m.id in older else ()) for m in memories if not m.superseded_by]
    return "\n\n".join(shown)


def _caught_up(memories: list[Memory]) -> str:
    entries = tuple(Entry(Part.DECISION, memory_hit(memory)) for memory in memories)
    writer = EntryWriter(CHAT.display_names, here=CHANNEL, day_of=lambda _: None, language=ENGLISH)
    return writer.written([OverviewSection(entries, Part.DECISION)], [entry.hit for entry in entries])


def _receipts(memories: list[Memory]) -> str:
    return "\n".join(f"**Remembered:** {safe(m.text, CHAT.display_names, limit=1500)}" for m in memories)


def _answered(memories: list[Memory]) -> str:
    """An answer with numbered links, and the lines that it stands on."""
    url = f"https://discord.com/channels/{GUILD}/{CHANNEL}/{CHAT.said[0].id}"
    texts = [safe(m.text, CHAT.display_names, limit=300) for m in memories]
    answer = "\n".join(f"- {text} — Mira [[{number}]]({url})" for number, text in enumerate(texts, 1))
    return "\n".join(
        [answer, *(f"{n}. **Mira:** {text}\n-# [4 March · raids]({url})" for n, text in enumerate(texts, 1))]
    )


def _answered_plainly(memories: list[Memory]) -> str:
    """An answer whose numbers are no links, as a client copies it."""
    return "\n".join(f"{safe(m.text, CHAT.display_names, limit=300)} — Mira [1] [2]" for m in memories)


def _texts(memories: list[Memory]) -> str:
    """Nothing but the words of the memories."""
    return "\n".join(safe(m.text, CHAT.display_names, limit=300) for m in memories)


def _as_a_client_copies(shown: str) -> str:
    """Markdown as what it looks like."""
    plain = re.sub(r"\[([^\]\n]*)\]\(https://discord\.com\S*\)", r"\1", shown)
    plain = re.sub(r"<t:\d+:R>", "2 days ago", re.sub(r"<#\d+>", "#raids", plain))
    return re.sub(r"^(?:-# |- )", "", re.sub(r"\*\*|\\", "", plain), flags=re.MULTILINE)


def _quoted(shown: str) -> str:
    return "\n".join(f"> {line}" for line in shown.split("\n"))


MARKED = [_hits, _excerpt, _caught_up, _receipts]
WAYS = [
    *((show, as_is) for show in (*MARKED, _answered) for as_is in (str, _quoted)),
    *((show, _as_a_client_copies) for show in MARKED),
    (_answered, lambda shown: _quoted(_as_a_client_copies(shown))),
    (_answered_plainly, str),
]


async def _played(folder: Path, empty: Path, pasted: str | None, *, by: str) -> tuple[Chat, list[Memory]]:
    """The memories of the chat, after a model that keeps every line has read what was pasted."""
    copy_into(folder, empty)
    again = [] if pasted is None else ["flush", {by: pasted, "after": 300}]
    chat = Chat.model_validate(SAID | {"messages": [*SAID["messages"], *again]})  # type: ignore[misc]

    def answer(call: Call) -> dict[str, Any]:
        if call.judged is not None:
            return agree(call)
        if len(chat.said) not in call.numbers or pasted is None:
            return answer_with(chat, chat.good, call)
        line = call.numbers[len(chat.said)]
        repeated = [good for good in chat.good if (good.kept or good.text) in pasted] or chat.good
        kept = [{"text": good.kept or good.text, "kind": good.kind.value, "lines": [line]} for good in repeated]
        return {"topics": [], "memories": kept}

    played = await play(chat, folder, answer)
    assert_holds(chat, played.memories)
    assert not played.dead
    return chat, played.memories


@pytest.fixture(scope="module")
def before(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Memory]:
    """What is kept of the chat before anything is pasted."""
    _, kept = asyncio.run(_played(tmp_path_factory.mktemp("before") / "played", migrated_file, None, by="tobi"))
    assert len(kept) == len(CHAT.good)
    return kept


@pytest.mark.parametrize(("show", "paste"), WAYS)
@pytest.mark.matrix(fast=2)
async def test_what_the_bot_showed_adds_nothing(
    show: Callable[[list[Memory]], str],
    paste: Callable[[str], str],
    before: list[Memory],
    data_dir: Path,
    migrated_file: Path,
) -> None:
    pasted = paste(show(before[:1]))
    _, after = await _played(data_dir, migrated_file, pasted, by="tobi")
    assert [(m.text, m.citations, m.state) for m in after] == [(m.text, m.citations, m.state) for m in before]


@pytest.mark.parametrize("by", ["tobi", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mira", "kim"))])
@pytest.mark.slow
async def test_the_words_alone_add_no_statement(
    by: str, before: list[Memory], migrated_file: Path, tmp_path: Path
) -> None:
    """Without any mark it is a member who says it again: a citation more, but no memory and no other state.

    Who says of themselves what another one said of themselves says something new.
    """
    own = [memory for memory in before if memory.kind not in PERSONAL_KINDS or by == "mira"]
    for number, memory in enumerate(own):
        _, after = await _played(tmp_path / str(number), migrated_file, _as_a_client_copies(_texts([memory])), by=by)
        assert [(m.text, m.state) for m in after] == [(m.text, m.state) for m in before]
