"""What may be kept: pure checks between a model's answer and the memory store.

A model may answer anything. A proposal becomes a candidate only if the words, names, numbers and people in it were said
in the lines that it cites, and if what it says may be kept at all. Each refusal has a reason, which is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from unicodedata import east_asian_width

from bot.domain import MENTION, PERSONAL_KINDS, MemoryKind, people_in, snowflake
from bot.remember import lexicon
from bot.remember.candidate import Candidate
from bot.remember.oneself import OWN_TERMS, SENTENCE, own_sentence
from bot.remember.orders import is_order
from bot.remember.persons import is_of_somebody, is_personal, is_sensitive, speaks_of_oneself
from bot.remember.prompt import Line
from bot.remember.ranges import ends, reordered
from bot.remember.worth import Claim, bare, fitting_kind, is_guess, is_turn, is_worth, points_elsewhere
from bot.text import (
    REDACTED,
    URL,
    RelativeTime,
    SecretFinder,
    all_said,
    denies_alike,
    folded,
    function_words,
    is_english,
    one_line,
    question_terms,
    relative_times,
    tells_no_day,
    terms,
    visible,
    with_dates,
)

MIN_CHARS = 12
MAX_CHARS = 400
MIN_TERMS = 3  # content words: fewer are a remark
MIN_SAID = 0.5  # of the content words must stand in the cited lines themselves
MIN_SUPPORTED = 0.9  # must stand there or in what those lines answer
ROOT = 4  # letters that forms of a word share in languages other than English: "ich wohne" is "er wohnt"
SAME_SENTENCE = 0.6  # share of words from which on a memory is that sentence, negation and all
SHORTEST_SHORTENED_URL = 12
SHORT_CHEER = 3  # words: "Can't wait!" tells nothing; "Server's down tomorrow!" does
OWN_WORDS = 2  # in common with a sentence of its speaker, for a text about them to stand on it
ANSWERED_LINES = 4  # before a line among which a question may stand that it answers without a reply link

_CAPITALISED = re.compile(r"(?<![\w@/.#-])(?=[^\W\d_])\w[\w'’-]*\w")
_BEGINNING = re.compile(r"(?:^|[.!?:»“\"'] )\W*$")
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|;\s+| - ")
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_NO = re.compile(r"^\W*(?:no|nope|nein|non|não|nee|nej|нет)\b[,.:!]\s*", re.IGNORECASE)
"""An answer before a sentence, which it does not turn round."""
_EITHER = re.compile(r"(?<![\w'’-])([\w'’-]+),? (?:or|oder|ou|of|или) (?:the |a |an )?([\w'’-]+)", re.IGNORECASE)
_GREETING = re.compile(
    r"^\W*(?:hey|hi|hello|hallo|hola|salut|thanks|thx|thank you|danke|merci|gracias|wow|cheers|congrats)[, ]+\w+\W*$",
    re.IGNORECASE,
)
"""It only calls somebody: "Hey Joanna!" says nothing of Joanna."""
_AGREEING = re.compile(
    r"\b(?:as|wie) (?:<@\d+>|\w+) (?:just |already |schon )?(?:said|says|wrote|sagte?|meinte?|schrieb),",
    re.IGNORECASE,
)
"""Who says "as Ana said" says it too."""
_CONCLUSION = re.compile(r"[,;] (?=(?:so(?! \S+$)|but|therefore|also|aber|deshalb|pero|mais|donc)\b)", re.IGNORECASE)
"""Where the speaker goes on in their own name after what they reported."""
_SPEECH = re.compile(rf"<@({snowflake.PATTERN})>(?: to {MENTION.pattern})?:\s+")
"""How a line of the prompt begins; `_tidied` takes it away where it is true."""


class Refusal(StrEnum):
    """Why a proposal is not kept."""

    UNKNOWN_PERSON = "unknown person"
    LENGTH = "length"
    SECRET = "secret"  # noqa: S105
    BOT = "about the bot"
    ORDER = "order"
    QUESTION = "question"
    UNSURE = "unsure"
    JOKE = "joke"
    VAGUE = "vague"
    REPORT = "reports talk"
    TOO_LITTLE = "too little"
    REMARK = "remark"
    NOTHING = "nothing to look up"
    MIXED = "mixed from other lines"
    NOT_SAID = "not said"
    NUMBER = "number not said"
    NAME = "name not said"
    LINK = "link not said"
    NEGATION = "turned around"
    SPEAKER = "speaker not cited"
    OTHERS = "about others"
    CONSENT = "no consent"
    SENSITIVE = "sensitive"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A memory as a model proposes it, resolved to messages and people.

    Attributes:
        kind: as the model labels it.
        text: with `<@user_id>` for people.
        people: who is in the text.
        known: whether everybody in the text is somebody of the segment.
        lines: the cited lines, oldest first; at least one.
        asked: lines that the cited ones answer; they may lend words, never names, numbers or speakers.
        others: all other lines that the model was shown.
        named: the name of a member that the text begins with, or "".
        own: whether the text is a sentence that its speaker said about themselves.
    """

    kind: MemoryKind
    text: str
    people: frozenset[int]
    known: bool
    lines: tuple[Line, ...]
    asked: tuple[Line, ...] = ()
    others: tuple[Line, ...] = ()
    named: str = ""
    own: bool = False

    @property
    def authors(self) -> frozenset[int]:
        """Who said it."""
        return frozenset(line.message.author_id for line in self.lines)

    @property
    def said(self) -> str:
        """The cited lines' own words."""
        return "\n".join(line.said for line in self.lines)

    @property
    def days(self) -> frozenset[date]:
        """The days that relative times in the cited lines mean."""
        return frozenset[date]().union(*map(_days, self.lines))


