"""What is wrong with a server reaches the person in words: what was asked, what happened, and what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from bot.cli.replay import replay_export
from bot.domain.errors import ServiceError, ServiceRejected
from bot.domain.server_faults import LONGEST_QUOTE, Server, Trouble
from bot.index.layout import Home, QdrantAddress
from bot.index.qdrant_store import QdrantStore
from bot.llm.loading import load_settings
from bot.llm.ollama import OllamaModel
from bot.llm.ollama_embeddings import OllamaEmbedder
from bot.observe.exports import open_export
from bot.operate.health import Readiness, serving
from bot.run.app import open_app
from tests.fixtures.index import OWNER_ID, home_on
from tests.integration.test_llm_ollama import ask
from tests.loopback.http import Fault
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.qdrant import LoopbackQdrant

CLASS_NAME = re.compile(r"\b[A-Z][a-z]+[A-Z]\w*(?:Error|Exception|Timeout|Response)\b|\b\w+Error\b")


def is_plain(line: str) -> bool:
    """No class of Python's is named, and no two full stops or other marks stand side by side."""
    return not CLASS_NAME.search(line) and not re.search(r"[.?!:;,][.?!;,]", line)


@asynccontextmanager
async def frames_of_http2() -> AsyncIterator[int]:
    """A gRPC port, as Qdrant's: it answers with frames of HTTP/2."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def of_qdrant(address: QdrantAddress) -> ServiceError:
    """Why a store can't be opened there."""
    with pytest.raises(ServiceError) as raised:
        await asyncio.to_thread(QdrantStore, Home(address, OWNER_ID, set), 1, 8)
    assert is_plain(str(raised.value))
    return raised.value


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("title", ["Ollama", "Qdrant", "OpenAI"])
def test_every_fault_of_every_server_has_words_and_advice(title: str, trouble: Trouble) -> None:
    server = Server(title, "http://10.0.0.7:1234", "THE_SETTING", "THE_KEY")
    what, todo = server.words(trouble, "it broke. \n", model="llama3", status=500)
    assert what
    assert todo
    assert is_plain(f"qdrant: {what}; {todo}. Messages wait")
    assert "{" not in what + todo


def test_a_long_sentence_of_a_server_is_cut_and_stays_on_one_line() -> None:
    what, _ = Server("Qdrant", "http://q", "X").words(Trouble.DECLINED, "no\n\x1b[31m." + "x" * 1_000)
    assert len(what) < LONGEST_QUOTE + 100
    assert what.isprintable()


# --- Qdrant -----------------------------------------------------------------------------------------------------------


async def test_a_key_with_a_host_asks_by_https_which_a_plain_server_does_not_speak(
    qdrant_server: LoopbackQdrant,
) -> None:
    error = await of_qdrant(QdrantAddress(host="127.0.0.1", port=qdrant_server.port, api_key="k"))
    assert (
        error.what == f"https://127.0.0.1:{qdrant_server.port} was asked by https, but what listens there speaks no TLS"
    )
    assert "set MEM0_QDRANT_URL to its address with http://" in error.todo


async def test_a_port_where_nobody_listens() -> None:
    error = await of_qdrant(QdrantAddress(url="http://127.0.0.1:9"))
    assert error.what == "nothing listens at http://127.0.0.1:9"
    assert error.todo == "start Qdrant, or correct MEM0_QDRANT_HOST, _PORT and _URL"


async def test_a_name_that_no_machine_has() -> None:
    error = await of_qdrant(QdrantAddress(host="no.such.host.invalid"))
    assert error.what == "no machine is known by the name in http://no.such.host.invalid:6333"


async def test_the_port_of_grpc() -> None:
    async with frames_of_http2() as port:
        error = await of_qdrant(QdrantAddress(url=f"http://127.0.0.1:{port}"))
    assert error.what == f"what listens at http://127.0.0.1:{port} does not speak HTTP"
    assert "6333; 6334 is for gRPC" in error.todo


async def test_ollama_where_qdrant_should_be(ollama_server: LoopbackOllama) -> None:
    error = await of_qdrant(QdrantAddress(url=ollama_server.url))
    assert error.what == f"what answers at {ollama_server.url} is not Qdrant (HTTP 404)"


async def test_what_qdrant_itself_says_is_shown(qdrant_server: LoopbackQdrant) -> None:
    message = "Wrong input: Collection memories has too many shards."
    qdrant_server.fail(Fault.STATUS, status=400, message=message)
    error = await of_qdrant(QdrantAddress(url=qdrant_server.url))
    assert error.what.endswith("declined the request (HTTP 400): Wrong input: Collection memories has too many shards")
    qdrant_server.heal()
    qdrant_server.api_key = "right"
    error = await of_qdrant(QdrantAddress(url=qdrant_server.url, api_key="wrong"))
    assert isinstance(error, ServiceRejected)
    assert error.what == f"the key was not accepted by Qdrant at {qdrant_server.url} (HTTP 401)"
    assert error.todo == "check MEM0_QDRANT_API_KEY"


