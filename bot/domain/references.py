"""People in stored text are `<@user_id>`; here they are found and given their names back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from bot.domain import snowflake
from bot.domain.visibility import is_visible

MENTION = re.compile(rf"<@!?({snowflake.PATTERN})>")
"""A person in a text, by id; what looks like it but holds no snowflake is text like any other."""
SOMEBODY = "somebody"
"""Stands for a person whose name is not known any more, or shows nothing."""
DELETED_MENTION = "@deleted"
"""Stands for a member of whom nothing is kept, where others mention them."""
NOBODY_ID = 1
"""No member's id: of the first millisecond of 2015. Nobody has a name by it, so that it is shown as `SOMEBODY`."""
NAMELESS = f"<@{NOBODY_ID}>"
"""Stands in a memory for a member whose name was taken out of it. It is a person still: their plan is no speaker's."""


def people_in(texts: Iterable[str]) -> set[int]:
    """Ids of everybody that the texts refer to."""
    return {int(user_id) for text in texts for user_id in MENTION.findall(text)}


def name_of(user_id: int, names: Mapping[int, str]) -> str:
    """The name of a person, where it is known and shows anything."""
    name = names.get(user_id, "")
    return name if is_visible(name) else SOMEBODY


def with_names(text: str, names: Mapping[int, str]) -> str:
    """The text with names in place of references."""
    return MENTION.sub(lambda match: name_of(int(match[1]), names), text)


def without_people(text: str, user_ids: Collection[int], instead: str = DELETED_MENTION) -> str:
    """The text with `instead` in place of references to these people."""
    return MENTION.sub(lambda match: instead if int(match[1]) in user_ids else match[0], text)
