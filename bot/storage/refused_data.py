"""Whether a database does not take what it was given, or can't take anything now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from bot.domain import ServiceUnavailable

_OF_DATA: Final = frozenset({"22", "23", "54"})
"""Classes of SQLSTATE: data exception, integrity constraint violation, program limit exceeded
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


@contextmanager
def outages_named() -> Iterator[None]:
    """For the time of the block, ServiceUnavailable stands for what the driver raises where no data is at fault."""
    try:
        yield
    except DBAPIError as error:
        if not _refuses_data(error):
            raise ServiceUnavailable("database", type(error).__name__) from error
        raise


def _refuses_data(error: DBAPIError) -> bool:
    """Whether it is at this data, so that others may be taken; not so where the disk is full or nobody answers."""
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is not None:
        return str(sqlstate)[:2] in _OF_DATA
    by_driver = isinstance(getattr(error.orig, "__cause__", None), ValueError)  # asyncpg, before it sends anything
    return by_driver or isinstance(error, DataError | IntegrityError)