class Gate:
    """Decides, without any model, whether a proposed memory may be kept."""

    def __init__(self, secrets: SecretFinder | None = None) -> None:
        self.secrets = secrets or SecretFinder()

    def judge(self, proposal: Proposal, *, facts_allowed: Container[int], bot_id: int | None) -> Candidate | Refusal:
        """The candidate that a proposal becomes, or why it is refused."""
        proposal = _tidied(proposal)
        proposal = _personal(replace(proposal, kind=_kind(proposal)))
        refused = self._unfit(proposal, bot_id) or _first(_CHECKS, proposal)
        if refused:
            return refused
        if proposal.kind in PERSONAL_KINDS and (refused := _not_personal(proposal, facts_allowed)):
            return refused
        message_ids = tuple(sorted(line.message.id for line in proposal.lines))
        return Candidate(fitting_kind(_claim(proposal)), _dated(_spoken(proposal), proposal.lines), message_ids)

    def _unfit(self, proposal: Proposal, bot_id: int | None) -> Refusal | None:
        if not proposal.known:
            return Refusal.UNKNOWN_PERSON
        if bot_id is not None and any(bot_id in line.meant for line in proposal.lines):
            return Refusal.BOT
        if REDACTED in proposal.text or self.secrets.find(proposal.text):
            return Refusal.SECRET
        return None


Check = Callable[[Proposal], Refusal | None]


def _first(checks: Iterable[Check], proposal: Proposal) -> Refusal | None:
    return next((refused for check in checks if (refused := check(proposal))), None)


def _length(proposal: Proposal) -> Refusal | None:
    wide = sum(east_asian_width(c) in "WF" for c in proposal.text)  # each says about as much as two letters
    return None if len(proposal.text) + wide >= MIN_CHARS and len(proposal.text) <= MAX_CHARS else Refusal.LENGTH


def _order(proposal: Proposal) -> Refusal | None:
    texts = (proposal.text, *(line.said for line in proposal.lines))
    return Refusal.ORDER if any(map(is_order, texts)) else None


