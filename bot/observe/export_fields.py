"""The fields of an export's records, checked as they are read: a wrong one is named in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.domain import snowflake


class FieldFault(ValueError):
    """A field is not what it has to be; the text names the field and says what it must be."""


class Fields:
    """One JSON object of an export.

    Every method raises FieldFault where the field is not what is asked for.
    """

    def __init__(self, record: object, path: str = "") -> None:
        """Take an object, and its own path in the record; empty for the record itself."""
        if not isinstance(record, dict):
            raise FieldFault(f"{path or 'it'} must be an object")
        self._record: dict[str, Any] = record
        self._path = path

    def is_null(self, field: str) -> bool:
        """Whether it is left out or null."""
        return self._record.get(field) is None

    def has(self, field: str) -> bool:
        """Whether it is there, and neither null nor empty."""
        return self._record.get(field) not in (None, "", [], {})

    def value(self, field: str) -> Any:  # noqa: ANN401 - JSON
        """Any value."""
        if field not in self._record:
            raise FieldFault(f"{self._name(field)} is missing")
        return self._record[field]

    def text(self, field: str) -> str:
        """A text."""
        value = self.value(field)
        if not isinstance(value, str):
            raise FieldFault(f"{self._name(field)} must be text")
        return value

    def id(self, field: str) -> int:
        """A snowflake, written as a number or in quotes."""
        value = self.value(field)
        text = "" if isinstance(value, bool) or not isinstance(value, int | str) else str(value)
        try:
            return snowflake.parse(text)
        except ValueError as error:
            raise FieldFault(f"{self._name(field)} {error}") from None

    def moment(self, field: str) -> datetime:
        """A time, in UTC where it says nothing else."""
        text = self.text(field)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise FieldFault(f"{self._name(field)} must be a time such as 2026-05-04T17:02:00+00:00") from None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        if not snowflake.FIRST <= moment <= snowflake.LAST:
            raise FieldFault(f"{self._name(field)} must be a time that Discord has or can have")
        return moment

    def truth(self, field: str) -> bool:
        """True or false."""
        value = self.value(field)
        if not isinstance(value, bool):
            raise FieldFault(f"{self._name(field)} must be true or false")
        return value

    def object(self, field: str) -> Fields:
        """An object."""
        return Fields(self.value(field), self._name(field))

    def objects(self, field: str) -> list[Fields]:
        """A list of objects; an empty one where it is left out or null."""
        value = self._record.get(field)
        if not isinstance(value, list | None):
            raise FieldFault(f"{self._name(field)} must be a list")
        return [Fields(item, f"{self._name(field)}[{number}]") for number, item in enumerate(value or ())]

    def _name(self, field: str) -> str:
        return f"{self._path}.{field}" if self._path else field
