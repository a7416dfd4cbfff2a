"""What an operator reads after a start: the models in use, and where the bot is invited."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import discord
import pytest

from bot.llm.loading import load_settings
from bot.operate import invite_link, services_in_use


def test_the_link_asks_for_the_permissions_that_the_bot_needs_and_no_others() -> None:
    asked = parse_qs(urlsplit(invite_link(4_711)).query)
    needed = discord.Permissions(
        view_channel=True, send_messages=True, send_messages_in_threads=True, read_message_history=True
    )
    assert asked == {
        "client_id": ["4711"],
        "scope": ["bot applications.commands"],
        "permissions": [str(needed.value)],
    }


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {},
            "Memories by Ollama llama3.1:8b at http://localhost:11434, embeddings by OpenAI text-embedding-3-small, "
            "index embedded",
        ),
        (
            {"OLLAMA_BASE_URL": "http://ada:hunter2@gpu1:11434,http://gpu2:11434", "CHECK_MODEL": "bespoke-minicheck"},
            "Memories by Ollama llama3.1:8b at http://gpu1:11434, http://gpu2:11434, checked by bespoke-minicheck, "
            "embeddings by OpenAI text-embedding-3-small, index embedded",
        ),
        (
            {"MEM0_LLM_PROVIDER": "openai", "MEM0_QDRANT_HOST": "qdrant", "EMBEDDING_PROVIDER": "ollama"},
            "Memories by OpenAI gpt-4o-mini, embeddings by Ollama text-embedding-3-small, index on a Qdrant server",
        ),
        ({"MEM0_ENABLED": "false"}, "No memories are made (MEM0_ENABLED=false); messages are searched by words"),
    ],
)
def test_one_line_tells_what_the_settings_name_without_any_password(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], line: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert services_in_use(load_settings(None)) == line


def test_the_link_asks_for_events_only_where_they_are_wanted() -> None:
    (asked,) = parse_qs(urlsplit(invite_link(4_711, events=True)).query)["permissions"]
    (plain,) = parse_qs(urlsplit(invite_link(4_711)).query)["permissions"]
    assert int(asked) - int(plain) == discord.Permissions(create_events=True).value
