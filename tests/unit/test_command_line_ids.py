"""Ids on the command line and in a file of questions: what can be none is a fault of usage, told before any work."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from bot.cli.main import build, main
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
    arguments: str, number: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bot", *arguments.split(), number])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"error: Invalid value for '.*': must be a snowflake, .*; see .* --help\n", said)


@pytest.mark.parametrize("field", ["guild_id", "channel_id", "as_of"])
@pytest.mark.matrix
def test_a_question_of_a_file_with_what_can_be_no_id_is_refused(tmp_path: Path, field: str) -> None:
    questions = tmp_path / "questions.jsonl"
    for number in [*NO_IDS, *map(int, NO_IDS[:4]), -5, 5.0, True, [5]]:
        questions.write_text(json.dumps({"id": "1", "query": "kite", field: number}))
        with pytest.raises(UserError, match="as snowflakes"):
            build()(["recall", "--queries", str(questions)])


def misused(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[str, str]:
    """What the program prints, and its errors, when it is called so and ends with the code of a wrong use."""
    monkeypatch.setattr(sys, "argv", ["bot", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    return printed.out, printed.err


@pytest.mark.parametrize(
    ("arguments", "reason", "command"),
    [
        (["costs", "--messages-per-day", "9" * 400], "less than or equal", " costs"),
        (["recal"], "No such command 'recal'", ""),
        (["--nope"], "No such option: --nope", ""),
        (["recall", "--nope"], "No such option: --nope", " recall"),
        (["replay"], "Missing argument 'file'", " replay"),
        (["erase"], "Missing option '--user'", " erase"),
        (["deadletters", "liszt"], "No such command 'liszt'", " deadletters"),
        (["policy", "a\nb"], r"unexpected extra argument(s) (a\x0ab)", " policy"),
    ],
)
def test_a_wrong_use_is_one_plain_line(
    arguments: list[str],
    reason: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output, errors = misused(arguments, monkeypatch, capsys)
    assert re.fullmatch(rf"error: .*{re.escape(reason)}.*; see .*{command} --help\n", errors)
    assert output == ""


@pytest.mark.parametrize("arguments", [[], ["deadletters"]])
def test_no_command_shows_help_and_no_error(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output, errors = misused(arguments, monkeypatch, capsys)
    assert "--help" in output
    assert errors == ""
