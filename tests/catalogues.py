"""Brings the catalogues of other languages up to date with the sentences in the code: `make catalogues`.

A sentence stands in the code as the first argument of `say` or `Phrase`, or with its plural as the first two of
`plural`; descriptions of commands and options, and the options that are written as `Literal[...]`, need no mark.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import as_file
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from bot.languages.languages import catalogue_files

ROOT = Path(__file__).parents[1]
SERVICES, COMMANDS = "bot", "cogs"
ARGUMENTS = {"say": 1, "Phrase": 1, "plural": 2}
WIDTH = 120

Sentence = tuple[str, ...]
"""A sentence, or one and its plural."""


def sentences_in(source: str) -> Iterator[Sentence]:
    """Every sentence that is marked in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _marked(node)


def descriptions_in(source: str) -> Iterator[Sentence]:
    """What Discord shows of commands and their options."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _described(node.func, node.keywords)
        elif isinstance(node, ast.ClassDef):
            yield from _described(None, node.keywords)
        elif isinstance(node, ast.Subscript) and _name(node.value) == "Literal":
            choices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            yield from ((text,) for text in _texts(choices))


def _marked(call: ast.Call) -> Iterator[Sentence]:
    function, arguments = call.func, call.args
    if _name(function) == "partial" and arguments:  # as in partial(Phrase, "...")
        function, *arguments = arguments
    count = ARGUMENTS.get(_name(function), 0)
    texts = tuple(_texts(arguments[:count]))
    if count and len(texts) == count:
        yield texts


def _described(called: ast.expr | None, keywords: list[ast.keyword]) -> Iterator[Sentence]:
    """Descriptions: of a command by the keyword of that name, of options by their own names."""
    wanted = keywords if _name(called) == "describe" else [word for word in keywords if word.arg == "description"]
    yield from ((text,) for text in _texts([word.value for word in wanted]))


def _texts(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _name(node: ast.expr | None) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def template() -> Catalog:
    """All sentences, each with the modules in which it stands."""
    catalogue = Catalog(charset="utf-8")
    for folder in (SERVICES, COMMANDS):
        for file in sorted((ROOT / folder).rglob("*.py")):
            place, source = (str(file.relative_to(ROOT)), 0), file.read_text(encoding="utf-8")
            for sentence in [*sentences_in(source), *(descriptions_in(source) if folder == COMMANDS else ())]:
                catalogue.add(sentence if len(sentence) > 1 else sentence[0], locations=[place])
    return catalogue


def main() -> None:
    """Add what is new, without a translation, and take out what no module says any more."""
    known = template()
    for resource in catalogue_files():
        with as_file(resource) as file:
            with file.open("rb") as source:
                catalogue = read_po(source, locale=file.stem)
            catalogue.update(known, no_fuzzy_matching=True, update_creation_date=False)
            catalogue.obsolete.clear()
            with file.open("wb") as target:
                write_po(target, catalogue, width=WIDTH, sort_output=True, include_lineno=False, omit_header=False)
            missing = sum(not all(strings_of(message)) for message in catalogue if message.id)
            print(f"{file.name}: {len(catalogue)} sentences, {missing} without a translation")


def strings_of(message: Message) -> tuple[str, ...]:
    """The translation of a sentence, or those for each number."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


if __name__ == "__main__":
    main()
