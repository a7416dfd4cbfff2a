"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        subject: what was checked.
        found: what was found, in one sentence.
        todo: what to do; empty where nothing is.
        table: figures to be shown below it, line by line; the first line names the columns.
    """

    subject: str
    verdict: Verdict
    found: str
    todo: str = ""
    table: Sequence[Sequence[str]] = ()
