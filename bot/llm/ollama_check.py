"""Checks of the language model in Ollama, on each of its hosts."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import ollama

from bot.domain import (
    AnswerError,
    Finding,
    Server,
    ServiceError,
    ServiceFailed,
    Trouble,
    Verdict,
    host_name,
    one_line,
)
from bot.llm.claims import claim_request, judges_claims, says_yes
from bot.llm.model_check import (
    OTHER_MODEL,
    SAMPLE,
    SAMPLE_REQUEST,
    SAMPLE_SCHEMA,
    SAMPLE_TOKENS,
    follows_schema,
    schema_finding,
)
from bot.llm.ollama import (
    KEEP_ALIVE,
    OllamaModel,
    close_client,
    digests,
    full_name,
    loaded_models,
    ollama_client,
)
from bot.llm.ollama_faults import FAILURES, translated
from bot.llm.provider import LoadedModel
from bot.llm.who_answers import who_answers
from bot.llm.wire import ODD_ANSWERS

PROBE_SECONDS = 15.0

NEEDED_CONTEXT = 4096
"""Tokens of the smallest window that an extraction is given."""

SAMPLE_SECONDS = 180.0
"""For the sample call of the language model; a large one takes a minute to load from a slow disk."""

SAMPLE_CLAIM = claim_request("The meeting is on Friday at noon.", "The meeting is on Friday.", "doctor").prompt

SLOW_TOKENS = 20.0
"""Tokens a second below which an extraction (100 to 150 tokens of answer) takes more than five seconds."""

WHOLE = 0.99
"""Of a model on the graphics card; rounding keeps it from being 1."""

WORTH_TELLING = 0.5  # seconds
NANOSECONDS = 1e9
GIGABYTE = 1e9

UNTIL_THEN = "until then messages wait and are searched by words"

OLDEST = (0, 5)
"""Version of Ollama that is asked for answers by a schema."""

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})")
_TURNS = re.compile(r"\.(?:System|Messages)\b")
_RENDERER = re.compile(r"^RENDERER\s", re.MULTILINE)
"""In a Modelfile: Ollama lays out the turns by itself, whatever the template says."""

SHOWN_DIGITS = 12
"""Of a digest, as `ollama list` shows them."""


async def examine_ollama(urls: Sequence[str], model: str, setting: str = "OLLAMA_MODEL") -> AsyncIterator[Finding]:
    """What is found at each host: whether it answers, has the model of a setting, follows a schema, and how fast.

    Where one of several hosts is sound, what is wrong with another is a warning: the sound one does its work.
    """
    if len(urls) == 1:
        async for finding in _examine(urls[0], model, setting):
            yield finding
        return
    by_host = await asyncio.gather(*(_all_of(url, model, setting) for url in urls))
    sound = any(all(finding.verdict is not Verdict.FAULT for finding in findings) for findings in by_host)
    for url, findings in zip(urls, by_host, strict=True):
        for finding in findings:
            fault = finding.verdict is Verdict.FAULT
            verdict = Verdict.WARNING if fault and sound else finding.verdict
            todo = f"{finding.todo}; other hosts do its work meanwhile" if fault and sound else finding.todo
            yield replace(finding, subject=f"{finding.subject} ({host_name(url)})", verdict=verdict, todo=todo)


async def compare_hosts(urls: Sequence[str], models: Sequence[str]) -> Finding:
    """Whether the hosts have the same contents under the models' names; those that do not answer are left out."""
    digests = await asyncio.gather(*map(_digests_at, urls))
    pulled = {host_name(url): contents for url, contents in zip(urls, digests, strict=True) if contents}
    differences = [differences for model in models if (differences := _different(model, pulled))]
    if differences:
        todo = "`ollama pull` it again on each host: answers, and above all vectors, of different models do not match"
        return Finding("ollama hosts", Verdict.WARNING, "; ".join(differences), todo)
    return Finding("ollama hosts", Verdict.OK, f"{', '.join(models)}: the same on each of {len(pulled)} hosts")


def _different(model: str, pulled: Mapping[str, Mapping[str, str]]) -> str:
    """How a model differs between hosts; empty where it does not."""
    theirs = {host: models[full_name(model)] for host, models in pulled.items() if full_name(model) in models}
    if len(set(theirs.values())) < 2:
        return ""
    return f"{model} is not the same on " + ", ".join(f"{host} ({d[:SHOWN_DIGITS]})" for host, d in theirs.items())


