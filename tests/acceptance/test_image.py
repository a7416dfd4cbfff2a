"""The image without a container engine: its install steps in an empty environment, run by another user."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import __version__

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.xdist_group("image")]  # set up once

ROOT = Path(__file__).parents[2]
USER = 10001
MOST_MEGABYTES = 500
UNWANTED = re.compile(
    r"^(pip|setuptools|wheel|cython|cmake|ninja|maturin|numba|llvmlite|pytest.*|hypothesis|simcord|mypy|ruff|sphinx|mkdocs|"
    r"coverage|import[-_]linter|hadolint.*|kubernetes[-_]validate|torch)$",
    re.IGNORECASE,
)


READ_ONLY_ROOT = (
    os.geteuid() == 0
    and subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0  # noqa: S607
)
"""Whether this process may mount its root read-only, for itself alone."""


@dataclass(frozen=True)
class Image:
    """What the image would hold.

    Attributes:
        python: its interpreter.
        data: the one place that its user may write to.
    """

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv/bin/python"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def confined(self) -> list[str]:
        """Before a command: another user, and a root file system that is read-only but for the volume.

        Only the superuser can give both; elsewhere the commands run as who runs the tests, which the output tells.
        """
        if os.geteuid() != 0:
            print("not the superuser: neither another user nor a read-only root is tried")
            return []
        user = f"setpriv --reuid {USER} --regid {USER} --clear-groups"
        volume = str(self.data)
        if not READ_ONLY_ROOT:
            print("no mount namespaces here: the root file system stays writable")
            return user.split()
        mounts = f'mount --bind {volume} {volume} && mount -o remount,bind,ro / && cd {volume} && exec {user} "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh"]

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run as the image's user, with the image's environment and no other."""
        declared = (ROOT / "Dockerfile").read_text()
        names = dict(re.findall(r"(\w+)=(\S+)", declared[declared.rindex("ENV PATH") :]))
        environment = {name: value.replace("/data", str(self.data)) for name, value in names.items() if name.isupper()}
        environment |= {"PATH": f"{self.python.parent}:/usr/bin:/bin", "TMPDIR": str(self.data)} | settings
        environment["LD_LIBRARY_PATH"] = str(self.folder / "python/lib")  # where the interpreter is a copy
        return subprocess.run(  # noqa: S603 - our own interpreter
            [*self.confined, self.python, *arguments],
            cwd=self.data,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def base_python(folder: Path) -> str:
    """An interpreter that the image's user may read: a copy where this process is root, whose own may be private."""
    if os.geteuid() != 0:
        return sys.executable
    unneeded = shutil.ignore_patterns("test", "__pycache__", "site-packages", "*.a", "idlelib", "tkinter")
    shutil.copytree(sys.base_prefix, folder / "python", symlinks=True, ignore=unneeded)
    return str(folder / f"python/bin/python{sys.version_info.major}.{sys.version_info.minor}")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    folder = Path(tempfile.mkdtemp(prefix="channel-memory-image-"))
    folder.chmod(0o755)
    image = Image(folder)
    source = folder / "src"
    source.mkdir()
    for name in re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        for part in name.split():
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, source / part)
    steps = [
        [base_python(folder), "-m", "venv", str(folder / "venv")],
        [
            *(str(image.python), "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-compile"),
            *("--constraint", str(source / "constraints.txt"), str(source)),
        ],
        [str(image.python), "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"],
    ]
    for step in steps:
        subprocess.run(step, check=True, capture_output=True)  # noqa: S603 - our own interpreter
    shutil.rmtree(source)
    image.data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(image.data, USER, USER)
    yield image
    shutil.rmtree(folder)


def test_it_is_small_and_holds_only_what_runs(image: Image) -> None:
    files = [path for path in (image.folder / "venv").rglob("*") if path.is_file() and not path.is_symlink()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    print(f"installed environment: {megabytes:.0f} MB")
    assert megabytes <= MOST_MEGABYTES
    installed = [path.name.split("-")[0] for path in image.folder.glob("venv/lib/python*/site-packages/*.dist-info")]
    assert len(installed) > 40
    assert [name for name in installed if UNWANTED.match(name)] == []
    told = subprocess.run(  # noqa: S603 - our own interpreter
        [str(image.folder / "venv/bin/channel-memory"), "--version"], capture_output=True, text=True, check=True
    )
    assert told.stdout == f"channel-memory {__version__}\n"


def test_it_runs_as_another_user_and_writes_to_its_volume_alone(image: Image) -> None:
    done = image.run("-m", "bot", "demo")
    assert done.returncode == 0, done.stderr
    doctor = image.run("-m", "bot", "doctor", MEM0_ENABLED="false")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    chart = image.run("-c", "from bot.operate.chart import Bar, draw; draw([Bar('05-01', 3, 1, 0.0, 0.1)])")
    assert chart.returncode == 0, chart.stderr
    assert any(image.data.rglob("*.db"))
    if READ_ONLY_ROOT:
        outside_it = image.run("-c", "import pathlib; pathlib.Path('/tmp/channel-memory').touch()")
        assert "Read-only file system" in outside_it.stderr
    if os.geteuid() == 0:
        outside = [
            path
            for top in (image.folder / "venv", Path(tempfile.gettempdir()), Path.home(), Path("/var/tmp"))  # noqa: S108
            for path in top.glob("**/*" if top == image.folder / "venv" else "*")
            if path.lstat().st_uid == USER
        ]
        assert outside == []


def test_its_health_check_fails_where_nothing_runs(image: Image) -> None:
    check = image.run("-m", "bot.cli.healthcheck")
    assert (check.returncode, check.stderr) == (1, "")
