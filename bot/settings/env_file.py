"""Changes `.env` one setting at a time: its comments, its order and everything else in it stay."""

from __future__ import annotations

import os
import re
import tempfile
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from bot.domain import StartupError

PLAIN = re.compile(r"[\w.:/@,+=%-]*", re.ASCII)
"""A value that every reader of such files, systemd's and Docker's too, takes as it stands."""


class EnvFile:
    """A file of `NAME=value` lines; nothing is written before `write`.

    Args:
        path: the file; may be absent.
        template: the text that it starts from where it is absent.

    Raises:
        StartupError: it can't be read.
    """

    def __init__(self, path: Path, template: str) -> None:
        self.path = path.resolve()  # a link stays one
        try:
            self.text = self.path.read_text(encoding="utf-8") if self.path.exists() else template
        except UnicodeDecodeError:
            raise StartupError(f"{path} is not text in UTF-8: save it as UTF-8") from None
        except OSError as error:
            raise StartupError(f"{path} can't be read ({error.strerror}): let this user read it") from None

    @property
    def values(self) -> dict[str, str]:
        """What it sets, by name; blank values are left out."""
        return {name: value for name, value in dotenv_values(stream=StringIO(self.text)).items() if value}

    def put(self, name: str, value: str) -> None:
        """Set a value: in the line that sets it now, or in the one that shows its default, or in a new one."""
        shown = value if PLAIN.fullmatch(value) else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        bindings = list(parse_stream(StringIO(self.text)))
        lines = [binding.original.string for binding in bindings]
        place = max((at for at, binding in enumerate(bindings) if binding.key == name), default=None)
        if place is None:
            place = next((at for at, line in enumerate(lines) if line.lstrip().startswith(f"#{name}=")), None)
        if place is None:
            place = len(lines)
            lines.append("" if not self.text or self.text.endswith("\n") else "\n")
        blank = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        lines[place] = f"{blank}{name}={shown}\n"
        self.text = "".join(lines)

    def write(self) -> None:
        """Write it whole or not at all, for this user alone.

        Raises:
            OSError: it can't be written.
        """
        handle, draft = tempfile.mkstemp(dir=self.path.parent, prefix=".env-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.text)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self.path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