async def _digests_at(url: str) -> dict[str, str]:
    client = ollama_client(url, PROBE_SECONDS)
    try:
        return await digests(client)
    except ServiceError:
        return {}
    finally:
        await close_client(client)


async def _all_of(url: str, model: str, setting: str) -> list[Finding]:
    return [finding async for finding in _examine(url, model, setting)]


async def _examine(url: str, name: str, setting: str) -> AsyncIterator[Finding]:
    client = ollama_client(url, SAMPLE_SECONDS)
    try:
        yield await _answers(url, client.server)
        shown = await client.show(name)
        if (unfit := lacks_capability(name, shown, "completion", "chat", setting)) is not None:
            yield replace(unfit, verdict=Verdict.FAULT, todo=f"{unfit.todo}; {UNTIL_THEN}")
            return
        yield _context(name, shown.modelinfo or {})
        if not judges_claims(name) and (finding := _template(name, shown)) is not None:
            yield finding
        answer, seconds = await _sample(client, name, thinks="thinking" in (shown.capabilities or ()))
        text = answer.message.content or ""
        if judges_claims(name):
            yield _claim_finding(name, text)
        else:
            yield schema_finding(name, text if follows_schema(text) else await _as_the_work(url, name), setting)
        yield _speed(answer, seconds)
        yield _graphics(name, await loaded_models(client))
    except (*FAILURES, ServiceError) as error:
        is_ours = isinstance(error, ServiceError)
        trouble = error if is_ours else translated(error, "ollama", name, client.server, quotes=True)
        what, todo = (trouble.what, trouble.todo) if isinstance(trouble, ServiceError) else (str(trouble), "")
        yield Finding("ollama", Verdict.FAULT, what, f"{todo}; {UNTIL_THEN}" if todo else UNTIL_THEN)
    finally:
        await close_client(client)


def lacks_capability(name: str, shown: ollama.ShowResponse, capability: str, verb: str, setting: str) -> Finding | None:
    """That a model is not made for what a setting has it do; None where it is, or the server does not tell."""
    if not shown.capabilities or capability in shown.capabilities:
        return None
    sentence = f"{name} is not made to {verb}: Ollama lists {', '.join(shown.capabilities)} of it"
    todo = f"set {setting} to a model that lists {capability} (`ollama show NAME`); docs/ollama.md names some"
    return Finding("model", Verdict.WARNING, sentence, todo)


def _template(name: str, shown: ollama.ShowResponse) -> Finding | None:
    """That a model's template has no place for instructions; None where it has, or the server does not tell."""
    template, made_of = shown.template or "", shown.modelfile or ""
    if not template or _TURNS.search(template) or _RENDERER.search(made_of):
        return None
    sentence = f"the template of {name} has no chat turns, so that it never sees the instructions as such"
    todo = (
        f"give it the template of the model that it was made from: `ollama show --modelfile {name} > Modelfile`, write "
        f"the TEMPLATE into that file, `ollama create {name} -f Modelfile`; or pull the model from Ollama's library"
    )
    return Finding("template", Verdict.WARNING, sentence, todo)


async def _answers(url: str, server: Server) -> Finding:
    """That Ollama answers, and its version.

    Raises:
        ServiceError: it does not.
    """
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS) as client:
            answer = await client.get(f"{url}/api/version")
            answer.raise_for_status()
            version = str(answer.json()["version"])
    except (httpx.HTTPStatusError, *ODD_ANSWERS):
        raise ServiceFailed("ollama", *server.words(Trouble.OTHER, await who_answers(server.place))) from None
    sentence = f"answers at {server.place}, version {one_line(version)}"
    match _VERSION.match(version):
        case re.Match() as numbers if numbers.groups() == ("0", "0"):
            sentence += " (built from source)"
        case re.Match() as numbers if tuple(map(int, numbers.groups())) < OLDEST:
            todo = "update Ollama: older versions can't hold a model to a JSON schema"
            return Finding("ollama", Verdict.WARNING, f"{sentence}, is older than {'.'.join(map(str, OLDEST))}", todo)
    return Finding("ollama", Verdict.OK, sentence)


