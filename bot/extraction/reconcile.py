"""Decides what a new candidate is to the memories that are there already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.extraction.candidate import Candidate
from bot.model import Memory


@dataclass(frozen=True, slots=True)
class Add:
    """Nothing like it is there: keep it as a memory of its own."""


@dataclass(frozen=True, slots=True)
class Merge:
    """It says what this memory says: add its citations there and nothing else."""

    memory_id: str


@dataclass(frozen=True, slots=True)
class Supersede:
    """It is the newer state of the same matter: keep it, and mark this memory as superseded by it."""

    memory_id: str


Verdict = Add | Merge | Supersede


def reconcile(candidate: Candidate, neighbours: Sequence[Memory], *, authors: Collection[int]) -> Verdict:
    """Compare `candidate`, said by `authors`, with the nearest memories of its guild (nearest first)."""
    return Add()