def _question(proposal: Proposal) -> Refusal | None:
    asks = lexicon.QUESTION.search(proposal.text) or all(_only_asks(line.said) for line in proposal.lines)
    return Refusal.QUESTION if asks else None


def _only_asks(said: str) -> bool:
    return all(lexicon.QUESTION.search(sentence) for sentence in _SENTENCE.split(said))


def _report(proposal: Proposal) -> Refusal | None:
    return Refusal.REPORT if lexicon.ABOUT_ASKING.search(proposal.text) else None


def _vague(proposal: Proposal) -> Refusal | None:
    return Refusal.VAGUE if lexicon.VAGUE.search(proposal.text) else None


def _unsure(proposal: Proposal) -> Refusal | None:
    return Refusal.UNSURE if all(lexicon.UNSURE.search(line.said) for line in proposal.lines) else None


def _joke(proposal: Proposal) -> Refusal | None:
    """A laugh marks a joke unless it only smiles at the end of something that is long enough to stand."""
    laughs = all(lexicon.JOKE.search(line.said) for line in proposal.lines)
    smiles = all(len(line.said) >= 80 or URL.search(line.said) for line in proposal.lines)
    return Refusal.JOKE if laughs and not smiles else None


def _content(proposal: Proposal) -> Refusal | None:
    least = OWN_TERMS if proposal.kind in PERSONAL_KINDS else MIN_TERMS
    enough = URL.search(proposal.text) or len(question_terms(proposal.text)) >= least
    return None if enough else Refusal.TOO_LITTLE


def _links(proposal: Proposal) -> Refusal | None:
    given = {match.group().rstrip("/") for match in URL.finditer(proposal.said)}
    named = {match.group().rstrip("/") for match in URL.finditer(proposal.text)}
    if not named <= given or (proposal.kind is MemoryKind.LINK and not given):
        return Refusal.LINK
    return None


def _support(proposal: Proposal) -> Refusal | None:
    """Most content words must have been said in the cited lines, nearly all there or in what those lines answer.

    A word that decides the matter must in any case; figures are checked for themselves.
    """
    plain = function_words(proposal.said)
    words = [w for w in question_terms(URL.sub(" ", proposal.text)) if not (w[0].isdigit() or w[0] in plain)]
    if not words:
        return None
    said = _terms(proposal.lines)
    asked = said | _terms(proposal.asked)
    turns = (match.group() for match in lexicon.TURNING_POINT.finditer(proposal.text))
    if any(asked.isdisjoint(terms(turn)) for turn in turns):
        return Refusal.NOT_SAID
    roots = frozenset[str]() if is_english(proposal.said) else {term[:ROOT] for term in asked}
    own = sum(not said.isdisjoint(stems) for stems in words) / len(words)
    lent = sum(not asked.isdisjoint(stems) or stems[0][:ROOT] in roots for stems in words) / len(words)
    return None if own >= MIN_SAID and lent >= MIN_SUPPORTED else Refusal.NOT_SAID


def _terms(lines: Iterable[Line]) -> frozenset[str]:
    return frozenset[str]().union(*(line.terms for line in lines))


def _mixed(proposal: Proposal) -> Refusal | None:
    """A word that only lines beside the cited ones say was mixed in from there."""
    said = _terms((*proposal.lines, *proposal.asked))
    elsewhere = _terms(proposal.others) - said
    words = question_terms(URL.sub(" ", proposal.text))
    mixed = any(said.isdisjoint(stems) and not elsewhere.isdisjoint(stems) for stems in words)
    return Refusal.MIXED if mixed or _turned_down(proposal, words) else None


def _turned_down(proposal: Proposal, words: Sequence[Sequence[str]]) -> bool:
    """Whether it says the other one of two things that somebody was asked to choose between."""
    said, stated = _terms(proposal.lines), {stem for stems in words for stem in stems}
    for match in (match for line in proposal.asked for match in _EITHER.finditer(line.said)):
        for chosen, other in (match.groups(), match.groups()[::-1]):
            left = set(terms(other)) - said
            if not said.isdisjoint(terms(chosen)) and not left.isdisjoint(stated):
                return True
    return False


