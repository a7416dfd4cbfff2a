"""A start as the systemd unit confines it: another user, a read-only system, and one folder to write to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.process import ROOT, Stage

USER = 61_184
"""The first of those that DynamicUser= gives out."""


CONFINABLE = (
    os.geteuid() == 0
    and subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0  # noqa: S607
)
"""Whether this process may have mounts of its own, and be another user."""


def unit() -> dict[str, str]:
    """The settings of the unit's service; names that come several times have the last of their values."""
    text = (ROOT / "deploy/channel-memory.service").read_text()
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def confined(state: Path) -> list[str]:
    """Before a command: a mount namespace of its own and another user, as the unit's settings say.

    The system is read-only (ProtectSystem=strict), homes are empty (ProtectHome=yes), /tmp and /var/tmp are new
    (PrivateTmp=yes), and /var/lib/<StateDirectory> is the one folder that its user owns. The program, its packages and
    Python are brought in where the test has them.
    """
    settings = unit()
    packages = {path for path in sys.path if path.endswith("site-packages")}
    kept = sorted({str(ROOT), sys.prefix, sys.base_prefix, *packages})
    steps = ["set -e", "mount -t tmpfs tmpfs /mnt"]
    for number, path in enumerate(kept):
        steps += [f"mkdir -p /mnt/{number}", f"mount --bind {path} /mnt/{number}"]
    steps += [f"mkdir /mnt/state && mount --bind {state} /mnt/state"]
    hidden = {"PrivateTmp": ("/tmp", "/var/tmp"), "ProtectHome": ("/home", "/root", "/run/user")}  # noqa: S108
    for name, folders in hidden.items():
        assert settings[name] == "yes"
        mode = "1777" if name == "PrivateTmp" else "0755"
        steps += [f"[ ! -d {folder} ] || mount -t tmpfs -o mode={mode} tmpfs {folder}" for folder in folders]
    for number, path in enumerate(kept):
        steps += [f"mkdir -p {path}", f"mount --bind /mnt/{number} {path}"]
    place = f"/var/lib/{settings['StateDirectory']}"
    steps += ["mount -t tmpfs tmpfs /var/lib", f"mkdir {place}", f"mount --bind /mnt/state {place}", "umount -l /mnt"]
    assert settings["ProtectSystem"] == "strict"
    steps += ["mount -o remount,bind,ro /", "mount -o remount,ro /var/lib", f"cd {settings['WorkingDirectory']}"]
    user = f"setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs --bounding-set=-all"
    steps += [f"umask {settings['UMask']}", f'exec {user} env -i PATH=/usr/bin:/bin {settings["Environment"]} "$@"']
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(steps), "sh"]


@pytest.mark.slow
async def test_it_starts_and_draws_its_chart_where_only_its_folder_can_be_written(stage: Stage, tmp_path: Path) -> None:
    if not CONFINABLE:
        print("not the superuser, or no mount namespaces here: the start in a sandbox is not tried")
        return
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, USER, USER)
    environment = {name: value for name, value in stage.bot.environment.items() if name not in {"HOME", "DATA_DIR"}}
    guild = stage.discord.world.guild("Workshop")
    ada, general = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.text("general")
    environment |= {"OBSERVE_CHANNELS": str(general.id)}
    command = [*confined(state), *(f"{name}={value}" for name, value in environment.items())]
    command += [os.path.abspath(sys.executable), "-m", "bot", "run"]  # noqa: PTH100 - a link of the environment stays one
    stage.bot.entry = ("-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])", *command)
    await stage.bot.start()
    await stage.bot.noticed(general)
    general.say(ada, "The open day is on 21 June.")
    answer = await stage.discord.command(ada, general, "memory status").answer(within=60)
    assert "chart.png" in str(answer.fields)
    code, _ = await stage.bot.terminate()
    assert code == 0
    assert "Traceback" not in stage.bot.logs()
    assert "temporary cache" not in stage.bot.logs(), "matplotlib has a folder of its own"
    written = [path for path in state.rglob("*") if path.is_file()]
    assert written
    assert {(path.stat().st_uid, path.stat().st_mode & 0o077) for path in written} == {(USER, 0)}
