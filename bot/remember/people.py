"""Who is meant in a message: mentions and names at its beginning, resolved to user ids or not at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from bot.domain import people_in
from bot.text import folded, visible

_ADDRESS = re.compile(r"^\s*@?(?P<name>[^\s:,<>][^:,<>\n]{1,31}?)\s*+(?P<sign>[:,])[*_]{0,3}\s++(?=\S)")
_FIRST = re.compile(r"[^\W\d_][\w-]{2,31}(?=['’]s | )")
_ORNAMENT = re.compile(r"[\W_]+")
_AT = re.compile(r"^\s*@(?P<name>[^\s@<>]{2,32})\s++(?=\S)")


class People:
    """Members by their names.

    A name that two members share, also when it only looks the same, means neither: so nobody can take a name to be
    mistaken for its owner.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        keys = {user_id: _key(name) for user_id, name in names.items()}
        shared = Counter(keys.values())
        self._ids = {key: user_id for user_id, key in keys.items() if key and shared[key] == 1}

    def addressed(self, content: str) -> tuple[int | None, str]:
        """The member whom a message speaks to by name at its start ("Ana: …", "@Ana …"), and the rest of it."""
        for pattern in (_ADDRESS, _AT):
            match = pattern.match(visible(content))
            if match and (user_id := self._ids.get(_key(match["name"]))) is not None:
                return user_id, visible(content)[match.end() :]
        return None, content

    def quoted(self, content: str) -> int | None:
        """The member whose name and a colon the message begins with: whom it speaks to, or whose words it repeats."""
        match = _ADDRESS.match(visible(content))
        return self._ids.get(_key(match["name"])) if match and match["sign"] == ":" else None

    def named(self, text: str) -> str:
        """The member's name that a text begins with, as it stands there, or ""."""
        match = _FIRST.match(text)
        return match.group() if match and _key(match.group()) in self._ids else ""

    def meant(self, content: str) -> frozenset[int]:
        """Every member whom a message mentions or speaks to."""
        mentioned = people_in([content])
        addressed, _ = self.addressed(content)
        return frozenset(mentioned if addressed is None else mentioned | {addressed})


def _key(name: str) -> str:
    """What two names must share to be taken for the same: letters and digits, folded."""
    return _ORNAMENT.sub("", folded(name))
