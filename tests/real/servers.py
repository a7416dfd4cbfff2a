"""A real server: given by its address, and started and killed here where the command that starts it is given too."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

MARK = "real"
GIVEN = {name: value for name, value in os.environ.items() if name.startswith("REAL_")}
"""What the environment names; tests see none of it, for some of them look for misspelled settings there."""
START_SECONDS = 120.0
_TRY_AGAIN_SECONDS = 0.2


@dataclass
class RealServer:
    """A server of another project.

    Attributes:
        name: of its product.
        url: where it answers.
        ready: a path that answers once it is ready.
        command: starts it in its foreground; empty where somebody else started it, who alone stops it.
        folder: in which the command is started, empty at first; what it keeps there is its own.
    """

    name: str
    url: str
    ready: str
    command: str
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def get(self, path: str) -> dict[str, object]:
        """What it answers to a path."""
        answer = httpx.get(f"{self.url}{path}", timeout=10)
        answer.raise_for_status()
        parsed: dict[str, object] = answer.json()
        return parsed

    @property
    def answers(self) -> bool:
        """Whether it is ready."""
        try:
            return httpx.get(f"{self.url}{self.ready}", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def start(self, **environment: str) -> None:
        """Start it and wait until it is ready; `environment` is for this start alone.

        Raises:
            PermissionError: another one answers there.
        """
        self.need_command()
        if self.answers:
            raise PermissionError(f"something answers at {self.url} already, so that {self.name} is not started there")
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command of whoever runs the tests
                shlex.split(self.command),
                cwd=self.folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def kill(self) -> None:
        """Kill -9, with all processes of its own."""
        self.need_command()
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def restart(self, **environment: str) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start(**environment)

    def stop(self) -> None:
        """Have it end as it likes to, if it was started here."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def descendants(self, words: str) -> list[int]:
        """Its processes whose command line holds these words."""
        self.need_command()
        assert self._process is not None
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if pid != self._process.pid and self._is_own(pid) and words in _command_of(pid)]

    def _is_own(self, pid: int) -> bool:
        assert self._process is not None
        try:
            return os.getsid(pid) == self._process.pid
        except ProcessLookupError:
            return False

    def need_command(self) -> None:
        """Skip the test, by the name of the setting, where the server was not started by this run."""
        if not self.command:
            pytest.skip(f"REAL_{self.name.upper()}_COMMAND is not set")

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + START_SECONDS
        while not self.answers:
            if self._process.poll() is not None or time.monotonic() > until:
                log = (self.folder.parent / f"{self.name}.log").read_text(errors="replace")
                pytest.fail(f"{self.name} did not start:\n{log[-3000:]}")
            time.sleep(_TRY_AGAIN_SECONDS)


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def given(name: str) -> str:
    """What the environment names; the test is skipped, by this name, where it does not."""
    return GIVEN.get(name) or pytest.skip(f"{name} is not set")