def _worth(proposal: Proposal) -> Refusal | None:
    """Whether it is of use to somebody who looks it up later, as far as its words tell."""
    claim = _claim(proposal)
    for refused, reason in _WORTHLESS:
        if refused(claim):
            return reason
    return None if is_worth(claim) else Refusal.NOTHING


_WORTHLESS = (
    (is_turn, Refusal.REMARK),
    (points_elsewhere, Refusal.VAGUE),
    (is_guess, Refusal.UNSURE),
)


def _claim(proposal: Proposal) -> Claim:
    return Claim(proposal.kind, proposal.text, proposal.said, _answers(proposal))


def _answers(proposal: Proposal) -> bool:
    """Whether it was said soon after somebody else's question, with a word of that question."""
    first = min(line.message.id for line in proposal.lines)
    before = sorted((o for o in proposal.others if o.message.id < first), key=lambda o: o.message.id)
    asked = [o for o in (*proposal.asked, *before[-ANSWERED_LINES:]) if o.message.author_id not in proposal.authors]
    words = question_terms(proposal.text)
    questions = (line for line in asked if any(lexicon.QUESTION.search(s) for s in _SENTENCE.split(line.said)))
    return any(not line.terms.isdisjoint(stems) for line in questions for stems in words)


def _numbers(proposal: Proposal) -> Refusal | None:
    """Numbers, times of day, weekdays and months must have been said."""
    text, said = _without_people(proposal.text), _without_people(proposal.said)
    return None if all_said(text, said, proposal.days) else Refusal.NUMBER


def _times(proposal: Proposal) -> Refusal | None:
    """A relative time must be one of the lines' own, or mean their day; where they have none, its word must be said."""
    times = list(relative_times(proposal.text, proposal.lines[0].day))
    if proposal.days:
        meant = {end for line in proposal.lines for end in _as_said(proposal.text, line)}
        return None if all(time.end in meant for time in times) else Refusal.NUMBER
    said = proposal.said.casefold()
    return None if all(time.phrase.casefold().split()[-1] in said for time in times) else Refusal.NUMBER


def _as_said(text: str, line: Line) -> dict[int, RelativeTime]:
    """The relative times of a line that those of a text stand for, by where these end: the same words or day."""
    said = list(relative_times(line.said, line.day))
    found: dict[int, RelativeTime] = {}
    for time in relative_times(text, line.day):
        same = [t for t in said if t.phrase.casefold() == time.phrase.casefold()]
        for one in same or [t for t in said if (t.first, t.last) == (time.first, time.last)]:
            found[time.end] = one
    return found


def _days(line: Line) -> frozenset[date]:
    return frozenset(day for time in relative_times(line.said, line.day) for day in (time.first, time.last))


def _names(proposal: Proposal) -> Refusal | None:
    """Names must have been said, and not to greet; so must the first word of a sentence, which may be one."""
    sentences = [s for line in proposal.lines for s in _SENTENCE.split(line.said) if not _GREETING.search(s)]
    said = frozenset(w for s in sentences for w in (*terms(s), *folded(s).split()))
    days = {f"{day:%B %A %b %a}" for day in proposal.days}
    known = said.union(*(folded(names).split() for names in days))
    asked = {word for line in proposal.asked for word in line.said.split() if word.islower()}
    text = _without_people(URL.sub(" ", proposal.text))
    functional = function_words(text)
    for match in _CAPITALISED.finditer(text):
        name = match.group()
        if not name[0].isupper() or name in {"PM", "AM", "OK"}:
            continue
        begins = _BEGINNING.search(text, 0, match.start())
        if begins and (name.casefold() in functional or name.lower() in asked):
            continue
        if folded(name) not in known and known.isdisjoint(terms(name) or [folded(name)]):
            return Refusal.NAME
    return None


def _without_people(text: str) -> str:
    return MENTION.sub(" ", text)


