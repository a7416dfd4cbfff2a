"""What members are told follows from the settings and rules in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.model import MemoryKind
from bot.guilds.composition import policy_of
from bot.guilds.rules import ConsentRule, FactsRule, Rules
from bot.llm.loading import load_settings

PRIVACY = Path(__file__).parents[2] / "PRIVACY.md"
VIEW_CHARS = 4000
LONGEST = Rules(ConsentRule.OPTED_IN, FactsRule.EVERYBODY, {kind: 31 + n for n, kind in enumerate(MemoryKind)})


def test_privacy_md_is_the_policy_of_the_default_settings() -> None:
    assert PRIVACY.read_text() == policy_of(load_settings(None)).document()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"message_retention_days": 7}, "at most 7 days"),
        ({"embedding_provider": "ollama", "embedding_model": "nomic-embed-text"}, "Ollama, nomic-embed-text"),
        ({"mem0_enabled": False}, "Everything stays on the operator's machines"),
        ({"data_key": "k" * 32}, "The database is encrypted."),
        ({"mem0_llm_provider": "openai"}, "messages go to it over the internet"),
    ],
)
def test_command_and_document_say_the_same_of_the_settings(settings: dict[str, object], told: str) -> None:
    policy = policy_of(load_settings(None, **settings))
    assert told in policy.text()
    assert all(line in policy.document() for line in policy.text().splitlines())
    assert told not in policy_of(load_settings(None)).document()


def test_everything_fits_into_one_view() -> None:
    assert len(policy_of(load_settings(None)).text(LONGEST)) < VIEW_CHARS


def test_a_servers_rules_are_told() -> None:
    policy = policy_of(load_settings(None))
    opted_in = Rules(ConsentRule.OPTED_IN, FactsRule.NOBODY)
    assert "members who opted in" in policy.text(opted_in)
    assert "not kept in this server" in policy.text(opted_in)
    assert "opted in" in policy.notice(decided_by="somebody", rules=opted_in)
    assert "everybody" in policy.notice(decided_by="somebody")