def _context(name: str, about: Any) -> Finding:  # noqa: ANN401 - what /api/show tells, keys by model family
    length = next((v for key, v in about.items() if key.endswith(".context_length") and isinstance(v, int)), None)
    if length is None:
        return Finding("model", Verdict.OK, f"{name} is pulled; it does not tell its context size")
    if length < NEEDED_CONTEXT:
        return Finding(
            "model", Verdict.FAULT, f"{name} has a context of {length} tokens", f"use one with {NEEDED_CONTEXT} or more"
        )
    return Finding("model", Verdict.OK, f"{name} is pulled, context {length:,} tokens, {NEEDED_CONTEXT:,} are used")


async def _sample(client: ollama.AsyncClient, name: str, *, thinks: bool) -> tuple[ollama.ChatResponse, float]:
    """One short call, and the seconds that it took."""
    started = time.monotonic()
    of_claims = judges_claims(name)
    answer = await client.chat(
        name,
        [{"role": "user", "content": SAMPLE_CLAIM if of_claims else SAMPLE}],
        format=None if of_claims else dict(SAMPLE_SCHEMA),
        think=False if thinks else None,
        options={"num_ctx": NEEDED_CONTEXT, "num_predict": SAMPLE_TOKENS, "temperature": 0},
        keep_alive=KEEP_ALIVE,
    )
    return answer, time.monotonic() - started


async def _as_the_work(url: str, name: str) -> str:
    """What the work makes of an answer, wherever it stands, and with thoughts where it takes them; empty for nothing.

    Raises:
        ServiceError: Ollama does not answer.
    """
    model = OllamaModel(url, name, timeout=SAMPLE_SECONDS)
    try:
        return (await model.complete(SAMPLE_REQUEST)).text
    except AnswerError:
        return ""
    finally:
        await model.aclose()


def _claim_finding(name: str, text: str) -> Finding:
    """Whether a model for claims sees that a text says what it says."""
    if says_yes(text):
        return Finding("check model", Verdict.OK, f"{name} answers whether a text says something")
    sentence = f"{name} does not answer Yes or No to a document and a claim"
    return Finding("check model", Verdict.FAULT, sentence, OTHER_MODEL.format(setting="CHECK_MODEL"))


def _speed(answer: ollama.ChatResponse, seconds: float) -> Finding:
    """How long the sample call took; loading the model is told apart."""
    loading = (answer.load_duration or 0) / NANOSECONDS
    sentence = f"a sample call took {seconds:.1f} s"
    if loading > WORTH_TELLING:
        sentence += f", {loading:.1f} s of them for loading the model"
    rate = (answer.eval_count or 0) * NANOSECONDS / answer.eval_duration if answer.eval_duration else None
    if rate is None:
        return Finding("speed", Verdict.OK, sentence)
    sentence += f"; it writes {rate:.0f} tokens a second"
    if rate >= SLOW_TOKENS:
        return Finding("speed", Verdict.OK, sentence)
    todo = "memories come late and nothing is lost; a smaller model or a graphics card helps (docs/ollama.md)"
    return Finding("speed", Verdict.WARNING, sentence, todo)


def _graphics(name: str, loaded: Sequence[LoadedModel]) -> Finding:
    """How much of the model is on a graphics card (/api/ps: size_vram against size)."""
    full = name if ":" in name else f"{name}:latest"
    model = next((running for running in loaded if running.name == full), None)
    if model is None or not model.size:
        return Finding(
            "graphics card", Verdict.WARNING, f"Ollama does not tell where it runs {name}", "see `ollama ps`"
        )
    share = min(1.0, model.vram / model.size)
    sentence = f"{share:.0%} of {name} is on it, {model.vram / GIGABYTE:.1f} of {model.size / GIGABYTE:.1f} GB"
    if share >= WHOLE:
        return Finding("graphics card", Verdict.OK, sentence)
    if not model.vram:
        sentence = f"{name} runs on the processor alone"
    todo = "choose a smaller model or free the card's memory (docs/ollama.md); it works meanwhile, slowly"
    return Finding("graphics card", Verdict.WARNING, sentence, todo)