async def test_a_key_over_http_is_no_warning_of_python(qdrant_server: LoopbackQdrant) -> None:
    qdrant_server.api_key = "k"
    home = home_on(qdrant_server.url, api_key="k")
    store = await asyncio.to_thread(QdrantStore, home, 1, 8)
    store.close()  # warnings are errors here


# --- Ollama -----------------------------------------------------------------------------------------------------------


async def test_a_model_that_does_not_chat(ollama_server: LoopbackOllama) -> None:
    model = OllamaModel(ollama_server.url, "nomic-embed-text")
    with pytest.raises(ServiceRejected) as raised:
        await ask(model)
    assert raised.value.what == "the model 'nomic-embed-text' can't chat"
    assert raised.value.todo.startswith("choose a model that can")
    await model.aclose()


async def test_a_chat_model_that_is_asked_to_embed(ollama_server: LoopbackOllama) -> None:
    embedder = OllamaEmbedder(ollama_server.url, "llama3.1:8b", 768)
    with pytest.raises(ServiceRejected) as raised:
        await embedder.embed(["a"])
    assert raised.value.what == "the model 'llama3.1:8b' can't embed"
    assert raised.value.todo.startswith("set EMBEDDING_MODEL to an embedding model")
    await embedder.aclose()


async def test_an_answer_that_does_not_come(ollama_server: LoopbackOllama) -> None:
    model = OllamaModel(ollama_server.url, "llama3.1:8b", timeout=0.1)
    ollama_server.fail(Fault.HANG, path="/api/chat")
    with pytest.raises(ServiceError) as raised:
        await ask(model)
    assert raised.value.what == f"no answer in time from Ollama at {ollama_server.url}"
    assert is_plain(str(raised.value))
    await model.aclose()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("invalid JSON schema in format", True),
        ("model runner has unexpectedly stopped, this may be due to: the party is on Friday", True),
        ("the party is on Friday", False),
    ],
)
async def test_what_ollama_says_of_a_prompt_is_shown_as_far_as_it_is_its_own(
    ollama_server: LoopbackOllama, said: str, *, shown: bool
) -> None:
    model = OllamaModel(ollama_server.url, "llama3.1:8b")
    ollama_server.fail(Fault.STATUS, path="/api/chat", status=500, message=said)
    with pytest.raises(ServiceError) as raised:
        await ask(model, "1 A: the party is on Friday")
    assert ("failed (HTTP 500): " in raised.value.what) is shown
    assert "Friday" not in str(raised.value)
    await model.aclose()


# --- where people read it ---------------------------------------------------------------------------------------------


@pytest.fixture
def settings(migrated_dir: Path, ollama_server: LoopbackOllama) -> dict[str, Any]:
    """With everything at one Ollama."""
    return {
        "data_dir": migrated_dir,
        "ollama_base_url": ollama_server.url,
        "embedding_provider": "ollama",
        "embedding_model": "nomic-embed-text",
        "embedding_dims": 768,
    }


SAMPLE = Path(__file__).parents[2] / "bot" / "cli" / "sample" / "chat.jsonl"


async def test_a_replay_ends_with_how_many_messages_wait_for_what_and_what_to_do(
    settings: dict[str, Any], ollama_server: LoopbackOllama
) -> None:
    await ollama_server.stop()
    summary, notes = await replay_export(
        load_settings(None, **settings), open_export(SAMPLE), extract=True, console=Console(quiet=True)
    )
    assert f"No memories were made: ollama: nothing listens at {ollama_server.url}; start Ollama" in "\n".join(notes)
    assert notes[-1].startswith(f"{summary.messages} messages wait to be read by the language model")
    assert "start the bot or replay the file again" in notes[-1]
    assert all(map(is_plain, notes))
    _, notes = await replay_export(
        load_settings(None, **settings), open_export(SAMPLE), extract=False, console=Console(quiet=True)
    )
    assert notes[-1].endswith("start the bot, or replay the file without --no-extract")


async def test_recall_without_its_server_says_what_to_do(settings: dict[str, Any]) -> None:
    async with open_app(load_settings(None, **settings, mem0_qdrant_url="http://127.0.0.1:9"), extract=False) as app:
        (note,) = app.notes
    assert note.startswith(
        "Memories are searched by words alone: qdrant: nothing listens at http://127.0.0.1:9; start "
    )
    assert is_plain(note)


async def test_the_health_page_says_what_is_wrong_with_a_part(
    settings: dict[str, Any], qdrant_server: LoopbackQdrant
) -> None:
    async def nothing() -> bytes:
        return b""

    async with open_app(
        load_settings(None, **settings, mem0_qdrant_url=qdrant_server.url), extract=False, patient=True
    ) as app:
        ready = Readiness(gateway=None, db=app.db, index=app.index)
        async with (
            serving("127.0.0.1", 0, ready=ready.parts, metrics=nothing, why=lambda: ready.why) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            assert "why" not in (await client.get("/readyz")).json()
            qdrant_server.api_key = "another"
            page = (await client.get("/readyz")).json()
    assert page["parts"] == {"database": True, "vector store": False}
    assert page["why"] == {
        "vector store": f"qdrant: the key was not accepted by Qdrant at {qdrant_server.url} (HTTP 401); check "
        "MEM0_QDRANT_API_KEY"
    }
