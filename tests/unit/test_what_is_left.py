"""Looking for what is left of something that was erased, in files too; and handing members what is held of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain import Citation, Doubt, Hit, HitKind, Memory, MemoryKind
from bot.forget import Dossier, Receipt, Vanished, as_json, as_page, for_eyes_with, sources_of
from bot.forget import file_search as search
from bot.forget.personal import WITHHELD
from bot.forget.post_sources import PostSource
from bot.forget.traces import LONGEST, SHORTEST, WITNESSES, Witnesses, _forms

# --- what is looked for -----------------------------------------------------------------------------------------------


def test_the_longest_line_of_a_text_is_looked_for_as_far_as_it_goes() -> None:
    witnesses = Witnesses()
    witnesses.saw([f"short\n  {'x' * (LONGEST + 9)}  \nmiddling"])
    assert witnesses.texts == ["x" * LONGEST]


def test_lines_that_many_say_prove_nothing() -> None:
    witnesses = Witnesses()
    witnesses.saw(["x" * (SHORTEST - 1), "y" * SHORTEST])
    assert witnesses.texts == ["y" * SHORTEST]


def test_the_longest_texts_of_all_portions_are_looked_for_and_each_once() -> None:
    witnesses = Witnesses()
    for portion in range(5):
        witnesses.saw([letter * (20 + 5 * portion + number) for number, letter in enumerate("abcde")])
        witnesses.saw(["e" * 24])
    lengths = [len(text) for text in witnesses.texts]
    assert len(lengths) == len(set(witnesses.texts)) == WITNESSES
    assert lengths == [44, 43, 42, 41, 40, 39, 38, 37]


def test_a_text_is_looked_for_as_json_writes_it_too() -> None:
    assert _forms(['he said "no"', "plain"]) == ['he said "no"', 'he said \\"no\\"', "plain"]


# --- in files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 9, 10, 11, 15, 16, 17, 26, 31, 32, 33, 40])
@pytest.mark.parametrize("needle", [b"n", b"needle"])
def test_a_text_is_seen_wherever_it_lies_in_a_file(
    place: int, needle: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BLOCK", 16)
    file = tmp_path / "file"
    file.write_bytes(b"." * place + needle + b"." * (48 - place))
    assert search.holds(file, [b"elsewhere", needle])
    assert not search.holds(file, [b"elsewhere", b"need1e"])


def test_a_text_in_two_halves_that_do_not_touch_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "BLOCK", 16)
    (tmp_path / "file").write_bytes(b"." * 13 + b"nee" + b"." * 16 + b"dle" + b"." * 13)
    assert not search.holds(tmp_path / "file", [b"needle"])


def test_a_file_that_went_meanwhile_holds_nothing(tmp_path: Path) -> None:
    assert not search.holds(tmp_path / "file", [b"needle"])


# --- what shows in a post ---------------------------------------------------------------------------------------------


def test_a_post_stands_on_what_it_quotes_and_on_what_its_memories_cite_or_are_doubted_for() -> None:
    memory = Memory(
        id="m",
        guild_id=1,
        kind=MemoryKind.DECISION,
        text="x",
        citations=(Citation(10, 100, 7), Citation(11, 101, 7, supporting=True)),
        doubt=Doubt(12, 102, 8),
    )
    plain = {"text": "x", "score": 1.0, "guild_id": 1, "author_ids": (7,), "anchor": 20, "anchor_channel_id": 103}
    excerpt = Hit(kind=HitKind.MESSAGE, channel_ids=frozenset({103}), message_ids=(20, 21), **plain)  # type: ignore[arg-type]
    remembered = Hit(kind=HitKind.MEMORY, channel_ids=frozenset({100}), message_ids=(10,), memory=memory, **plain)  # type: ignore[arg-type]
    assert sources_of([excerpt, remembered]) == {
        PostSource(20, 103),
        PostSource(21, 103),
        PostSource(10, 100, "m"),
        PostSource(11, 101, "m"),
        PostSource(12, 102, "m"),
    }


# --- what is handed out -----------------------------------------------------------------------------------------------

MADE_AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
RECORDS = [
    {"text": "<b>loud</b> & clear", "channels": ["1", "2"], "messages_of_others": 1},
    {"text": "mine", "channels": ["2"], "messages_of_others": 0, "may_have_changed_since": "x", "doubt_channel": "3"},
]
DOSSIER = Dossier(7, None, MADE_AT, {"memories": RECORDS, "names": []})


def test_a_dossier_is_a_file_for_machines() -> None:
    assert json.loads(as_json(DOSSIER)) == {
        "user_id": "7",
        "server": "every server",
        "made_at": "2026-03-04T05:06:00+00:00",
        "kept": {"memories": RECORDS, "names": []},
    }
    assert json.loads(as_json(Dossier(7, 8, MADE_AT, {})))["server"] == "8"


def test_a_dossier_is_a_page_for_people_in_which_no_text_is_markup() -> None:
    page = as_page(DOSSIER)
    assert "What is kept of member 7" in page
    assert "Put together 2026-03-04 05:06 UTC, of every server." in page
    assert "<h2>Memories (2)</h2>" in page
    assert "<p>&lt;b&gt;loud&lt;/b&gt; &amp; clear</p><small>channels: 1, 2; messages_of_others: 1</small>" in page
    assert "of server 8." in as_page(Dossier(7, 8, MADE_AT, {}))


@pytest.mark.parametrize(
    ("readable", "texts", "doubt"),
    [
        ({1, 2, 3}, ["<b>loud</b> & clear", "mine"], True),
        ({2, 3}, [WITHHELD, "mine"], True),
        ({3}, [WITHHELD, "mine"], True),
        ({1, 2}, ["<b>loud</b> & clear", "mine"], False),
    ],
)
def test_what_others_said_where_the_member_can_not_read_is_withheld(
    readable: set[int], texts: list[str], doubt: bool
) -> None:
    first, second = for_eyes_with(DOSSIER, frozenset(readable)).sections["memories"]
    assert [first["text"], second["text"]] == texts
    assert ("may_have_changed_since" in second) == ("doubt_channel" in second) == doubt


def test_a_receipt_is_complete_where_nothing_was_left() -> None:
    assert Receipt({"messages": 3}, {"messages": 0, "texts": 0}).complete
    assert not Receipt({"messages": 3}, {"messages": 0, "texts": 1}).complete


def test_how_much_of_what_exports_brought_has_vanished_is_a_share() -> None:
    assert Vanished(1, 2, [5, 6, 7], 12).share == 0.25
    assert Vanished().share == 0
