"""Settings that belong to a part of the program, beside which they are declared, read together with all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from bot.settings.config import Settings


class Section(BaseModel):
    """Some of the settings; a subclass declares them as `Settings` declares its own.

    Their names are those of the environment in small letters, and all sections share them: two that need the same
    setting share a section.
    """

    model_config = ConfigDict(frozen=True)

    after: ClassVar[str] = "mem0_llm_provider"
    """The setting of the program behind which they stand in `.env.example` and in the table of settings."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """These of all the settings.

        Raises:
            TypeError: the settings were read without them.
        """
        if not isinstance(settings, cls):
            raise TypeError(f"the settings were read without {cls.__name__}")
        return settings


class WholeSettings(Settings):
    """Settings of the program with those of its parts; `whole` makes them.

    Attributes:
        sections: the parts'.
    """

    sections: ClassVar[tuple[type[Section], ...]] = ()


W = TypeVar("W", bound=WholeSettings)


def fields_in_order(settings_type: type[Settings]) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its name, in the order in which they are shown."""
    fields = settings_type.model_fields
    sections = settings_type.sections if issubclass(settings_type, WholeSettings) else ()
    for name in Settings.model_fields:
        yield name, fields[name]
        for section in sections:
            if section.after == name:
                yield from ((own, fields[own]) for own in section.model_fields)


def whole(base: type[W], sections: Sequence[type[Section]], **changed: Any) -> type[W]:  # noqa: ANN401 - as pydantic takes fields
    """The type of all settings.

    Args:
        base: what they have in common.
        sections: the parts'.
        changed: fields of the program's settings that the parts decide about, by name: type and field.
    """
    bases: Any = (base, *sections)
    make: Any = create_model
    made: type[W] = make("Settings", __base__=bases, **changed)
    made.sections = tuple(sections)
    return made
