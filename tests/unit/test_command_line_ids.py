"""Ids on the command line and in a file of questions: what can be none is a fault of usage, told before any work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli.main import build
from bot.domain.errors import UserError
from tests.fixtures.hostile import NO_IDS


@pytest.mark.parametrize("number", [number for number in NO_IDS if number])
@pytest.mark.parametrize(
    "arguments",
    [
        "recall kite --guild",
        "recall kite --channel",
        "recall kite --as-of",
        "erase --user",
        "erase --user 5 --guild",
        "export --user",
        "export --user 5 --guild",
        "deadletters list --guild",
        "deadletters retry 5 --",
        "deadletters drop 5 --",
    ],
)
def test_an_option_that_can_be_no_id_is_refused(
    arguments: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build()([*arguments.split(), number])
    assert ended.value.code == 2
    assert "must be a snowflake" in capsys.readouterr().err


@pytest.mark.parametrize("field", ["guild_id", "channel_id", "as_of"])
def test_a_question_of_a_file_with_what_can_be_no_id_is_refused(tmp_path: Path, field: str) -> None:
    questions = tmp_path / "questions.jsonl"
    for number in [*NO_IDS, *map(int, NO_IDS[:4]), -5, 5.0, True, [5]]:
        questions.write_text(json.dumps({"id": "1", "query": "kite", field: number}))
        with pytest.raises(UserError, match="as snowflakes"):
            build()(["recall", "--queries", str(questions)])


def test_more_messages_a_day_than_anybody_has_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build()(["costs", "--messages-per-day", "9" * 400])
    assert "less than or equal" in " ".join(capsys.readouterr().err.replace("│", " ").split())
