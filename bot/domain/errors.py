"""Everything that can go wrong, drawn once.

    ChannelMemoryError
    ├── UserError                 shown to a member or on the terminal: one sentence and what to do next
    │   ├── NotFound              nothing here that the asker may see (neutral on purpose: does not tell if it exists)
    │   └── Refused               the rules forbid it, and say so
    ├── StartupError              the program can't start: one line naming what is wrong and what to do; exit code 2
    │   ├── InUse                 another process of this bot holds what is needed
    │   └── DamagedIndex          files of the vector index can't be read: it has to be filled anew
    ├── ServiceError              an outside service failed; carries the service's name, never content
    │   ├── ServiceUnavailable    refused, timed out, 5xx, breaker open: wait and try again
    │   │   ├── ServiceAbsent     not set up here, on purpose or for want of a key: not worth a warning
    │   │   ├── ServiceGivenUp    away for longer than the settings wait: go on without
    │   │   ├── ServiceFailed     it broke over this request (500, no answer in time), which may itself be why
    │   │   ├── ModelUnfit        a model answers unusably whatever it is asked: wait for another model
    │   │   └── RateLimited       429: wait `retry_after` seconds
    │   └── ServiceRejected       it understood and declined for good (bad key, unknown model, 400)
    │       └── TextTooLong       a text is longer than the model's window: try again with less of it
    └── AnswerError               a model answered with something unusable: try again with less
        ├── AnswerCut             the answer or its prompt did not fit the context window
        ├── AnswerDeclined        it answers other prompts, and not this one (content filter, a prompt that breaks it)
        └── AnswerInvalid         not the JSON asked for, or it cites what is not there

Errors carry ids and reasons for operators, never message content and never secrets.
"""

from __future__ import annotations

LONGEST_WAIT_SECONDS = 3_600.0
"""No service is left alone for longer, whatever it asks for: it may have meant milliseconds, or nothing at all."""


class ChannelMemoryError(Exception):
    """Base of every error that this program raises on purpose."""


class UserError(ChannelMemoryError):
    """Shown to the person who asked: one sentence, a `Phrase` where that is a member, and what to do next."""

    @property
    def sentence(self) -> str:
        """What is shown."""
        return str(self) if not self.args or not isinstance(self.args[0], str) else self.args[0]


class NotFound(UserError):
    """Nothing there that the asker may see or touch; never tells whether it exists."""


class Refused(UserError):
    """The rules forbid what was asked."""


class StartupError(ChannelMemoryError):
    """The program can't start; the message is one line for the operator."""


class InUse(StartupError):
    """Another process of this bot holds what is needed."""


class DamagedIndex(StartupError):
    """The files of the vector index can't be read; nothing is lost, for it can be filled anew."""


class ServiceError(ChannelMemoryError):
    """An outside service failed.

    Attributes:
        service: which one, as in metrics ("ollama", "openai", "embeddings", "qdrant", "discord", "database").
        what: what happened, without what to do.
        todo: what to do about it; empty where nothing is known.
    """

    def __init__(self, service: str, what: str, todo: str = "") -> None:
        super().__init__(f"{service}: {what}" + (f"; {todo}" if todo else ""))
        self.service = service
        self.what = what
        self.todo = todo


class ServiceUnavailable(ServiceError):
    """The service can't answer now; nothing about the request is wrong."""


class ServiceAbsent(ServiceUnavailable):
    """The service is not set up here; work for it is kept until it is."""


class LostIndex(ServiceUnavailable):
    """The vector index is not where it was made; the bot makes it anew, and who only reads does not."""


class ServiceGivenUp(ServiceUnavailable):
    """The service has been away for so long that its work is given up, as the settings want."""


class ServiceFailed(ServiceUnavailable):
    """The service broke while it worked on this request, which may be why; whether it is, another request tells."""


class ModelUnfit(ServiceUnavailable):
    """A model answers unusably whatever it is asked; what it was to be asked is kept until another one is there."""


class RateLimited(ServiceUnavailable):
    """The service asks to wait.

    Attributes:
        retry_after: seconds to wait, as the service said (LONGEST_WAIT_SECONDS at most), or None when it did not say.
    """

    def __init__(self, service: str, retry_after: float | None = None) -> None:
        super().__init__(service, "rate limited")
        self.retry_after = None if retry_after is None else min(max(0.0, retry_after), LONGEST_WAIT_SECONDS)


class ServiceRejected(ServiceError):
    """The service declined the request for good; repeating it won't help."""


class TextTooLong(ServiceRejected):
    """A text is longer than the window of an embedding model; the start of it may be taken."""


class AnswerError(ChannelMemoryError):
    """A model's answer can't be used; nothing is lost, the batch is tried again."""


class AnswerCut(AnswerError):
    """The answer was cut, or the prompt did not fit: try again with fewer messages.

    Attributes:
        said: the answer up to the cut; empty where the prompt did not fit.
    """

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.said = text


class AnswerDeclined(AnswerError):
    """The service does not answer this prompt, while it answers others: try again with parts of it."""


class AnswerInvalid(AnswerError):
    """The answer is not what the schema asks for, or cites lines that don't exist."""
