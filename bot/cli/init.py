"""`python -m bot init`: questions on a terminal instead of an editor, and a first try of each answer."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text

from bot.cli.pull import downloads_of, missing, pull_models
from bot.domain import StartupError, UserError, Verdict
from bot.llm import Provider, Trial, load_settings, providers_of, try_services
from bot.operate import examine_discord, services_in_use
from bot.settings import EnvFile, Settings, environment_file

ENV_FILE = Path(".env")
TOKEN = "DISCORD_TOKEN"  # noqa: S105 - the setting's name
PORTAL = "https://discord.com/developers/applications"
OLLAMA_ADDRESS = "OLLAMA_BASE_URL"
NEEDS_TERMINAL = (
    "init asks questions, so it needs a terminal. Without one copy .env.example to .env and set DISCORD_TOKEN and "
    "OPENAI_API_KEY (or, to keep everything at home, EMBEDDING_PROVIDER=ollama EMBEDDING_MODEL=nomic-embed-text "
    "EMBEDDING_DIMS=768); then `python -m bot pull` fetches the models, and `python -m bot doctor` checks everything"
)


@dataclass(frozen=True, slots=True)
class Way:
    """Who runs the models.

    Attributes:
        title: as it is offered.
        settings: what it takes, by name.
    """

    title: str
    settings: Mapping[str, str]


_OPENAI_EMBEDS = {
    "EMBEDDING_PROVIDER": "openai",
    "EMBEDDING_MODEL": "text-embedding-3-small",
    "EMBEDDING_DIMS": "1536",
}
_OLLAMA_EMBEDS = {
    "EMBEDDING_PROVIDER": "ollama",
    "EMBEDDING_MODEL": "nomic-embed-text",
    "EMBEDDING_DIMS": "768",
}
WAYS = (
    Way(
        "Ollama on your own machine makes memories, OpenAI embeds them: messages stay at home, a key is needed",
        {"MEM0_ENABLED": "true", "MEM0_LLM_PROVIDER": "ollama"} | _OPENAI_EMBEDS,
    ),
    Way(
        "all at home: Ollama does both, nothing leaves your machines, no key is needed",
        {"MEM0_ENABLED": "true", "MEM0_LLM_PROVIDER": "ollama"} | _OLLAMA_EMBEDS,
    ),
    Way(
        "OpenAI does both: for machines without a graphics card; messages are sent to it, a key is needed",
        {"MEM0_ENABLED": "true", "MEM0_LLM_PROVIDER": "openai"} | _OPENAI_EMBEDS,
    ),
    Way("no model at all: messages are found by their words", {"MEM0_ENABLED": "false"}),
)


def init() -> None:
    """Ask for the token and for who runs the models, try both, write `.env`, and offer to pull the models."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise StartupError(NEEDS_TERMINAL)
    console = Console(highlight=False)
    dialogue = Dialogue(console)
    try:
        dialogue.ask()
    except (KeyboardInterrupt, EOFError):
        console.print("\nNothing was written.")
        raise KeyboardInterrupt from None
    dialogue.write()
    try:
        dialogue.fetch()
    except (KeyboardInterrupt, EOFError):
        console.print(f"\n{ENV_FILE} stays as it was written; `python -m bot pull` fetches what is missing.")
        raise KeyboardInterrupt from None
    console.print("Start it with: python -m bot run (or `make run`). Check it with: python -m bot doctor")


