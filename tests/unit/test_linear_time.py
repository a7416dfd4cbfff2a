"""No text of members or models takes more than linear time, in any regular expression or function of the program."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from detect_secrets.plugins.base import RegexBasedDetector

import bot.text
from bot.domain import UserError, snowflake
from bot.llm import estimate_tokens
from bot.recall.question import understand
from bot.text import SecretFinder, ToldDays
from cogs.rendering import plain_line, safe
from tests.fixtures.attacks import Attack, slow_text
from tests.fixtures.hostile import PUMPS
from tests.fixtures.pace import is_linear
from tests.fixtures.patterns import modules, patterns_of

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
    "said": DAY,
    "days": (DAY,),
    "language": "english",
    "languages": LANGUAGES,
    "now": NOW,
    "zone": UTC,
}
"""What functions need besides texts, by the names of their parameters."""


def _call(function: Callable[..., object], text: str) -> None:
    """Call a function with a text in place of every string that it needs."""
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    given = GIVEN | {"lines": [ToldDays(text, DAY, LANGUAGES)] if any(p.name == "lines" for p in needed) else []}
    try:
        made = function(**{p.name: given.get(p.name, text) for p in needed})
    except UserError:  # no time
        return
    if isinstance(made, Iterator):
        list(made)


def _functions() -> dict[str, Callable[[str], object]]:
    """What is done with texts, by name: every function of the face of bot.text that takes one, and others."""
    face = {name: value for name in bot.text.__all__ if inspect.isfunction(value := getattr(bot.text, name))}
    taking = {name: [p.annotation for p in inspect.signature(f).parameters.values()] for name, f in face.items()}
    return {name: partial(_call, face[name]) for name, kinds in taking.items() if "str" in kinds} | {
        "redact": SecretFinder().redact,
        "estimate_tokens": estimate_tokens,
        "understand": partial(understand, names={1: "Ana"}, asker_id=1, newest=snowflake.from_datetime(NOW)),
        "safe": partial(safe, names={}, limit=300),
        "plain_line": partial(plain_line, names={}, limit=100),
    }


@pytest.mark.parametrize("name", _functions())
def test_every_function_of_a_text_takes_linear_time(name: str) -> None:
    work = _functions()[name]
    slow = [pump for pump in PUMPS if not is_linear(work, Attack("", pump, ""), too_long=5)]
    assert slow == []
