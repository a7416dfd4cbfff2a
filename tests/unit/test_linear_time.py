"""No text of members or models takes more than linear time, in any regular expression or function of the program."""

from __future__ import annotations

import importlib.util
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from detect_secrets.plugins.base import RegexBasedDetector

import bot.text
from bot.domain import (
    AnswerInvalid,
    Citation,
    Hit,
    HitKind,
    Line,
    Memory,
    MemoryKind,
    Message,
    UserError,
    people_in,
    snowflake,
    with_names,
    without_people,
)
from bot.llm import estimate_tokens, says_yes
from bot.llm.manners import Manner
from bot.llm.model_answers import json_in
from bot.recall.answers.check import read_verdicts
from bot.recall.answers.evidence import Material, evidence_of
from bot.recall.answers.exact import Cited, checked
from bot.recall.answers.prompt import AskedNow, prompt_of, read_answer
from bot.recall.question import Question, understand
from bot.recall.quote import quote
from bot.recall.ranking import count
from bot.remember.changes import is_repetition
from bot.remember.evidence import Heard, Hearing
from bot.remember.exact import check, contradicts
from bot.remember.model_json import Repetition, items_of
from bot.remember.nearest import Earlier, subject_terms
from bot.remember.people import People
from bot.remember.sensitive import is_sensitive
from bot.remember.transcript import ShownLine, Transcript
from bot.text import SecretFinder, ToldDays, terms
from cogs.rendering import plain_line, safe, safe_name
from tests.fixtures.attacks import Attack, slow_text
from tests.fixtures.hostile import PUMPS
from tests.fixtures.pace import is_linear
from tests.fixtures.patterns import compiled_at_import, modules, patterns_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

MAKERS = ("any_of",)
"""Functions that make expressions of their arguments; what they make are values of modules."""

PACKAGES = tuple(module.name for module in pkgutil.iter_modules(bot.__path__) if module.name != "__main__")
"""Of `bot`, which holds nothing else."""

SLOW = (
    r"(a+)+$",
    r"(a|aa)+$",
    r"(\w+\s?)*x",
    r"\s+x",
    r"a.*b",
    r"\d+(?:[.,]\d+)*x",
    r"\w+@",
    r"(?:^|[^x])\s*,?\s*$",
    r"^(?:\W*[\w'’]+\W+){0,2}?(?:excited|glad|proud)\b",  # the two that froze the bot on a line of apostrophes
    r"^(?:[\w'’]+,?\W+){0,2}(?:I|we)(?:['’]m| am) (?:\w+ly |so )*(?!\w+ing\b)",
)
LINEAR = (r"^\s*x", r"\bword\b", r"(?<!\s)\s++x", r"\w{1,20}@", r"(?<!a)(?>a+)+$", r"\b\w+(?:,\w+)*")


NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = NOW.date()
LANGUAGES = ("english", "german", "french", "spanish")


@pytest.mark.parametrize("pattern", SLOW)
def test_slow_expressions_are_told_by_a_text_made_from_them(pattern: str) -> None:
    assert slow_text(re.compile(pattern)) is not None


@pytest.mark.parametrize("pattern", LINEAR)
def test_linear_expressions_pass(pattern: str) -> None:
    assert slow_text(re.compile(pattern)) is None