def _negation(proposal: Proposal) -> Refusal | None:
    """A memory negates exactly where the sentence does that it repeats, and denies the values that were denied."""
    if not denies_alike(proposal.text, proposal.said):
        return Refusal.NEGATION
    if lexicon.NEGATION.search(proposal.text):
        return None if lexicon.NEGATION.search(proposal.said) else Refusal.NEGATION
    words = question_terms(proposal.text)
    sentences = [_NO.sub("", s) for line in proposal.lines for s in _SENTENCE.split(line.said)]
    shares = [_shared(words, frozenset(terms(s))) / max(len(words), 1) for s in sentences]
    best = max(shares, default=0.0)
    closest = [s for s, share in zip(sentences, shares, strict=True) if share == best]
    turned = best >= SAME_SENTENCE and all(lexicon.NEGATION.search(s) for s in closest)
    return Refusal.NEGATION if turned else None


def _swapped(proposal: Proposal) -> Refusal | None:
    """Where something begins or comes from must not become where it ends or goes, nor one thing's value another's."""
    swaps = ends(proposal.text).swaps(ends(proposal.said)) or reordered(proposal.text, proposal.said)
    return Refusal.NEGATION if swaps else None


def _speaker(proposal: Proposal) -> Refusal | None:
    """Only who said it, or is meant in it, may appear in it; and nobody else's mouth may it be put into."""
    meant = proposal.authors.union(*(line.meant for line in proposal.lines))
    if not proposal.people <= meant:
        return Refusal.SPEAKER
    if _SPEECH.match(proposal.text):
        return Refusal.SPEAKER
    subject = MENTION.match(proposal.text)
    if subject and int(subject.group(1)) not in proposal.authors and speaks_of_oneself(proposal.said):
        return Refusal.SPEAKER
    if subject and speaks_of_oneself(proposal.text[subject.end() :]):  # "@A found a group that accepts me"
        return Refusal.SPEAKER
    if speaks_of_oneself(proposal.text) and len(proposal.authors) > 1:
        return Refusal.SPEAKER
    return Refusal.SPEAKER if any(map(_in_whose_name, proposal.lines)) else None


def _subject(proposal: Proposal) -> Refusal | None:
    """Whoever does it has to be who was said to do it."""
    return Refusal.SPEAKER if _is_of_another(proposal) or _is_swapped(proposal) else None


def _is_of_another(proposal: Proposal) -> bool:
    """Whether it says of its author what they said of somebody else: "Tom brings the cake" is nothing that Ana does."""
    if not (proposal.people & proposal.authors or speaks_of_oneself(proposal.text)):
        return False
    sentence = _nearest(proposal)
    if lexicon.AS_SUBJECT.search(sentence):
        return False
    others = people_in([sentence]) - proposal.people
    first = next(iter(question_terms(_without_people(bare(sentence)))), ())
    return bool(others) or (bool(first) and set(first).isdisjoint(terms(proposal.text)))


def _is_swapped(proposal: Proposal) -> bool:
    """Whether people stand in another order than they were mentioned in."""
    said = list(dict.fromkeys(MENTION.findall(_nearest(proposal))))
    stated = [user_id for user_id in dict.fromkeys(MENTION.findall(proposal.text)) if user_id in said]
    return stated != [user_id for user_id in said if user_id in stated]


def _nearest(proposal: Proposal) -> str:
    """The said sentence that shares the most words with the text; the shortest of several."""
    words = question_terms(proposal.text)
    sentences = [s for line in proposal.lines for s in _SENTENCE.split(line.said)]
    return max(sentences, key=lambda s: _closeness(words, s))


def _closeness(words: Iterable[Sequence[str]], sentence: str) -> tuple[int, int]:
    """How many of the words a sentence has; of two with as many the shorter one is closer."""
    return _shared(words, frozenset(terms(sentence))), -len(sentence)


