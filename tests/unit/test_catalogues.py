"""The catalogues say all that the code says, in each language, with the same gaps, in the room that Discord gives."""

from __future__ import annotations

from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from bot.languages.languages import catalogue_files
from tests.catalogues import sentences_in, strings_of, template

FILES = {file.name.removesuffix(".po"): file for file in catalogue_files()}


def catalogue(code: str) -> Catalog:
    with FILES[code].open("rb") as source:
        return read_po(source)


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def ids_of(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def test_there_is_german_french_and_spanish() -> None:
    assert set(FILES) >= {"de", "fr", "es"}


@pytest.mark.parametrize("code", FILES)
@pytest.mark.matrix
def test_no_sentence_is_missing_and_none_is_stale(code: str) -> None:
    known = {ids_of(message): message for message in catalogue(code) if message.id}
    assert known.keys() == {ids_of(message) for message in template() if message.id}, "run make catalogues"
    assert not [ids for ids, message in known.items() if message.fuzzy or not all(strings_of(message))]


@pytest.mark.parametrize("code", FILES)
def test_translations_have_the_gaps_of_the_sentence(code: str) -> None:
    for message in catalogue(code):
        ids, strings = ids_of(message), strings_of(message)
        if message.id:
            assert gaps(strings[-1]) == gaps(ids[-1]), ids
            assert gaps(strings[0]) in (gaps(ids[0]), gaps(ids[-1])), ids


@pytest.mark.parametrize("code", FILES)
def test_translations_keep_marks_and_blanks_at_the_edges_and_the_names_of_commands(code: str) -> None:
    for message in catalogue(code):
        english, translated = ids_of(message)[-1], strings_of(message)[-1]
        if not message.id:
            continue
        assert (translated[:1].isspace(), translated[-1:].isspace()) == (english[:1].isspace(), english[-1:].isspace())
        for mark in ("**", "`"):
            assert translated.count(mark) % 2 == 0, english
        commands = {word.strip("`.;,:") for word in english.split() if word.startswith("`/")}
        assert not [command for command in commands if command not in translated], english


def test_sentences_are_taken_from_what_marks_them() -> None:
    source = (
        'language.say("a {b}", b=1)\nPhrase("c" "d")\nplural("one", "many", n)\npartial(Phrase, "e")\n'
        'say(name)\nprint("f")\nPhrase.joined(", ", [])'
    )
    assert set(sentences_in(source)) == {("a {b}",), ("cd",), ("one", "many"), ("e",)}
