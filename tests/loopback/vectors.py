"""Embeddings for tests: the same text gives the same vector, and texts that share words are near."""

from __future__ import annotations

import math
import re
import zlib
from array import array

_WORD = re.compile(r"\w+")


def bag_of_words(text: str, dims: int) -> array[float]:
    """A unit vector of `dims` numbers: each word adds itself at a place, with a sign, that its checksum gives."""
    numbers = [0.0] * dims
    for word in _WORD.findall(text.casefold()) or [""]:
        checksum = zlib.crc32(word.encode())
        numbers[(checksum >> 1) % dims] += 1.0 if checksum & 1 else -1.0
    length = math.sqrt(sum(n * n for n in numbers))
    if not length:  # words that cancelled each other out
        numbers[0] = length = 1.0
    return array("f", (n / length for n in numbers))
