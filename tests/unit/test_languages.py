"""A sentence in several languages: gaps, plurals, numbers, days, and English where there is nothing else."""

from __future__ import annotations

from datetime import date

import pytest

from bot.domain.phrase import Phrase
from cogs.rendering import day_label
from tests.fixtures.languages import ENGLISH, LANGUAGES

DAY = date(2026, 6, 21)


def test_a_phrase_is_english_as_it_stands() -> None:
    days = Phrase.plural("{number} day", "{number} days", 1200)
    assert Phrase("Kept for {days}", days=days) == "Kept for 1,200 days"
    assert Phrase.plural("{number} day", "{number} days", 1) == "1 day"
    assert Phrase("since {day}", day=DAY) == "since Sunday 21 June 2026"
    assert Phrase.joined(", ", []) == ""


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de", "Aus 1 Nachricht wurden in 0.5 s 1.200 Erinnerungen (0 Aufrufe, 2 Tokens)."),
        ("fr", "1 message → 1 200 souvenirs en 0.5 s (0 appel, 2 jetons)."),
        ("es-ES", "1 mensaje → 1.200 recuerdos en 0.5 s (0 llamadas, 2 tokens)."),
        ("es-419", "1 mensaje → 1.200 recuerdos en 0.5 s (0 llamadas, 2 tokens)."),
        ("en-GB", "1 message became 1,200 memories in 0.5 s (0 calls, 2 tokens)."),
        ("ja", "1 message became 1,200 memories in 0.5 s (0 calls, 2 tokens)."),
    ],
)
def test_a_sentence_is_said_whole_with_its_numbers(locale: str, text: str) -> None:
    sentence = Phrase(
        "{messages} became {memories} in {seconds} s ({calls}, {tokens}).",
        messages=Phrase.plural("{number} message", "{number} messages", 1),
        memories=Phrase.plural("{number} memory", "{number} memories", 1200),
        seconds="0.5",
        calls=Phrase.plural("{number} call", "{number} calls", 0),
        tokens=Phrase.plural("{number} token", "{number} tokens", 2),
    )
    assert LANGUAGES.of(locale).translated(sentence).replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("locale", "label", "window"),
    [
        ("en-US", "Sun 21 Jun, 14:00", "since Sunday 21 June 2026"),
        ("de", "So., 21. Juni, 14:00", "seit Sonntag, 21. Juni 2026"),
        ("fr", "dim. 21 juin, 14:00", "depuis le dimanche 21 juin 2026"),
        ("es-ES", "dom, 21 jun, 14:00", "desde el domingo, 21 de junio de 2026"),
    ],
)
def test_days_are_written_as_people_write_them(locale: str, label: str, window: str) -> None:
    language = LANGUAGES.of(locale)
    assert day_label(language, DAY, DAY, 14 * 60) == label
    assert language.say("since {day}", day=DAY) == window


def test_text_of_people_is_never_taken_for_a_sentence() -> None:
    german = LANGUAGES.of("de")
    assert german.translated("Forget") == "Forget"
    assert german.say("**{speaker}** replied: {text}", speaker="{ann}", text="Forget {0} {") == (
        "**{ann}** hat geantwortet: Forget {0} {"
    )


def test_what_no_catalogue_knows_stays_english() -> None:
    unknown = "nobody said this before, {name}"
    assert LANGUAGES.of("de").say(unknown, name="ann") == ENGLISH.say(unknown, name="ann") == unknown.format(name="ann")