class Dialogue:
    """The questions, in order. What the environment sets wins over the file, so it is not asked for."""

    def __init__(self, console: Console) -> None:
        self._console = console
        settings_type = type(load_settings(ENV_FILE))
        self._file = EnvFile(ENV_FILE, environment_file(settings_type))
        self._before = self._file.text if self._file.path.exists() else None
        self._names = {name.upper() for name in settings_type.model_fields}
        self._environment = {name.upper() for name, value in os.environ.items() if value}

    def ask(self) -> None:
        """Ask for everything that is needed, and try each answer."""
        self._console.print(f"This writes {self._file.path}. Ctrl-C leaves everything as it is.\n")
        self._ask_for_token()
        self._choose_way()
        for name, services in self._keys().items():
            self._ask_for_key(name, services)
        if any(provider.label == "ollama" for provider in self._in_use()):
            self._ask_for_ollama()

    def write(self) -> None:
        """Write the file, if anything in it changed."""
        if self._file.text == self._before:
            self._console.print(f"\n{self._file.path} is as it was.")
            return
        self._file.write()
        self._console.print(f"\n{self._file.path} is written; only you can read it.")

    def fetch(self) -> None:
        """Offer to fetch the models that are missing, and try them."""
        settings = self._settings()
        try:
            lacking = asyncio.run(missing(downloads_of(settings)))
        except UserError as error:
            self._show(str(error), Verdict.WARNING)
            self._console.print("  → start Ollama; then `python -m bot pull` fetches the models")
            return
        names = " and ".join(dict.fromkeys(download.model for download in lacking))
        if lacking and self._agreed(f"{names} {'is' if len(lacking) == 1 else 'are'} missing. Pull now?", default=True):
            try:
                asyncio.run(pull_models(lacking, self._console))
            except UserError as error:
                self._show(str(error), Verdict.WARNING)
                self._console.print("  → `python -m bot pull` tries it again")
                return
            self._show_trials(asyncio.run(self._tried(settings)))

    def _ask_for_token(self) -> None:
        self._console.print(
            f"The bot's token: {PORTAL}, your application, Bot. Switch on Message Content Intent there."
        )

        def right() -> bool:
            finding = asyncio.run(examine_discord(self._settings()))
            self._show(finding.found, finding.verdict)
            if finding.todo:
                self._console.print(Text(f"  → {finding.todo}"), soft_wrap=True)
            return finding.verdict is Verdict.OK

        self._enter(TOKEN, right)

    def _choose_way(self) -> None:
        self._console.print("\nWho runs the models?")
        ways = list(WAYS)
        if any(self._is_set(name) for way in WAYS for name in way.settings):
            ways.insert(0, Way(f"as it is set now: {services_in_use(self._settings())}", {}))
        for number, way in enumerate(ways, start=1):
            self._console.print(Text(f"  {number}  {way.title}"), soft_wrap=True)
        numbers = [str(number) for number in range(1, len(ways) + 1)]
        chosen = ways[int(Prompt.ask("Number", console=self._console, choices=numbers, default="1")) - 1]
        changes = {name: value for name, value in chosen.settings.items() if self._shown(name) != value}
        for name in sorted(changes.keys() & self._environment):
            self._console.print(f"  {name} is set in the environment, which wins over the file: change it there")
        changes = {name: value for name, value in changes.items() if name not in self._environment}
        replaced = {name: value for name, value in changes.items() if name in self._file.values}
        listed = ", ".join(f"{name} ({self._shown(name)} → {value})" for name, value in replaced.items())
        if not replaced or self._agreed(f"This changes {listed}. Go on?", default=False):
            for name, value in changes.items():
                self._file.put(name, value)

    def _ask_for_key(self, name: str, services: Collection[str]) -> None:
        self._console.print()

        def right() -> bool:
            return self._show_trials(asyncio.run(self._tried(self._settings(), services)))

        self._enter(name, right)

    def _ask_for_ollama(self) -> None:
        self._console.print()
        if OLLAMA_ADDRESS in self._environment:
            self._console.print(f"{OLLAMA_ADDRESS} is set in the environment.")
        while True:
            if OLLAMA_ADDRESS not in self._environment:
                self._ask_for_address()
            trials = asyncio.run(self._tried(self._settings(), {"ollama"}))
            away = [trial for trial in trials if trial.is_away]
            if not away:
                self._show(f"Ollama answers at {self._shown(OLLAMA_ADDRESS)}", Verdict.OK)
                return
            self._show(str(away[0].error), Verdict.WARNING)
            self._console.print("  → start Ollama there (https://ollama.com/download), or name another address")
            if not self._agreed("Try again?", default=True):
                return

    def _ask_for_address(self) -> None:
        before = self._shown(OLLAMA_ADDRESS)
        address = Prompt.ask("Where does Ollama listen?", console=self._console, default=before).strip()
        if address != before and self._is_valid(OLLAMA_ADDRESS, address):
            self._file.put(OLLAMA_ADDRESS, address)

    def _enter(self, name: str, right: Callable[[], bool]) -> None:
        """Ask for a secret until it is right, or the one who answers has enough; one that is to stay is only tried."""
        if self._has(name):
            right()
            return
        while self._entered(name) and not right():
            if not self._agreed("Enter it again?", default=True):
                return

    def _entered(self, name: str) -> bool:
        """Ask for a secret until it is a valid one, and put it into the file; False where nothing is entered."""
        while True:
            value = Prompt.ask(f"{name} (hidden; empty to leave it out)", console=self._console, password=True).strip()
            if not value:
                return False
            if self._is_valid(name, value):
                self._file.put(name, value)
                return True

    def _has(self, name: str) -> bool:
        """Whether a secret that is set already is to stay."""
        if name in self._environment:
            self._console.print(f"{name} is set in the environment.")
            return True
        return name in self._file.values and not self._agreed(f"{name} is set. Replace it?", default=False)

    def _is_valid(self, name: str, value: str) -> bool:
        try:
            self._settings(**{name: value})
        except StartupError as error:
            self._show(str(error), Verdict.FAULT)
            return False
        return True

    def _keys(self) -> dict[str, set[str]]:
        """The keys that the services in use need or have, each with the services that take it."""
        keys: dict[str, set[str]] = {}
        for provider in self._in_use():
            for name in (field.upper() for field in provider.section.model_fields if field.endswith("api_key")):
                if provider.lacks.startswith(f"{name} ") or self._is_set(name):
                    keys.setdefault(name, set()).add(provider.label)
        return keys

    def _in_use(self) -> list[Provider[Any]]:
        settings = self._settings()
        return providers_of(settings).in_use(settings)

    async def _tried(self, settings: Settings, services: Collection[str] | None = None) -> list[Trial]:
        trials = [trial async for trial in try_services(settings)]
        return [trial for trial in trials if services is None or trial.service in services]

    def _show_trials(self, trials: list[Trial]) -> bool:
        """Show what came of them; whether all went well."""
        for trial in trials:
            verdict = Verdict.OK if trial.error is None else Verdict.WARNING
            self._show(f"{trial.subject}: {trial.error or 'works'}", verdict)
        return all(trial.error is None for trial in trials)

    def _settings(self, **changes: str) -> Settings:
        """The settings as they would be with the file and these changes."""
        values = {
            name: value
            for name, value in (self._file.values | changes).items()
            if name in self._names - self._environment
        }
        return load_settings(None, **{name.lower(): value for name, value in values.items()})

    def _is_set(self, name: str) -> bool:
        return name in self._environment or name in self._file.values

    def _shown(self, name: str) -> str:
        """What a setting is now, as it is written in the file."""
        value = getattr(self._settings(), name.lower())
        if isinstance(value, tuple):
            return ",".join(map(str, value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _agreed(self, question: str, *, default: bool) -> bool:
        return Confirm.ask(Text(question), console=self._console, default=default)

    def _show(self, sentence: str, verdict: Verdict) -> None:
        style = {Verdict.OK: "green", Verdict.WARNING: "yellow"}.get(verdict, "red")
        mark = {Verdict.OK: "✓", Verdict.WARNING: "!"}.get(verdict, "✗")
        self._console.print(Text(f"{mark} {sentence}", style=style), soft_wrap=True)
