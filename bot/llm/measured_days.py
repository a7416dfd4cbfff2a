"""What a day of one channel asks of the models; `python -m bench.costs` measures and writes it with the sample chat."""

from typing import NamedTuple


class MeasuredDay(NamedTuple):
    """A day of a channel.

    Attributes:
        messages: of the day.
        calls: of the language model.
        prompt_tokens: that it read in them.
        answer_tokens: that it wrote.
        embedded_tokens: of memories and statements.
    """

    messages: int
    calls: int
    prompt_tokens: int
    answer_tokens: int
    embedded_tokens: int


QUIET_DAY = MeasuredDay(messages=100, calls=14, prompt_tokens=12610, answer_tokens=1228, embedded_tokens=278)
BUSY_DAY = MeasuredDay(messages=210, calls=16, prompt_tokens=17840, answer_tokens=2054, embedded_tokens=478)