def _in_whose_name(line: Line) -> bool:
    """Whether "I" may be somebody whose words the line repeats: "Ana: I bring the cake"."""
    return line.quoted not in (None, line.message.author_id) and speaks_of_oneself(line.said)


def _sensitive(proposal: Proposal) -> Refusal | None:
    personal = proposal.kind in PERSONAL_KINDS
    texts = (proposal.text, proposal.said)
    return Refusal.SENSITIVE if any(is_sensitive(text, personal=personal) for text in texts) else None


def _supposed(proposal: Proposal) -> Refusal | None:
    """Whether it leaves out that it was only supposed, proposed or reported, or what it hangs on."""
    if proposal.kind in PERSONAL_KINDS:
        return None
    sentence = _nearest(proposal)
    if _is_hearsay(proposal.text, sentence):
        return Refusal.UNSURE
    hangs = (
        proposal.kind in _SIGNS and lexicon.CONDITION.search(sentence) and not lexicon.CONDITION.search(proposal.text)
    )
    return Refusal.UNSURE if hangs or lexicon.HEDGE.search(sentence) else None


def _is_hearsay(text: str, sentence: str) -> bool:
    """Whether a sentence only reports what a text tells without its source."""
    sentence = _AGREEING.sub(" ", sentence)
    if lexicon.REPORTED.search(text) or not lexicon.REPORTED.search(sentence):
        return False
    words = question_terms(text)
    own = " ".join(part for part in _CONCLUSION.split(sentence) if not lexicon.REPORTED.search(part))
    return _shared(words, frozenset(terms(own))) < SAME_SENTENCE * len(words)


_CHECKS: tuple[Check, ...] = (
    _length,
    _order,
    _question,
    _report,
    _vague,
    _joke,
    _unsure,
    _content,
    _links,
    _speaker,
    _numbers,
    _times,
    _names,
    _negation,
    _swapped,
    _mixed,
    _support,
    _subject,
    _sensitive,
    _supposed,
    _worth,
)
"""From what is wrong whatever was said, to what needs comparing with it."""


_SIGNS = {MemoryKind.DECISION: lexicon.SETTLED, MemoryKind.PLAN: lexicon.AHEAD}


def _kind(proposal: Proposal) -> MemoryKind:
    """The kind by what the text says: what is about oneself is personal, whatever the model calls it."""
    if proposal.kind in PERSONAL_KINDS:
        return proposal.kind
    told = _nearest(proposal)  # "the birthday is in May" is no less personal than what it comes from
    told = "" if lexicon.REPORTED.search(told) else told
    if lexicon.SELF_LIKING.search(proposal.text) or lexicon.SELF_LIKING.search(told):
        return MemoryKind.PREFERENCE
    text = proposal.text
    if proposal.named and text.startswith(proposal.named):
        text = f"<@1>{text.removeprefix(proposal.named)}"  # a member by name is no less a person than by mention
    being = lexicon.SELF_BEING.search(proposal.text) or lexicon.SELF_BEING.search(told)
    if being or is_personal(text, proposal.said):
        return MemoryKind.FACT
    if proposal.kind is MemoryKind.ANSWER and not _of_help_or_oneself(proposal.text):
        return next((k for k, signs in _SIGNS.items() if signs.search(proposal.text)), proposal.kind)
    return proposal.kind


def _of_help_or_oneself(text: str) -> bool:
    return bool(lexicon.HELPFUL.search(text) or speaks_of_oneself(text))


def _personal(proposal: Proposal) -> Proposal:
    """What somebody says about themselves, in their own words: a model turns its tense round, or its subject.

    Nothing is changed where what the text stands on is no sentence about oneself that somebody else understands.
    """
    if proposal.kind not in PERSONAL_KINDS:
        return proposal
    words = question_terms(_without_people(proposal.text))
    said = [(line, sentence) for line in proposal.lines for sentence in SENTENCE.split(line.said)]
    line, nearest = max(said, key=lambda one: _closeness(words, one[1]))
    sentence = own_sentence(nearest, line.said)
    shared = _shared(words, frozenset(terms(sentence)))
    if not shared or shared < min(OWN_WORDS, len(words)):
        return proposal
    people = frozenset(people_in([sentence]))
    return replace(proposal, text=sentence, people=people, lines=(line,), own=True)


