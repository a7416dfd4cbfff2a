"""What the program has to know of those who run models; a file in `bot/llm/providers` tells it of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from bot.domain import AnswerError, Finding, ServiceError, ServiceRejected, Verdict
from bot.llm.model_check import CHECK_SECONDS, OTHER_MODEL, SAMPLE_REQUEST, schema_finding
from bot.llm.prices import Price
from bot.settings import Section, Settings

if TYPE_CHECKING:
    from bot.llm.base import LanguageModel
    from bot.llm.embeddings import Embedder, Tally

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that a host has in memory.

    Attributes:
        name: its name there.
        size: bytes that it takes in all.
        vram: bytes of them on graphics cards.
        window: tokens of context that it was loaded with; None where the server does not tell.
    """

    name: str
    size: int
    vram: int
    window: int | None


@dataclass(frozen=True, slots=True)
class Download:
    """A model that a host can fetch.

    Attributes:
        model: its name.
        host: where, for people.
        steps: fetches it; gives the bytes that are there and the bytes in all, again and again.
        is_there: whether the host has it already; raises ServiceError where the host does not answer.
    """

    model: str
    host: str
    steps: Callable[[], AsyncIterator[tuple[int, int]]]
    is_there: Callable[[], Awaitable[bool]]


class Provider(ABC, Generic[S]):
    """One who runs models, as the settings have it.

    Args:
        settings: all of them.
    """

    label: ClassVar[str]
    """The word for it in settings, in metrics and in the ledger."""

    section: ClassVar[type[Section]]
    """Its settings."""

    about: ClassVar[str] = ""
    """A few words behind its label where the settings are explained."""

    prices: ClassVar[Mapping[str, Price]] = {}
    """List prices by model, looked up at `bot.llm.prices.PRICES_AS_OF`."""

    mem0_name: ClassVar[str] = "openai"
    """The name that mem0's configuration has for it, or for one that speaks its protocol; mem0 itself asks nobody."""

    def __init__(self, settings: Settings) -> None:
        self.all = settings
        self.settings: S = self.section.of(settings)  # type: ignore[assignment]

    @property
    @abstractmethod
    def title(self) -> str:
        """Its name for people."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The model that the settings name."""

    @property
    @abstractmethod
    def is_outside(self) -> bool:
        """Whether what it is sent leaves the operator's own machines; members are told so."""

    @property
    def is_free(self) -> bool:
        """Whether nothing is to be paid for it but electricity."""
        return not self.is_outside

    @property
    def lacks(self) -> str:
        """The setting that is missing, as "NAME is not set"; empty where none is."""
        return ""

    @property
    def hosts(self) -> Sequence[str]:
        """Addresses of the hosts that share the work, or one word for the only one."""
        return (self.label,)

    @property
    def places(self) -> int:
        """Calls that each host works on at once."""
        return 1

    @property
    def mem0_config(self) -> Mapping[str, Any]:
        """What mem0's configuration says of the model."""
        return {"model": self.model}

    async def loaded(self) -> Mapping[str, Sequence[LoadedModel] | None]:
        """The models that each host has in memory, None for one that does not answer; empty where they don't tell."""
        return {}

    def downloads(self) -> Sequence[Download]:
        """What of the settings' models can be fetched; `pull` and `doctor --pull` do."""
        return ()


class ModelProvider(Provider[S]):
    """One who runs language models."""

    has_fallback: ClassVar[bool] = False
    """Whether OLLAMA_FALLBACK is about it."""

    model_setting: ClassVar[str]
    """The setting that names the model."""

    @property
    def questions_at_once(self) -> int:
        """Questions of members that are answered side by side."""
        return len(self.hosts) * self.places

    @property
    def models(self) -> Mapping[str, str]:
        """The models that the settings name, CHECK_MODEL among them, each with its setting."""
        checking = {} if self.all.check_model in (None, self.model) else {self.all.check_model: "CHECK_MODEL"}
        return {self.model: self.model_setting, **checking}

    @abstractmethod
    def open(self, model: str, host: str, *, timeout: float | None = None) -> LanguageModel:
        """The client of a model.

        Args:
            model: its name.
            host: one of `hosts`.
            timeout: seconds for one answer; None for what is usual there.

        Raises:
            StartupError: a setting is at fault.
        """

    async def examine(self, models: Mapping[str, str]) -> AsyncIterator[Finding]:
        """What `doctor` finds of `models`, each with its setting: the service answers, and they follow a schema."""
        for name, setting in models.items():
            yield await self._sample(name, setting)

    async def _sample(self, name: str, setting: str) -> Finding:
        """A short call, for less than a thousandth of a cent where it costs."""
        if self.lacks:
            return Finding("language model", Verdict.FAULT, self.lacks, "set it, or choose another provider")
        model = self.open(name, self.hosts[0], timeout=CHECK_SECONDS)
        try:
            answer = await model.complete(SAMPLE_REQUEST)
        except AnswerError:
            return schema_finding(name, "", setting)
        except ServiceError as error:
            todo = "mend that; until then messages wait and are searched by words"
            if isinstance(error, ServiceRejected):
                todo = f"mend that, or {OTHER_MODEL.format(setting=setting)}"
            return Finding("language model", Verdict.FAULT, str(error), todo)
        finally:
            await model.aclose()
        return schema_finding(name, answer.text, setting)


class EmbedderProvider(Provider[S]):
    """One who turns texts into vectors."""

    @property
    def model(self) -> str:
        """The model that the settings name."""
        return self.all.embedding_model

    @abstractmethod
    def open(self, host: str, tally: Tally) -> Embedder:
        """The client of EMBEDDING_MODEL.

        Args:
            host: one of `hosts`.
            tally: told of each request.

        Raises:
            StartupError: a setting is at fault.
        """

    @property
    def address(self) -> str:
        """The one server that embeds; empty where there are several, which may differ between processes, or none."""
        return ""

    @property
    def shares_server(self) -> bool:
        """Whether the language model runs on the same server, which may have to swap the two."""
        return False

    def probe(self, embedder: Embedder) -> Callable[[], Awaitable[None]] | None:
        """A health check of a client that costs nothing; None where there is none, and one real call tries it again."""
        return None

    async def examine(self) -> AsyncIterator[Finding]:
        """What `doctor` finds besides embedding a text."""
        return
        yield
