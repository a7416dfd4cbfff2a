"""Draws components as Discord shows them, as SVG: enough of it for the views of this bot.

Takes the payload that went over the wire. Knows containers, texts, sections with an accessory, separators, rows of
buttons, galleries, and of Markdown headings, small lines, lists, bold, escapes, links, mentions and timestamps.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

WIDTH, PHONE, MARGIN, GAP = 720, 380, 24, 10
SIZES = {"heading": 20, "text": 15, "small": 12}
INK, DIM, LINK, PANEL, GROUND, BUTTON = "#dbdee1", "#949ba4", "#00a8fc", "#2b2d31", "#313338", "#4e5058"
NARROW = frozenset("ijltf.,:;'|!()[] ")

_MARKS = re.compile(
    r"\\(?P<escaped>.)|`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)\*\*|\[(?P<label>.+?)\]\(<?https?://[^)]*\)|<t:\d+:\w>|(?P<char>.)",
    re.S,
)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Word:
    """A run of characters in one style."""

    text: str
    bold: bool = False
    link: bool = False


@dataclass(slots=True)
class Sheet:
    """What is drawn so far, from the top down.

    Attributes:
        images: pictures by the name of their attachment.
        named: what a mention like `#123` or `@123` is shown as.
    """

    images: Mapping[str, bytes]
    named: Callable[[str], str]
    parts: list[str] = field(default_factory=list)
    y: float = MARGIN

    def text(self, content: str, *, width: float) -> None:
        """Lines of Markdown."""
        for line in content.split("\n"):
            style, rest = _style(line)
            size = SIZES[style]
            for words in _wrapped(_words(rest, self.named), size, width, bold=style == "heading"):
                self.y += size * 1.35
                self.parts.append(_line(words, self.y, size, style))

    def button(self, label: str, x: float, y: float, *, link: bool = False, disabled: bool = False) -> float:
        """One button with its upper left corner there; returns its width."""
        shown = f"{label} ↗" if link else label
        wide = _button_width(shown)
        box = f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide:.0f}" height="30" rx="6" fill="{BUTTON}"/>'
        style = 'font-size="13" font-weight="600" fill="#fff"'
        text = f'<text x="{x + 14:.0f}" y="{y + 20:.0f}" {style}>{escape(shown)}</text>'
        self.parts.append(f'<g opacity="{0.5 if disabled else 1}">{box}{text}</g>')
        return wide

    def draw(self, component: Json, *, width: float) -> None:
        """One component with all in it."""
        match component:
            case {"content": str(content)}:
                self.text(content, width=width)
            case {"accessory": accessory, "components": inner}:
                top = self.y
                wide = self.button(accessory["label"], 0, -100, link="url" in accessory)
                self.parts.pop()
                for part in inner:
                    self.draw(part, width=width - wide - 2 * GAP)
                self.button(accessory["label"], MARGIN + width - wide, top + 4, link="url" in accessory)
            case {"components": inner} if all("label" in part for part in inner):
                self._row(inner, width)
            case {"components": inner}:
                for part in inner:
                    self.draw(part, width=width)
            case {"items": items}:
                for item in items:
                    self._image(item["media"]["url"].removeprefix("attachment://"), width)
            case _:  # a separator
                self.y += GAP
                self.parts.append(
                    f'<rect x="{MARGIN}" y="{self.y:.0f}" width="{width:.0f}" height="1" fill="#3f4147"/>'
                )

    def _row(self, buttons: Iterable[Json], width: float) -> None:
        """Buttons beside each other, in as many lines as they need."""
        x = float(MARGIN)
        self.y += GAP
        for part in buttons:
            if x > MARGIN and x + _button_width(part["label"]) > MARGIN + width:
                x = float(MARGIN)
                self.y += 30 + GAP
            x += self.button(part["label"], x, self.y, disabled=part.get("disabled", False)) + GAP
        self.y += 30

    def _image(self, name: str, width: float) -> None:
        data = base64.b64encode(self.images[name]).decode()
        height = width * 9 / 16
        self.y += GAP
        self.parts.append(
            f'<image x="{MARGIN}" y="{self.y:.0f}" width="{width:.0f}" height="{height:.0f}" '
            f'href="data:image/png;base64,{data}"/>'
        )
        self.y += height


def picture(
    components: Iterable[Json], *, images: Mapping[str, bytes], named: Callable[[str], str], width: int = WIDTH
) -> str:
    """An SVG of a message's components, so many pixels wide."""
    sheet = Sheet(images, named)
    for component in components:
        sheet.draw(component, width=width - 2 * MARGIN)
        sheet.y += GAP
    height = sheet.y + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
        f'font-family="gg sans, Noto Sans, Helvetica, Arial, sans-serif">\n'
        f'<rect width="100%" height="100%" fill="{GROUND}"/>\n'
        f'<rect x="8" y="8" width="{width - 16}" height="{height - 16:.0f}" rx="8" fill="{PANEL}" stroke="#3f4147"/>\n'
        + "\n".join(sheet.parts)
        + "\n</svg>\n"
    )