def _not_personal(proposal: Proposal, facts_allowed: Container[int]) -> Refusal | None:
    """Facts and preferences are kept only from one member, about themselves, who allowed it."""
    if not proposal.people <= proposal.authors or not speaks_of_oneself(proposal.said):
        return Refusal.OTHERS
    if is_of_somebody(proposal.text) or is_of_somebody(_nearest(proposal)):
        return Refusal.OTHERS
    if not all(author in facts_allowed for author in proposal.authors):
        return Refusal.CONSENT
    return None if proposal.own else Refusal.NOTHING


def _tidied(proposal: Proposal) -> Proposal:
    """One visible line without questions, with shortened links completed and the one link of a link memory put in."""
    text = bare(_stated(_unspoken(one_line(visible(proposal.text)).strip("\"'` "), proposal)))
    given = [match.group() for match in URL.finditer(proposal.said)]
    for match in URL.finditer(text):
        whole = [url for url in given if url.startswith(match.group().rstrip("…"))]
        if len(match.group()) >= SHORTEST_SHORTENED_URL and len(set(whole)) == 1:
            text = text.replace(match.group(), whole[0])
    if proposal.kind is MemoryKind.LINK and len(given) == 1 and not URL.search(text):
        text = f"{text.rstrip('.')}: {given[0]}"
    return replace(proposal, text=text)


def _unspoken(text: str, proposal: Proposal) -> str:
    """The text without the speaker that a line begins with, where that is its only author."""
    speech = _SPEECH.match(text)
    return text[speech.end() :] if speech and {int(speech.group(1))} == proposal.authors else text


def _stated(text: str) -> str:
    """The sentences of a text that don't ask, cheer or tell what to repeat; the text itself where none is left."""
    stated = [sentence for sentence in _SENTENCES.split(text) if not _beside(sentence)]
    return " ".join(stated) or text


def _beside(sentence: str) -> bool:
    cheers = sentence.endswith("!") and len(sentence.split()) <= SHORT_CHEER
    return cheers or bool(lexicon.QUESTION.search(sentence) or lexicon.ABOUT_RECORDS.search(sentence))


def _spoken(proposal: Proposal) -> str:
    """The text; where it says "I", or is personal and names nobody, in its speaker's mouth."""
    if len(proposal.authors) != 1 or not (speaks_of_oneself(proposal.text) or _nameless(proposal)):
        return proposal.text
    (author,) = proposal.authors
    return proposal.text if proposal.text.startswith(f"<@{author}>:") else f"<@{author}>: {proposal.text}"


def _nameless(proposal: Proposal) -> bool:
    return proposal.kind in PERSONAL_KINDS and not proposal.people


def _dated(text: str, lines: Sequence[Line]) -> str:
    """Dates behind relative times, each as the line means it that says it with most of the words around it."""
    silent = not any(_days(line) or tells_no_day(line.said, line.day) for line in lines)

    def written(time: RelativeTime, part: str) -> str:
        words = question_terms(part)
        for line in sorted(lines, key=lambda line: (_shared(words, line.terms), line.message.id), reverse=True):
            # a date that was said with it stays, as in what is said again days later
            if said := re.search(rf"{re.escape(time.phrase)} \((\d{{4}}-[^)]{{0,30}})\)", line.said, re.IGNORECASE):
                return said[1]
            if meant := _as_said(text, line).get(time.end):
                return meant.written
        return time.written if silent else ""

    return with_dates(text, max(line.day for line in lines), written)


def _shared(words: Iterable[Sequence[str]], said: frozenset[str]) -> int:
    return sum(not said.isdisjoint(stems) for stems in words)
