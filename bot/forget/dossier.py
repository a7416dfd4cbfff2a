"""What is held of a member, as a file for machines and as a page for people."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from bot.forget.personal import Dossier

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>What is kept of you</title>
<style>body{{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}
li{{margin:.6em 0}}small{{color:#555}}</style></head>
<body><h1>What is kept of member {user}</h1><p>Put together {when}, {scope}.</p>
{sections}
</body></html>
"""


def as_json(dossier: Dossier) -> str:
    """Everything, for machines."""
    return json.dumps(
        {
            "user_id": str(dossier.user_id),
            "server": "every server" if dossier.guild_id is None else str(dossier.guild_id),
            "made_at": dossier.made_at.isoformat(),
            "kept": {name: list(records) for name, records in dossier.sections.items()},
        },
        ensure_ascii=False,
        indent=2,
    )


def as_page(dossier: Dossier) -> str:
    """Everything, as one page of HTML that loads nothing."""
    sections = []
    for name, records in dossier.sections.items():
        items = "\n".join(f"<li>{_record(record)}</li>" for record in records)
        sections.append(f"<h2>{escape(name.capitalize())} ({len(records)})</h2>\n<ul>{items}</ul>")
    scope = "of every server" if dossier.guild_id is None else f"of server {dossier.guild_id}"
    when = f"{dossier.made_at:%Y-%m-%d %H:%M} UTC"
    return _PAGE.format(user=dossier.user_id, when=when, scope=scope, sections="\n".join(sections))


def _record(record: dict[str, Any]) -> str:
    text = f"<p>{escape(str(record['text']))}</p>" if record.get("text") else ""
    rest = "; ".join(f"{escape(name)}: {escape(_plain(value))}" for name, value in record.items() if name != "text")
    return f"{text}<small>{rest}</small>"


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
