from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recall.matched import Matched
from cogs.rendering import plain_line, safe, safe_name, shorten

NAMES = {7: "ann", 8: "**@everyone**"}


def test_people_appear_by_the_names_that_they_have_now() -> None:
    assert safe("<@7> asked <@!7> and <@9>", NAMES, limit=100) == "ann asked ann and somebody"


def test_a_name_can_neither_ping_nor_format() -> None:
    assert safe_name(NAMES[8]) == r"\*\*\@" + "\u200beveryone" + r"\*\*"
    assert "\n" not in safe_name("two\nlines")
    for nothing in (" \u200b ", "\u3164", "\u00ad", "\u3164 \u115f", "\U000e0041\U000e0042", "\u2060\ufe0f", "\x07"):
        assert safe_name(nothing) == "somebody"
        assert safe("<@7>", {7: nothing}, limit=100) == "somebody"
    assert safe_name("\U0001f468\u200d\U0001f469") == "\U0001f468\u200d\U0001f469", "joined emoji stay joined"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**b** _i_ `c` ~~s~~ ||x||", r"\*\*b\*\* \_i\_ \`c\` \~\~s\~\~ \|\|x\|\|"),
        ("# a\n- b\n> c", r"\# a \- b \> c"),
        ("1. one", r"1\. one"),
        ("version 1.2", "version 1.2"),
        ("[x](https://a.b/c_d)", r"\[x\]\(https://a.b/c_d\)"),
        ("see https://a.b/c_d?e=f_g now", "see https://a.b/c_d?e=f_g now"),
        ("<:smile:123> <a:wave:456>", r"\:smile\: \:wave\:"),
        ("<#123> <@&5> <t:1:R>", "\\#123 \\<\\@\u200b&5\\> \\<t\\:1\\:R\\>"),
        ("a\u202eb\u200bc\x07d", "abcd"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_text_formats_nothing(text: str, shown: str) -> None:
    assert safe(text, NAMES, limit=500) == shown


def test_right_to_left_text_stays_in_its_place() -> None:
    assert safe("שלום", {}, limit=50) == "\u2068שלום\u2069"


def test_families_of_emoji_stay_together() -> None:
    assert safe("👩‍👧‍👦", {}, limit=50) == "👩‍👧‍👦"


def test_long_text_is_cut_at_a_word() -> None:
    assert shorten("one two three", 10) == "one two…"
    assert shorten("one two three", 8) == "one two…"
    assert shorten("onetwothree", 5) == "onet…"
    assert shorten("fits", 4) == "fits"


def test_choices_are_plain() -> None:
    assert plain_line("**<@7>**\nsays", NAMES, limit=100) == "**ann** says"


@given(st.text(max_size=600), st.integers(min_value=1, max_value=300))
def test_it_always_fits_on_one_line_and_within_its_limit(text: str, limit: int) -> None:
    shown = safe(text, NAMES, limit=limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert "@everyone" not in shown


@given(st.text(alphabet="*_`~|>#[]()<@:-\\ a1.", max_size=200))
def test_whatever_could_format_is_escaped(text: str) -> None:
    shown = safe(text, {}, limit=1000)
    unescaped = shown.replace("\\\\", "")
    for at, char in enumerate(unescaped):
        if char in "*_`~|>#[]()<@":
            assert at > 0
            assert unescaped[at - 1] == "\\"


@pytest.mark.parametrize(
    ("question", "text", "shown"),
    [
        ("When do the libraries open?", "The library opens at nine", "The **library** **opens** at nine"),
        ("Wann öffnet die Bücherei?", "Die Bücherei öffnet um neun", "Die **Bücherei** **öffnet** um neun"),
        ("snake case", "a snake_case name", r"a **snake**\_**case** name"),
        ("star", "*star* and https://star.example/star", r"\***star**\* and https://star.example/star"),
        ("what is it", "it is what it is", "it is what it is"),
    ],
)
def test_words_of_the_question_are_bold_in_any_form(question: str, text: str, shown: str) -> None:
    assert safe(text, {}, limit=200, bold=Matched(question)) == shown


@given(st.text(max_size=400), st.integers(min_value=1, max_value=300))
def test_bold_words_are_whole_and_within_the_limit(text: str, limit: int) -> None:
    shown = safe(text, NAMES, limit=limit, bold=lambda word: len(word) % 2 == 0)
    assert len(shown) <= limit
    plain = re.sub(r"(?<!\\)((?:\\\\)*)\*\*([^\W_]+)\*\*", r"\1\2", shown)
    assert not re.search(r"(?<!\\)(?:\\\\)*\*", plain)


@pytest.mark.parametrize("text", ["@" * 4000, "*_" * 2000, "`" * 300])
def test_of_text_that_is_all_escapes_as_much_is_shown_as_has_room(text: str) -> None:
    assert 90 <= len(safe(text, {}, limit=115)) <= 115
    assert 50 <= len(safe_name(text, limit=64)) <= 64
