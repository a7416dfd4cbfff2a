"""Templates to pages. Whatever a template puts in is escaped, and control characters are left out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bot.domain import jump_url
from bot.text import printable


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page to be rendered.

    Attributes:
        template: its name.
        title: heading of the page.
        values: what the template is given.
        status: of HTTP.
    """

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


class Templates:
    """The templates, loaded at once."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("bot.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_without_control_characters,
        )
        self._environment.filters |= {"day_time": day_time, "waited": waited, "number": number}
        self._environment.globals |= {"jump_url": jump_url}
        self._loaded = {name: self._environment.get_template(name) for name in self._environment.list_templates()}

    def render(self, shown: WebPage, *, section: str, form_token: str) -> str:
        """The page as HTML.

        Args:
            shown: what is shown.
            section: path of the entry of the navigation that it belongs to; empty where none is shown.
            form_token: for the forms on it.
        """
        template = self._loaded[f"{shown.template}.html"]
        return template.render(shown.values, title=shown.title, section=section, form_token=form_token)


def _without_control_characters(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)


def day_time(moment: datetime | int) -> str:
    """A time (or milliseconds since 1970) as people write it, in UTC."""
    when = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment / 1000, UTC)
    return f"{when:%Y-%m-%d %H:%M}"


def waited(seconds: float) -> str:
    """How long something has been waiting."""
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes:,.0f} min"
    hours = minutes / 60
    return f"{hours:,.0f} h" if hours < 48 else f"{hours / 24:,.0f} days"


def number(value: int) -> str:
    """A count with separators."""
    return f"{value:,}"
