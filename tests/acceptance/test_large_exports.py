"""Large exports: memory holds a piece of them at a time."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixtures.commandline import CommandLine

MEASURED = (
    "import resource, subprocess, sys\n"
    "code = subprocess.run([sys.executable, '-m', 'bot', *sys.argv[1:]]).returncode\n"
    "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
    "sys.exit(code)\n"
)
"""Runs the program and tells its peak of memory in kilobytes: of a process's child, for one inherits its parent's."""

MEGABYTE = 1_000_000
PEAK_KB = 60_000


def write_export(path: Path, size: int) -> int:
    """Write an export of that many bytes, as DiscordChatExporter does; how many messages it holds."""
    author = {
        "id": "30",
        "name": "mara_",
        "nickname": "Mara",
        "isBot": False,
        "roles": [{"id": str(number), "name": f"role {number}", "position": number} for number in range(12)],
        "avatarUrl": "https://cdn.discordapp.com/avatars/30/0123456789abcdef.png?size=512",
    }
    reaction = {"emoji": {"id": "", "name": "+1", "imageUrl": "https://example.org/1.svg"}, "count": 2}
    reaction["users"] = [author] * 5
    head = {"guild": {"id": "10", "name": "Makers"}, "channel": {"id": "20", "name": "general"}}
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1] + ', "messages": [')
        while file.tell() < size:
            count += 1
            record = {
                "id": str(1_500_905_346_170_880_000 + count),
                "type": "Default",
                "timestamp": "2026-05-04T17:02:00+00:00",
                "timestampEdited": None,
                "content": f"line {count}: the key of cupboard {count % 97} hangs behind the door",
                "author": author,
                "reactions": [reaction],
                "mentions": [],
            }
            file.write((", " if count > 1 else "") + json.dumps(record))
        file.write(f'], "messageCount": {count}}}')
    return count


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_large_export_needs_hardly_more_memory_than_a_small_one(
    command_line: CommandLine, tmp_path: Path
) -> None:
    measured = replace(command_line, entry=("-c", MEASURED), seconds=1600)
    peaks: list[int] = []
    for megabytes in (1, 160):
        export = tmp_path / f"{megabytes}.json"
        count = write_export(export, megabytes * MEGABYTE)
        ran = await measured("replay", export, "--no-extract", "--data-dir", tmp_path / f"data {megabytes}")
        assert f"{count:,}" in re.sub(r"messages kept +", "", ran.out), ran.err
        peaks.append(int(re.findall(r"peak (\d+)", ran.err)[0]))
    assert peaks[1] - peaks[0] <= PEAK_KB, peaks