def _button_width(label: str) -> float:
    return _width(label, 13, bold=True) + 28


def _style(line: str) -> tuple[str, str]:
    for mark, style in (("### ", "heading"), ("## ", "heading"), ("-# ", "small")):
        if line.startswith(mark):
            return style, line.removeprefix(mark)
    return "text", f"• {line.removeprefix('- ')}" if line.startswith("- ") else line


def _words(text: str, named: Callable[[str], str]) -> list[Word]:
    """Words with their styles; spaces stay with the word before."""
    text = re.sub(r"<([#@])&?!?(\d+)>", lambda m: named(m[1] + m[2]), text)
    runs: list[Word] = []
    for found in _MARKS.finditer(text):
        if found["bold"] is not None:
            runs.append(Word(re.sub(r"\\(.)", r"\1", found["bold"]), bold=True))
        elif found["code"] is not None:
            runs.append(Word(found["code"]))
        elif found["label"] is not None:
            runs.append(Word(re.sub(r"\\(.)", r"\1", found["label"]), link=True))
        elif found[0].startswith("<t:"):
            runs.append(Word("a moment ago"))
        else:
            runs.append(Word(found["escaped"] or found["char"]))
    return [Word(part, run.bold, run.link) for run in _joined(runs) for part in re.findall(r"\S+\s*|\s+", run.text)]


def _joined(runs: Iterable[Word]) -> Iterator[Word]:
    """Neighbours in one style as one run."""
    last: Word | None = None
    for run in runs:
        if last is not None and (last.bold, last.link) == (run.bold, run.link):
            last = Word(last.text + run.text, last.bold, last.link)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def _wrapped(words: Iterable[Word], size: int, width: float, *, bold: bool) -> Iterator[list[Word]]:
    line: list[Word] = []
    used = 0.0
    for word in words:
        wide = _width(word.text, size, bold=bold or word.bold)
        if line and used + wide > width:
            yield line
            line, used = [], 0.0
        line.append(word)
        used += wide
    yield line


def _width(text: str, size: int, *, bold: bool) -> float:
    """About how wide a text is; the fonts of those who look at it differ."""
    units = sum(0.36 if char in NARROW else 0.74 if char.isupper() else 0.61 for char in text)
    return units * size * (1.06 if bold else 1.0)


def _line(words: Iterable[Word], y: float, size: int, style: str) -> str:
    ink = DIM if style == "small" else INK
    weight = "700" if style == "heading" else "400"
    spans = "".join(
        f"<tspan{_if(word.bold, 'font-weight', '700')}{_if(word.link, 'fill', LINK)}>{escape(word.text)}</tspan>"
        for word in words
    )
    return (
        f'<text x="{MARGIN}" y="{y:.0f}" font-size="{size}" font-weight="{weight}" fill="{ink}" xml:space="preserve">'
        f"{spans}</text>"
    )


def _if(condition: bool, name: str, value: str) -> str:
    return f' {name}="{value}"' if condition else ""
