"""What `doctor` says of versions, of a key that is not protected, and of what a model is made for."""

from __future__ import annotations

import pytest

from bot.domain.findings import Finding, Verdict
from bot.index.layout import QdrantAddress
from bot.index.qdrant_check import client_version, too_far_apart
from bot.llm.ollama_check import examine_ollama
from bot.llm.ollama_embedder_check import examine_embedder
from bot.operate.index_check import examine_qdrant
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.qdrant import LoopbackQdrant

MAJOR, MINOR = map(int, client_version().split(".")[:2])


async def of_qdrant(server: LoopbackQdrant, api_key: str | None = None, url: str = "") -> dict[str, Finding]:
    """The findings by subject."""
    findings = examine_qdrant(QdrantAddress(url=url or server.url, api_key=api_key))
    return {finding.subject: finding async for finding in findings}


async def of_ollama(server: LoopbackOllama, model: str = "llama3.1:8b") -> dict[str, Finding]:
    """The findings by subject."""
    return {finding.subject: finding async for finding in examine_ollama([server.url], model)}


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        (f"{MAJOR}.{MINOR}.0", Verdict.OK),
        (f"{MAJOR}.{MINOR - 1}.3", Verdict.OK),
        (f"{MAJOR}.{MINOR + 1}.0-dev", Verdict.OK),
        (f"{MAJOR}.{MINOR - 2}.9", Verdict.WARNING),
        (f"{MAJOR + 1}.{MINOR}.0", Verdict.WARNING),
        ("0.0.0", Verdict.OK),
        ("nightly", Verdict.OK),
    ],
)
async def test_client_and_server_may_be_one_minor_version_apart(
    qdrant_server: LoopbackQdrant, version: str, verdict: Verdict
) -> None:
    qdrant_server.version = version
    finding = (await of_qdrant(qdrant_server))["qdrant"]
    assert finding.verdict is verdict
    assert finding.found.startswith(f"answers at {qdrant_server.url}, version {version}")
    assert client_version() in finding.found
    assert ("update" in finding.todo) is (verdict is Verdict.WARNING)


def test_versions_that_are_none_are_not_too_far_apart() -> None:
    assert not too_far_apart("unknown", "1.18.3")


async def test_ollama_where_qdrant_should_be_is_named(ollama_server: LoopbackOllama) -> None:
    (finding,) = [each async for each in examine_qdrant(QdrantAddress(url=ollama_server.url))]
    assert finding.verdict is Verdict.FAULT
    assert finding.found == f"what answers at {ollama_server.url} is not Qdrant: it is Ollama"
    assert finding.todo == "correct MEM0_QDRANT_HOST, _PORT and _URL"


async def test_a_key_without_tls_is_told_with_where_it_goes(qdrant_server: LoopbackQdrant) -> None:
    qdrant_server.api_key = "k"
    here = (await of_qdrant(qdrant_server, api_key="k"))["qdrant key"]
    assert (here.verdict, here.found) == (Verdict.OK, "the key travels unencrypted to 127.0.0.1")
    away = (await of_qdrant(qdrant_server, api_key="k", url=f"http://0.0.0.0:{qdrant_server.port}"))["qdrant key"]
    assert (away.verdict, away.found) == (Verdict.WARNING, "the key travels unencrypted to 0.0.0.0")
    assert "https://" in away.todo
    assert "qdrant key" not in await of_qdrant(qdrant_server)


@pytest.mark.parametrize(
    ("version", "verdict", "says"),
    [
        ("0.24.0", Verdict.OK, "version 0.24.0"),
        ("0.0.0", Verdict.OK, "version 0.0.0 (built from source)"),
        ("0.4.7", Verdict.WARNING, "is older than 0.5"),
    ],
)
async def test_the_version_of_ollama(ollama_server: LoopbackOllama, version: str, verdict: Verdict, says: str) -> None:
    ollama_server.version = version
    finding = (await of_ollama(ollama_server))["ollama"]
    assert finding.verdict is verdict
    assert finding.found.startswith(f"answers at {ollama_server.url}, ")
    assert finding.found.endswith(says)


@pytest.mark.parametrize(
    ("template", "modelfile", "has_turns"),
    [
        ("{{ .Prompt }}", "FROM ./qwen.gguf", False),
        ("{{ .Prompt }}", "FROM qwen3-vl\nRENDERER qwen3-vl-instruct", True),
        ("{{- range .Messages }}{{ .Content }}{{ end }}", "FROM x", True),
        ("{{ if .System }}{{ .System }}{{ end }}{{ .Prompt }}", "FROM x", True),
        ("", "FROM x", True),
    ],
)
async def test_a_template_without_turns_is_told_with_how_to_give_it_some(
    ollama_server: LoopbackOllama, template: str, modelfile: str, *, has_turns: bool
) -> None:
    ollama_server.template, ollama_server.modelfile = template, modelfile
    findings = await of_ollama(ollama_server)
    assert ("template" not in findings) is has_turns
    if not has_turns:
        assert findings["template"].verdict is Verdict.WARNING
        assert "never sees the instructions" in findings["template"].found
        assert "ollama create llama3.1:8b -f Modelfile" in findings["template"].todo
        assert "speed" in findings, "the other checks go on"


async def test_a_model_that_is_not_made_for_its_work(ollama_server: LoopbackOllama) -> None:
    fault = (await of_ollama(ollama_server, "nomic-embed-text"))["model"]
    assert fault.verdict is Verdict.FAULT
    assert fault.found == "nomic-embed-text is not made to chat: Ollama lists embedding of it"
    assert fault.todo.startswith("set OLLAMA_MODEL to a model that lists completion")
    warning = await examine_embedder(ollama_server.url, "llama3.1:8b")
    assert warning is not None
    assert warning.found == "llama3.1:8b is not made to embed: Ollama lists completion, tools of it"
    assert "EMBEDDING_MODEL" in warning.todo


async def test_a_server_that_does_not_tell_what_a_model_is_for_is_believed(ollama_server: LoopbackOllama) -> None:
    ollama_server.capabilities = ollama_server.embedder_capabilities = ()
    assert (await of_ollama(ollama_server))["model"].verdict is Verdict.OK
    assert await examine_embedder(ollama_server.url, "nomic-embed-text") is None
    await ollama_server.stop()
    assert await examine_embedder(ollama_server.url, "nomic-embed-text") is None