WHEREVER = """
import re
from functools import cache

class Held:
    __slots__ = ("pattern",)

    def __init__(self, pattern):
        self.pattern = pattern

class Class:
    INSIDE = re.compile("of a class")

    def method(self, text):
        return re.sub("of a method", "", text)

GLOBAL = re.compile("of the module")
DEEP = ({"key": [re.compile("of a collection")]},)
SLOT = Held(re.compile("of an instance"))

@cache
def cached():
    return re.compile("of a cached function")

def literal(text, default=re.compile("by default")):
    return [re.search("of a comprehension", part) for part in text]

def escaped(names):
    return re.compile(f"@({'|'.join(map(re.escape, names))})")

async def nested():
    return lambda text: re.compile("of a lambda").split(text)
"""


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Makes a module of its text, for as long as a test lasts."""
    name = "made_up_module"

    def make(text: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        made = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    yield make
    sys.modules.pop(name, None)


def test_an_expression_is_looked_at_wherever_it_stands(module: Callable[[str], ModuleType]) -> None:
    held = {use.pattern.pattern for use in patterns_of(module(WHEREVER))}
    assert held == {
        *("of a class", "of a method", "of the module", "of a collection", "of an instance"),
        *("of a cached function", "by default", "of a comprehension", "of a lambda", "@(word|wording)"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "import re\ndef find(pattern, text):\n    return re.search(pattern, text)",
        "from re import search",
        "import re as regular",
        "import regex",
    ],
)
def test_what_can_not_be_looked_at_is_refused(module: Callable[[str], ModuleType], text: str) -> None:
    with suppress(ModuleNotFoundError), pytest.raises(ValueError, match="made_up_module"):
        list(patterns_of(module(text)))


def test_nothing_that_the_program_compiles_is_overlooked() -> None:
    """What is compiled when its modules are imported, by whatever means, is among what is looked at."""
    packages = ("bot", "cogs")
    uses = [use for package in packages for module in modules(package) for use in patterns_of(module, MAKERS)]
    looked_at = {(use.pattern.pattern, use.pattern.flags) for use in uses}
    compiled = compiled_at_import(packages)
    assert len(compiled) > 100
    assert {each for each in compiled if each[1:] not in looked_at} == set()


@pytest.mark.parametrize("package", ["cogs", *(f"bot.{name}" for name in PACKAGES)])
def test_every_expression_takes_linear_time(package: str) -> None:
    uses = {(u.pattern, u.searched, u.whole): u for module in modules(package) for u in patterns_of(module, MAKERS)}
    slow = {
        use.place: text
        for use in uses.values()
        if (text := slow_text(use.pattern, searched=use.searched, whole=use.whole))
    }
    assert slow == {}


def test_the_expressions_that_find_secrets_take_linear_time() -> None:
    detectors = [each for each in SecretFinder()._detectors if isinstance(each, RegexBasedDetector)]
    slow = {pattern: text for each in detectors for pattern in each.denylist if (text := slow_text(pattern))}
    assert slow == {}


GIVEN = {
    "days": (DAY,),
    "language": "english",
    "languages": LANGUAGES,
    "now": NOW,
    "stretches": ((DAY, DAY),),
    "zone": UTC,
}
"""What functions need besides texts, by the names of their parameters."""


def _call(function: Callable[..., object], text: str) -> None:
    """Call a function with a text in place of every string that it needs."""
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    given = GIVEN | {"lines": [ToldDays(text, DAY, LANGUAGES)] if any(p.name == "lines" for p in needed) else []}
    days = {p.name: DAY for p in needed if p.annotation == "date"}
    try:
        made = function(**{p.name: (given | days).get(p.name, text) for p in needed})
    except UserError:  # no time
        return
    if isinstance(made, Iterator):
        list(made)


SECRETS = SecretFinder()
STATEMENT = "<@1> moves the raid to Saturday 26 September at 8 pm for 12 people: `!raid -a` on https://a.example/b."
QUESTION = understand(
    "When is the raid of Ana on Saturday?", names={1: "Ana"}, asker_id=1, newest=snowflake.from_datetime(NOW)
)


def _message(text: str) -> Message:
    return Message(id=snowflake.from_datetime(NOW), guild_id=1, channel_id=2, author_id=1, content=text)


def _memory(text: str) -> Memory:
    return Memory(id="m", guild_id=1, kind=MemoryKind.DECISION, text=text, citations=(Citation(_message("").id, 2, 1),))


class _NoSecrets(SecretFinder):
    """Finds none: that is measured by itself, and is held in memory."""

    def find(self, text: str) -> list[str]:
        return []


def _shown(text: str) -> None:
    secrets = _NoSecrets()
    transcript = Transcript([_message(text)], context=[_message(text)], names={1: "Ana", 2: "Ben"}, secrets=secrets)
    transcript.shown(transcript.lines.values())
    transcript.quoted(text)
    transcript.resolved(text)


def _spoken_to(text: str) -> None:
    people = People({1: "Ana", 2: text})
    for said in (text, f"Ana{text}", f"@Ana {text}"):
        for asked in (people.addressed, people.quoted, people.named, people.meant):
            asked(said)


def _judged(text: str) -> None:
    line = ShownLine(1, 1, 1, text, DAY)
    Heard(line, LANGUAGES, UTC, near=True)
    check(STATEMENT, [1], Hearing([line]), {1}, personal=True, secrets=_NoSecrets())
    check(text, [1], Hearing([line]), {1}, personal=False, secrets=_NoSecrets())


def _answered(text: str) -> None:
    """A sentence about lines of such text, a sentence of such text, and such a question."""
    hit = Hit(
        kind=HitKind.MESSAGE,
        text="",
        score=1.0,
        guild_id=1,
        channel_ids=frozenset({2}),
        message_ids=(snowflake.from_datetime(NOW),),
        author_ids=(1,),
        anchor=snowflake.from_datetime(NOW),
        anchor_channel_id=2,
        lines=(Line(snowflake.from_datetime(NOW), 1, text),),
    )
    evidence = evidence_of(Material((hit,), {1: "Ana", 2: text[:32]}), _NoSecrets(), UTC)
    for sentence in ("Ana moves the raid to Saturday.", text[:400]):
        cited = Cited(message_ids=hit.message_ids, said_on={DAY}, counts={1}, names={"ana"}, today=DAY)
        checked(evidence.transcript.resolved(sentence)[0], cited, evidence.hearing, _NoSecrets())
    prompt_of(AskedNow(text=text, at=NOW), evidence)


def _read(text: str) -> None:
    """Answers of a model that are such text, or hold it."""
    quoted = json.dumps(text)
    for answer in (text, f'{{"memories": [{text}', f'{{"memories": [{{"text": {quoted}}}, {text}', quoted[1:]):
        items_of(answer, "memories")
        json_in([answer], {"required": ["memories"]})
        Repetition()(answer)
        with suppress(AnswerInvalid):
            read_answer(answer, {1})
        read_verdicts(answer)
    says_yes(text)
    Manner().without(text)


def _compared(text: str) -> None:
    contradicts(text, f"{text}1")
    is_repetition(text, f"{text}.")
    earlier = Earlier()
    earlier.add(_memory(text))
    earlier.nearest(text, [_memory(text)], 5)
    subject_terms(text)


def _found(text: str) -> None:
    quote(text, QUESTION)
    count(_understood(text), terms(text)[:300])
    count(QUESTION, terms(text))


def _understood(text: str) -> Question:
    return understand(text, names={1: "Ana", 2: text[:32]}, asker_id=1, newest=snowflake.from_datetime(NOW))


def _rendered(text: str) -> None:
    for limit in (80, 1_000):
        safe(text, {1: text[:32]}, limit=limit, bold=str.isalpha)
        plain_line(text, {1: text[:32]}, limit=limit)
    safe_name(text)
    people_in([text])
    with_names(text, {1: "Ana"})
    without_people(text, {1})


def _functions() -> dict[str, Callable[[str], object]]:
    """What is done with texts, by name: every function of the face of bot.text that takes one, and others."""
    face = {name: value for name in bot.text.__all__ if inspect.isfunction(value := getattr(bot.text, name))}
    taking = {name: [p.annotation for p in inspect.signature(f).parameters.values()] for name, f in face.items()}
    return {name: partial(_call, face[name]) for name, kinds in taking.items() if "str" in kinds} | {
        "find secrets": SECRETS.find,
        "estimate_tokens": estimate_tokens,
        "is_sensitive": is_sensitive,
        "understood": _understood,
        "rendered": _rendered,
        "shown to a model": _shown,
        "spoken to": _spoken_to,
        "judged": _judged,
        "compared": _compared,
        "found": _found,
        "answered": _answered,
        "read of a model": _read,
    }


def test_a_statement_without_end_is_watched_in_linear_time_as_it_comes() -> None:
    def watch(answer: str) -> None:
        enough = Repetition()
        for end in range(len(answer)):
            assert not enough(answer[:end])

    assert is_linear(watch, lambda length: '{"memories": [{"text": "' + "a" * length)


@pytest.mark.parametrize("name", _functions())
def test_every_function_of_a_text_takes_linear_time(name: str) -> None:
    work = _functions()[name]
    slow = [pump for pump in PUMPS if not is_linear(work, Attack("", pump, ""), too_long=5)]
    assert slow == []
