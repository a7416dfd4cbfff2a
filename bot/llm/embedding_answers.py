"""What an embedding service answered, checked before anything of it is used."""

from __future__ import annotations

import base64
import math
import sys
from array import array
from collections.abc import Sequence
from operator import mul

from bot.domain import Server, ServiceFailed, ServiceRejected, Trouble

SERVICE = "embeddings"

SHORTEST_SQUARE, LONGEST_SQUARE = 1e-30, 1e30
"""Of a vector's length. Its numbers are stored in 32 bits and squared in them for every comparison."""

_NUMBERS = {float, int}


def embeddings_in(answer: object, count: int, server: Server) -> list[list[float]]:
    """The vectors of an answer in OpenAI's form, in the order of the texts.

    Args:
        answer: the parsed body; each vector is a list of numbers, or 32-bit floats in base64.
        count: how many texts were sent.
        server: that answered.

    Raises:
        ServiceFailed: it is another protocol's.
        ServiceRejected: what it says of the places of its vectors is not the order of the texts.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) and "embedding" in item for item in data):
        raise ServiceFailed(SERVICE, *server.words(Trouble.OTHER))
    _same_count(len(data), count)
    if any(item.get("index") not in (None, place) for place, item in enumerate(data)):
        raise ServiceRejected(SERVICE, "its vectors come in another order than the texts")
    return [_unpacked(item["embedding"]) for item in data]


def check_vectors(vectors: object, count: int, dims: int, model: str) -> list[list[float]]:
    """`vectors`, if they are one for each of `count` texts, of `dims` finite numbers that are not all zero.

    Raises:
        ServiceRejected: they are something else, which is told without any of it.
    """
    if not isinstance(vectors, list):
        raise ServiceRejected(SERVICE, "no vectors came")
    _same_count(len(vectors), count)
    for vector in vectors:
        _check_vector(vector, dims, model)
    return vectors


def _same_count(number: int, count: int) -> None:
    if number != count:
        raise ServiceRejected(SERVICE, f"{number} vectors came for {count} texts")


def _check_vector(vector: object, dims: int, model: str) -> None:
    if not isinstance(vector, list) or not set(map(type, vector)) <= _NUMBERS:
        raise ServiceRejected(SERVICE, "a vector came that is not made of numbers")
    if len(vector) != dims:
        raise ServiceRejected(
            SERVICE,
            f"{model!r} gives vectors of {len(vector)} numbers, EMBEDDING_DIMS is {dims}",
            f"set EMBEDDING_DIMS={len(vector)} and run `python -m bot reindex`",
        )
    if not SHORTEST_SQUARE < _square(vector) < LONGEST_SQUARE:
        raise ServiceRejected(SERVICE, "a vector came that is zero, infinite or not a number")


def _square(vector: Sequence[float]) -> float:
    """The square of a vector's length; not a number where one of its own is none or too large."""
    try:
        return float(sum(map(mul, vector, vector)))
    except OverflowError:  # whole numbers with hundreds of digits
        return math.nan


def _unpacked(embedding: object) -> list[float]:
    if not isinstance(embedding, str):
        return embedding  # type: ignore[return-value]  # see check_vectors
    numbers = array("f")
    try:
        numbers.frombytes(base64.b64decode(embedding, validate=True))
    except ValueError:
        raise ServiceRejected(SERVICE, "a vector came as text that is not base64") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()
