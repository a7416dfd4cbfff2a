"""What a real, small model answered to the golden chats: whatever that was, what is kept is right, and as approved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.golden.chats import all_chats
from tests.golden.play import assert_holds, play
from tests.golden.recordings import AGAIN, APPROVE, NotRecorded, Replay, all_recordings, kept_of, refused_of

RECORDED = [(model, name) for model, recordings in all_recordings().items() for name in recordings]


@pytest.mark.parametrize(("model", "name"), RECORDED, ids=[f"{model} {name}" for model, name in RECORDED])
async def test_recorded_answers_come_to_what_was_approved(
    model: str, name: str, data_dir: Path, migrated_file: Path
) -> None:
    chat, recording = all_chats()[name], all_recordings()[model][name]
    data_dir.mkdir(mode=0o700)
    shutil.copyfile(migrated_file, data_dir / migrated_file.name)
    replay = Replay(name, recording)
    played = await play(chat, data_dir, replay, model=model)
    assert_holds(chat, played.memories)
    assert not replay.left, AGAIN.format(name=name)
    found = kept_of(played), refused_of(played.refusals), played.dead
    assert found == (recording.kept, recording.refused, recording.dead), APPROVE


def test_every_recording_is_of_a_chat() -> None:
    assert RECORDED
    for model, recordings in all_recordings().items():
        assert not recordings.keys() - all_chats().keys(), f"of {model}: chats that are gone"


def test_a_call_that_was_not_recorded_says_what_to_do() -> None:
    with pytest.raises(NotRecorded, match=r"record again: python -m tests\.golden\.record .* --only 'two ferries'"):
        raise NotRecorded("two ferries", "1@A 2@B")
