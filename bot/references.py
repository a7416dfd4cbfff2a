"""People in stored text are `<@user_id>`; here they are found and given their names back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

REFERENCE = re.compile(r"<@!?(\d{1,20})>")
SOMEBODY = "somebody"
"""Stands for a person whose name is not known any more."""


def people_in(texts: Iterable[str]) -> set[int]:
    """Ids of everybody that the texts refer to."""
    return {int(user_id) for text in texts for user_id in REFERENCE.findall(text)}


def with_names(text: str, names: Mapping[int, str]) -> str:
    """The text with names in place of references."""
    return REFERENCE.sub(lambda match: names.get(int(match[1]), SOMEBODY), text)
