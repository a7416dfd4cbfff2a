"""What can be wrong with a server that the program asks: what was asked, what happened, and what to do about it.

Each client sorts a failure into a `Trouble`. The words are here alone, so that a start, `replay`, `recall`, `doctor`
and the health pages say the same of the same fault.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LONGEST_QUOTE: Final = 200
"""Characters of a server's own sentence."""


class Trouble(StrEnum):
    """A kind of fault."""

    ABSENT = "nothing listens there"
    NAMELESS = "no machine has that name"
    UNREACHED = "no connection"
    NO_TLS = "asked by https, speaks no TLS"
    UNTRUSTED = "its certificate is not trusted"
    NO_HTTP = "speaks no HTTP"
    LOST = "the connection ended"
    LATE = "no answer in time"
    UNREADABLE = "its answer can't be taken"
    OTHER = "another server"
    BAD_KEY = "the key was not accepted"
    BUSY = "too much to do"
    BROKEN = "it failed"
    BROKEN_OFF = "it failed in the middle of its answer"
    DECLINED = "it declined"
    NO_MODEL = "it lacks the model"
    NO_CHAT = "the model can't chat"
    NO_EMBEDDING = "the model can't embed"
    NO_MEMORY = "too little memory"
    NO_CREDIT = "no credit left"


@dataclass(frozen=True, slots=True)
class Server:
    """A server, as people know it.

    Attributes:
        title: its name.
        place: its address, without a name, password or key.
        settings: that say where it is.
        key: the setting that holds its key.
    """

    title: str
    place: str
    settings: str
    key: str = ""

    def words(self, trouble: Trouble, quote: str = "", *, model: str = "", status: int = 0) -> tuple[str, str]:
        """What happened, and what to do.

        Args:
            trouble: what is wrong.
            quote: the server's own sentence; only where it can't carry anybody's text.
            model: that was asked for.
            status: of HTTP; 0 where there was none.
        """
        what, todo = _WORDS[trouble]
        todo = _OWN_ADVICE.get((self.title, trouble), todo)
        key = self.key or "its key"
        named = {"title": self.title, "place": self.place, "settings": self.settings, "key": key, "model": model}
        what = what.format_map(named) + (f" (HTTP {status})" if status else "")
        return what + (f": {one_line(quote)}" if quote else ""), todo.format_map(named)


_LOG = "see the log of {title}"

_WORDS: Final[Mapping[Trouble, tuple[str, str]]] = {
    Trouble.ABSENT: ("nothing listens at {place}", "see that it runs, and check the network and {settings}"),
    Trouble.NAMELESS: ("no machine is known by the name in {place}", "correct {settings}, or check the network"),
    Trouble.UNREACHED: (
        "{title} can't be reached at {place}",
        "check the network, the firewall and {settings}",
    ),
    Trouble.NO_TLS: (
        "{place} was asked by https, but what listens there speaks no TLS",
        "write http:// in {settings}, or have {title} speak TLS",
    ),
    Trouble.UNTRUSTED: (
        "the TLS certificate of {place} is not trusted",
        "see that it is valid for that name, and that this machine trusts its issuer",
    ),
    Trouble.NO_HTTP: ("what listens at {place} does not speak HTTP", "correct the port in {settings}"),
    Trouble.LOST: (
        "the connection to {title} at {place} was lost before the answer was there",
        f"{_LOG}; if another program listens there, correct {{settings}}",
    ),
    Trouble.LATE: (
        "no answer in time from {title} at {place}",
        "see whether that machine is overloaded; if another program listens there, correct {settings}",
    ),
    Trouble.UNREADABLE: ("an answer of {title} at {place} can't be taken", f"{_LOG}, and of any proxy before it"),
    Trouble.OTHER: ("what answers at {place} is not {title}", "correct {settings}"),
    Trouble.BAD_KEY: ("the key was not accepted by {title} at {place}", "check {key}"),
    Trouble.BUSY: ("{title} at {place} has too much to do, or starts", "wait, or give it less to do"),
    Trouble.BROKEN: ("{title} at {place} failed", _LOG),
    Trouble.BROKEN_OFF: ("{title} at {place} broke off its answer with an error", _LOG),
    Trouble.DECLINED: ("{title} at {place} declined the request", "see whether its version is current"),
    Trouble.NO_MODEL: ("{title} at {place} has no model {model!r}", "check its name and {settings}"),
    Trouble.NO_CHAT: ("the model {model!r} can't chat", "choose a model that can; docs/ollama.md names some"),
    Trouble.NO_EMBEDDING: (
        "the model {model!r} can't embed",
        "set EMBEDDING_MODEL to an embedding model, such as nomic-embed-text with EMBEDDING_DIMS=768",
    ),
    Trouble.NO_MEMORY: ("the model {model!r} needs more memory than is free", "choose a smaller model, or free memory"),
    Trouble.NO_CREDIT: ("the account of {key} has no credit left", "add some there"),
}

OLLAMA: Final = "Ollama"
QDRANT: Final = "Qdrant"

_OWN_ADVICE: Final[Mapping[tuple[str, Trouble], str]] = {
    (OLLAMA, Trouble.ABSENT): "start Ollama, or correct {settings}",
    (QDRANT, Trouble.ABSENT): "start Qdrant, or correct {settings}",
    (OLLAMA, Trouble.NO_MODEL): "run: ollama pull {model} (`python -m bot doctor --pull` does it as well)",
    (OLLAMA, Trouble.LATE): "see whether that machine is overloaded, or the model too large for it (docs/ollama.md)",
    (QDRANT, Trouble.NO_HTTP): "give the port of its REST API (6333; 6334 is for gRPC) in {settings}",
    (QDRANT, Trouble.NO_TLS): (
        "set MEM0_QDRANT_URL to its address with http:// (MEM0_QDRANT_HOST with a key asks by https), or have Qdrant "
        "speak TLS"
    ),
    (QDRANT, Trouble.DECLINED): "see the log of Qdrant, and whether its version is current",
}


def one_line(quote: str) -> str:
    """A server's sentence as it may stand in one of ours: short, on one line, without a full stop."""
    plain = "".join(character if character.isprintable() else " " for character in quote[: 2 * LONGEST_QUOTE])
    return " ".join(plain.split())[:LONGEST_QUOTE].rstrip(" .;:!")


def trouble_connecting(error: BaseException) -> Trouble:
    """Why there is no connection, by what lies behind the error of an HTTP client."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return Trouble.UNTRUSTED
            case ssl.SSLError():
                return Trouble.NO_TLS
            case ConnectionRefusedError():
                return Trouble.ABSENT
            case socket.gaierror():
                return Trouble.NAMELESS
    return Trouble.UNREACHED


def trouble_reading(error: BaseException) -> Trouble:
    """Whether what came was no HTTP, or the connection ended."""
    foreign = (type(cause).__module__.startswith("h11") and "illegal" in str(cause) for cause in _causes(error))
    return Trouble.NO_HTTP if any(foreign) else Trouble.LOST


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that lies behind it."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [behind for behind in (cause.__cause__, cause.__context__) if behind is not None]
        waiting += cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
