"""Settings as they stand in `.env.example` and in docs/settings.md, which are made from them."""

from __future__ import annotations

from bot.settings.config import Settings
from bot.settings.sections import fields_in_order


def environment_file(settings_type: type[Settings]) -> str:
    """The text of `.env.example`: every setting with one line on it and its default."""
    lines = ["# Copy to .env and fill in what you need. Every line that is commented out shows the default.", ""]
    for name, field in fields_in_order(settings_type):
        shown = _shown(field.default)
        lines += [f"# {field.description}", f"{'' if name == 'discord_token' else '#'}{name.upper()}={shown}", ""]
    return "\n".join(lines)


def _shown(default: object) -> str:
    """A default as it is written in a file; empty where there is none."""
    if default is None or default == ():
        return ""
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    shown = str(getattr(default, "value", default))
    return shown.lower() if isinstance(default, bool) else shown


def settings_table(settings_type: type[Settings]) -> str:
    """All settings as a table in Markdown, for docs/settings.md."""
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in fields_in_order(settings_type):
        shown = _shown(field.default)
        lines.append(f"| `{name.upper()}` | {f'`{shown}`' if shown else 'unset'} | {field.description} |")
    return "\n".join(lines) + "\n"
