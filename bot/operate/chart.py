"""A chart of messages, memories and cost by day, as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

WIDTH, HEIGHT, DPI = 8.0, 4.5, 100  # inches and dots: 800 by 450 pixels, what Discord shows without shrinking

BACKGROUND, INK, GRID = "#2b2d31", "#dbdee1", "#4e5058"  # Discord's dark theme, readable on its light one
MESSAGES, MEMORIES, SPENT, BASELINE = "#5865f2", "#57f287", "#fee75c", "#ed4245"


@dataclass(frozen=True, slots=True)
class Bar:
    """One day.

    Attributes:
        label: such as "11-23".
        spent: dollars.
        baseline: dollars that one call a message would have cost at OpenAI.
    """

    label: str
    messages: int
    memories: int
    spent: float
    baseline: float


def draw(bars: Sequence[Bar]) -> bytes:
    """The chart. Takes about half a second and blocks: call it in a thread."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # 0.3 s and 30 MB that most processes do without
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    places = range(len(bars))
    above.bar(places, [bar.messages for bar in bars], color=MESSAGES, label="messages")
    above.bar(places, [bar.memories for bar in bars], color=MEMORIES, width=0.4, label="memories")
    above.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    below.plot(places, [bar.baseline for bar in bars], color=BASELINE, label="one call a message at OpenAI, $")
    below.plot(places, [bar.spent for bar in bars], color=SPENT, label="spent, $")
    below.set_ylim(bottom=0)
    step = max(1, len(bars) // 10)
    below.set_xticks(list(places)[::step], [bar.label for bar in bars][::step])
    for axes in (above, below):
        axes.set_facecolor(BACKGROUND)
        axes.tick_params(colors=INK)
        axes.grid(axis="y", color=GRID, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, labelcolor=INK, fontsize="small")
    image = BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()
