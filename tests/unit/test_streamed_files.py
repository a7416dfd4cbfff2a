"""What backups leave in the data folder on their way to a stream goes, unless they are still at work."""

from __future__ import annotations

from pathlib import Path

from bot.storage import remove_leftovers, streamed_file


def held(data_dir: Path) -> list[str]:
    """What is in the data folder, but for the lock."""
    return sorted(path.name for path in data_dir.rglob("*") if path.name != "backup.lock")


def test_what_a_killed_backup_left_goes_at_the_next_one_and_at_a_start(tmp_path: Path) -> None:
    for _ in range(2):
        with streamed_file(tmp_path) as file:
            (killed,) = held(tmp_path)
            file.write_text("everything")
            file.with_name("backup.db.part").write_text("half of it")
        assert held(tmp_path) == []
        (tmp_path / killed).mkdir()
        (tmp_path / killed / "backup.db").write_text("everything")
    with streamed_file(tmp_path) as file:
        assert held(tmp_path) == [file.parent.name]
    (tmp_path / killed).mkdir()
    preparing = tmp_path / "channel-memory.db.restoring"
    preparing.mkdir()
    remove_leftovers(tmp_path)
    assert held(tmp_path) == []


def test_what_is_still_streamed_stays(tmp_path: Path) -> None:
    with streamed_file(tmp_path) as first:
        first.write_text("everything")
        remove_leftovers(tmp_path)
        with streamed_file(tmp_path) as second:
            second.write_text("everything")
            remove_leftovers(tmp_path)
            assert (first.read_text(), second.read_text()) == ("everything", "everything")
        assert first.exists()
