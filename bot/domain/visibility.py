"""Whether a text shows anything: some characters take no place at all, and a name may consist of them alone."""

from __future__ import annotations

import regex

_VISIBLE = regex.compile(r"[^\p{Default_Ignorable_Code_Point}\p{Control}\p{Surrogate}\p{Separator}]")
"""By Unicode's own properties (https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point): default-ignorable
are soft hyphens, tag characters, Hangul fillers and whatever a later version of Unicode adds."""


def is_visible(text: str) -> bool:
    """Whether anything of `text` can be seen."""
    return _VISIBLE.search(text) is not None
