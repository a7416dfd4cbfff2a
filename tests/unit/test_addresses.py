"""What an address tells of a server: which one it is, and whether what is sent there stays in the house."""

from __future__ import annotations

import pytest

from bot.domain import host_name, is_at_home, jump_url, qdrant_address


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://Ollama:11434", "ollama:11434"),
        ("https://ada:secret@api.example/v1/", "api.example/v1"),
        ("https://ada:p@ss@api.example", "api.example"),
    ],
)
def test_people_are_shown_the_server_without_name_and_password(address: str, name: str) -> None:
    assert host_name(address) == name


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("http://QDRANT", "http://qdrant:6333"),
        ("https://qdrant.example:443/", "https://qdrant.example:443"),
        ("http://qdrant/behind/a/proxy/", "http://qdrant:6333/behind/a/proxy"),
        ("http://[::1]:16333", "http://[::1]:16333"),
        ("http:///only/a/path", "http://:6333/only/a/path"),
    ],
)
def test_a_qdrant_server_is_written_in_one_way(address: str, written: str) -> None:
    assert qdrant_address(address) == written


@pytest.mark.parametrize(
    ("address", "at_home"),
    [
        ("http://localhost:11434", True),
        ("http://127.0.0.1:11434", True),
        ("http://[::1]:11434", True),
        ("http://ollama:11434", True),
        ("http://gpu.lan", True),
        ("http://ollama.models.svc.cluster.local:11434", True),
        ("http://100.90.1.2:11434", True),  # a private network over the internet
        ("http://bot:pw@10.1.2.3:11434", True),
        ("https://api.openai.com/v1", False),
        ("http://8.8.8.8:11434", False),
        ("https://local.example.org", False),
        ("https://notlocal", True),
        ("http://gpu.lan.:80", True),
        ("https://api.openai.com.", False),
        ("", True),
    ],
)
def test_what_stays_in_the_house(address: str, at_home: bool) -> None:
    assert is_at_home(address) == at_home
    assert is_at_home(address, {"api.openai.com", "8.8.8.8", "local.example.org"})


def test_a_message_has_an_address() -> None:
    assert jump_url(1, 2, 3) == "https://discord.com/channels/1/2/3"
