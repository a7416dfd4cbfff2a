"""Finds what must never become a memory: credentials, card and account numbers, phone numbers, e-mail addresses.

Credentials with a known shape are found by detect-secrets (https://github.com/Yelp/detect-secrets), phone numbers by
phonenumbers, Google's libphonenumber (https://github.com/daviddrysdale/python-phonenumbers), the seeds of wallets by
the word lists of BIP 39's reference implementation (https://github.com/trezor/python-mnemonic); what chat adds to that
("the password is …", tokens read out in groups, account numbers) is found here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby
from math import log2

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector
from mnemonic import Mnemonic
from phonenumbers import Leniency, PhoneNumberMatcher

from bot.text.chat_text import URL
from bot.text.languages import STOP_WORDS

REDACTED = "[secret]"
"""Stands for a secret wherever a message's text leaves the log."""

REDACTED_BEFORE = 256
"""Texts; some stretches with the lines before them."""

PHONE_REGIONS = (None, "US", "GB", "DE", "FR", "IN", "BR")
"""Where numbers written without a country code are looked for; with one (None) every country is."""
MIN_PHONE_DIGITS = 7
MIN_TOKEN = 12  # characters: shorter mixed strings are versions, sizes and product names
TOKEN_ENTROPY = 3.0  # bits a character: words and version numbers lie below, random keys above
MIN_KEY = 24
KEY_ENTROPY = 3.9  # bits a character, for unbroken runs without digits in groups
MIN_IBAN_DIGITS = 10  # of any country's; words behind "mp34" have none
CARD_DIGITS = range(13, 17)
SEED = 12  # words: the shortest seed of a wallet
NAMED_SEED = 8  # the same behind words that name it, where other lists than BIP 39's count as well
MIN_SECRET = 4  # characters: a shorter find is a part of another or no secret

_WORDS_FOR_IT = (
    r"(?:pass(?:word|code|phrase|wd)|pwd?|(?:wlan[- ]?)?passwort|kennwort|mot de passe|contrase[nñ]a|senha|wachtwoord"
    r"|lösenord|hasło|парол\w*)"
)
_NAMED = re.compile(
    rf"\b(?:(?P<password>{_WORDS_FOR_IT})|pass|pin(?: code)?|secret(?: key)?|(?:\w+[ _-])?token|credentials?|clave"
    r"|(?:api|access|auth|private|license|licence|wi-?fi|network)[ _-]?keys?)\b"
    r"(?:\s++(?:for|to|of|on|in|at|from|behind|inside|für|zum|vom|im|am|auf|bei|pour|de|del|du|dans|au|à|en|para|do"
    r"|da|no|na|для|от|к|в|на|voor|bij|till|på|i)(?:\s++[^\s:=]+){1,4}?|\s++(?:here|there|today|hier|ici|aquí|qui|здесь))?"
    r"(?:\s++(?:is now|is|are|was|ist|lautet|heißt|est|es|é|è|jest|на|это)(?=[\s:=])|\s*+(?:[:=]|->))+"
    r"\s*+[\"'`*]*(?P<value>[^\s\"'`,;]{3,}+)",
    re.IGNORECASE,
)
_NAMED_AT_ONCE = re.compile(
    rf"\b(?:{_WORDS_FOR_IT}|clave)[ (\"'`*]++(?P<value>(?=\S{{0,64}}?\d)(?=\S{{0,64}}?[^\W\d_])[^\s\"'`*,;()]{{5,}})",
    re.IGNORECASE,
)
"""A password right behind that word, which letters with digits are for sure."""
_CODE = re.compile(
    r"(?:\b(?:door|gate|alarm|safe|lock|entry|access|2fa|login|tür|schloss|tor)[- ]?codes?"
    r"|\bc(?:ode|ódigo) (?:de |da |do )?(?:la |l['’]|el )?(?:porte|alarme|acc[eè]s|puerta|alarma|porta))\b"
    r"[^.!?\d]{0,50}?(?P<value>\d(?: ?\d){2,8}[A-Za-z]?)(?![\w:/-]|\.\d)",
    re.IGNORECASE,
)
"""The digits that open a door or an account."""
_NAMED_CJK = re.compile(r"(?:密码|密碼|パスワード|비밀번호)\s*+(?:(?:是|は|는|은|[:：=])\s*+)?(?P<value>[!-~]{4,})")
_ABOUT_PASSWORDS = frozenset(
    """
    safe secure wrong correct incorrect right same new old weak strong long short invalid valid blank empty default
    different unique simple easy hard bad good fine gone sent kept set reset lost public private secret known unknown
    case required needed case-sensitive falsch richtig sicher neu gleich weg faux correct perdu nouveau incorrecto
    incorrecta nueva misma errada nova
    """.split()  # noqa: SIM905 - as the word lists elsewhere
)
_PARTICIPLE = re.compile(r"(?:ed|en|ing|own|é|ée|ado|ada|ido|ida|t)$")
_PATH = re.compile(r"~?/(?:[\w.@-]++/)++[\w.@-]*+[.,;)]?")
_PLAIN_WORD = re.compile(r"[A-Za-zÀ-ÿ]+(?:['-][A-Za-zÀ-ÿ]+)*[.!?)]*")
_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%-]++"
    r"(?:@(?:[\w-]{1,63}+\.)+| ?[\[({ ]at[\])} ] ?(?:[\w-]{1,63}+ ?[\[({ ]dot[\])} ] ?){1,3})[A-Za-z]{2,24}\b",
    re.IGNORECASE,
)
"""An address, also with its signs in words."""
_DIGITS = re.compile(r"(?<![\w.])\d(?:[ .\u3000-]?\d){11,18}(?![\w])")
_IBAN = re.compile(
    r"\b(?!\w{35})(?:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}"
    r"|(?i:[A-Z]{2}\d{2} ?[A-Z0-9]{4}(?: ?(?=[A-Z]{0,3}\d)[A-Z0-9]{1,4}){2,7}))\b",
    re.ASCII,  # else "ſ" is a letter of it, which has no number in the check
)
_SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_CARD_START = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6(?:011|5|2)")
_TOKEN = re.compile(r"(?<![\w/@.-])[A-Za-z0-9][A-Za-z0-9_+=./-]{10,}[A-Za-z0-9=]")
_PREFIXED = re.compile(
    r"\b(?:sk|pk|rk|gh[opsu]|xox[abprs]|glpat|hf|api|key|tok|token|whsec)[-_](?=[\w-]{0,64}?\d)[\w-]{16,}"
)
_WORD = re.compile(r"[A-Z]?[a-z]{4,}")
_SWITCH = re.compile(r"(?<=\d)[A-Za-z]|(?<=[A-Za-z])\d")
_SECRET_LINK = re.compile(
    r"/api/webhooks/\d+/[\w-]|[?&#]\w*(?:token|key|secret|sig|signature|passw\w{0,16}|pwd|auth|code)=[^&\s]",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]+")
_SEED_NAMED = re.compile(
    r"\b(?:(?:seed|recovery|backup|mnemonic|secret)[- ](?:phrases?|words)|mnemonics?|wallet[- ]seed|seed(?=:)"
    r"|wiederherstellungs(?:phrase|wörter)|phrase (?:de récupération|secrète)|frase (?:semilla|de recuperación))\b",
    re.IGNORECASE,
)
_SEED_WORDS = frozenset(word for language in Mnemonic.list_languages() for word in Mnemonic(language).wordlist)


_JWT = re.compile(r"(?<![\w-])eyJ[\w-]++=*+\.[\w-]++=*+\.?", re.ASCII)
_NPM = re.compile(r"/:_authToken=\s*+((npm_.+)|([A-Fa-f0-9-]{36}))")
_OPENAI = re.compile(r"(?<![\w-])sk-[\w-]*?(?<=[A-Za-z0-9]{20})T3BlbkFJ[A-Za-z0-9]{20}", re.ASCII)


def _by(pattern: re.Pattern[str], detector: JwtTokenDetector | NpmDetector | OpenAIDetector) -> BasePlugin:
    """A detector with an expression that takes linear time: its own takes the square of it, as on "eyJeyJeyJ…"."""
    detector.denylist = [pattern]
    return detector


class SecretFinder:
    """Finds and blanks out secrets in chat text.

    What it made of the last REDACTED_BEFORE texts it holds in memory: a message is looked through for each call of a
    model that shows it, and one that is full of figures takes a second.
    """

    def __init__(self) -> None:
        self._redacted = lru_cache(REDACTED_BEFORE)(self._redact)
        self._detectors: tuple[BasePlugin, ...] = (
            ArtifactoryDetector(),
            AWSKeyDetector(),
            AzureStorageKeyDetector(),
            BasicAuthDetector(),
            DiscordBotTokenDetector(),
            GitHubTokenDetector(),
            GitLabTokenDetector(),
            _by(_JWT, JwtTokenDetector()),
            MailchimpDetector(),
            _by(_NPM, NpmDetector()),
            _by(_OPENAI, OpenAIDetector()),
            PrivateKeyDetector(),
            PypiTokenDetector(),
            SendGridDetector(),
            SlackDetector(),
            SquareOAuthDetector(),
            StripeDetector(),
            TelegramBotTokenDetector(),
            TwilioKeyDetector(),
        )

    def find(self, text: str) -> list[str]:
        """Every secret in `text`, as it stands there, longest first."""
        secrets = {*self._known(text), *_named(text), *_numbers(text), *_tokens(text), *_links(text), *_seeds(text)}
        secrets.update(match.group() for match in _EMAIL.finditer(text))
        return sorted((secret for secret in secrets if len(secret) >= MIN_SECRET), key=len, reverse=True)

    def redact(self, text: str) -> str:
        """`text` with `REDACTED` in place of every secret."""
        return self._redacted(text)

    def _redact(self, text: str) -> str:
        for secret in self.find(text):
            text = text.replace(secret, REDACTED)
        return text

    def _known(self, text: str) -> Iterator[str]:
        for detector in self._detectors:
            yield from detector.analyze_string(text)


def _named(text: str) -> Iterator[str]:
    for match in _NAMED.finditer(text):
        value = match.group("value")
        if _PATH.fullmatch(value):  # where it is kept
            continue
        named = match.group().rstrip().endswith(("=" + value, ":" + value, ": " + value))
        if named or not _PLAIN_WORD.fullmatch(value) or (match.group("password") and not _tells_about(value)):
            yield value
    for pattern in (_NAMED_CJK, _NAMED_AT_ONCE, _CODE):
        yield from (match.group("value") for match in pattern.finditer(text))


def _tells_about(word: str) -> bool:
    """Whether a word behind "the password is" tells how or where it is, instead of being it."""
    plain = word.casefold().rstrip(".!?)")
    about = plain in _ABOUT_PASSWORDS or any(plain in words for words in STOP_WORDS.values())
    return about or bool(_PARTICIPLE.search(plain))


def _numbers(text: str) -> Iterator[str]:
    for match in _DIGITS.finditer(text):
        if _is_card("".join(str(int(c)) for c in match.group() if c.isdigit())):
            yield match.group()
    yield from (match.group() for match in _IBAN.finditer(text) if _is_iban(match.group()))
    yield from (match.group() for match in _SSN.finditer(text))
    if _digits(text) >= MIN_PHONE_DIGITS:
        plain = URL.sub(" ", text)
        for region in PHONE_REGIONS:
            leniency = Leniency.STRICT_GROUPING if region else Leniency.VALID
            numbers = (match.raw_string for match in PhoneNumberMatcher(plain, region, leniency=leniency))
            yield from (number for number in numbers if _digits(number) >= MIN_PHONE_DIGITS)


def _digits(text: str) -> int:
    return sum(c.isdigit() for c in text)


def _links(text: str) -> Iterator[str]:
    yield from (match.group() for match in URL.finditer(text) if _SECRET_LINK.search(match.group()))


def _seeds(text: str) -> Iterator[str]:
    """Runs of words that no sentence has: of the lists of seeds alone, or behind "seed phrase" of no function words."""
    yield from _runs(text, 0, _is_of_seeds, SEED)
    if named := _SEED_NAMED.search(text):
        yield from _runs(text, named.end(), _may_be_of_seed, NAMED_SEED)


def _runs(text: str, start: int, fits: Callable[[str], bool], least: int) -> Iterator[str]:
    """The parts of a text from `start` on that are at least so many words that fit, whatever stands between them."""
    for fit, words in groupby(_LETTERS.finditer(text, start), lambda word: fits(word.group())):
        if fit and len(run := list(words)) >= least:
            yield text[run[0].start() : run[-1].end()]


def _is_of_seeds(word: str) -> bool:
    return unicodedata.normalize("NFKD", word.casefold()) in _SEED_WORDS


def _may_be_of_seed(word: str) -> bool:
    return _is_of_seeds(word) or (word.islower() and len(word) > 2 and not any(word in w for w in STOP_WORDS.values()))


def _tokens(text: str) -> Iterator[str]:
    yield from (match.group() for match in _PREFIXED.finditer(text))
    for match in _TOKEN.finditer(URL.sub(" ", text)):
        if _is_token(match.group()):
            yield match.group()


def _is_token(word: str) -> bool:
    """Whether `word` looks drawn at random: letters and digits mixed inside its groups, and hardly a word in it."""
    if 4 * sum(map(len, _WORD.findall(word))) > len(word):
        return False
    if "/" in word or len(word) < MIN_TOKEN:
        return (
            len(word) >= MIN_KEY
            and not re.search(r"[./]\w*[./]", word)
            and _mixed(word)
            and _entropy(word) >= KEY_ENTROPY
        )
    groups = re.split(r"[-_.+=]", word)
    mixed = sum(len(group) for group in groups if len(group) >= 4 and len(_SWITCH.findall(group)) >= 2)
    return mixed >= MIN_TOKEN - 4 and mixed * 2 >= len(word) and _entropy(word) >= TOKEN_ENTROPY


def _mixed(word: str) -> bool:
    return any(c.isdigit() for c in word) and any(c.islower() for c in word) and any(c.isupper() for c in word)


def _entropy(word: str) -> float:
    """Shannon's entropy of the characters of `word`, in bits a character."""
    shares = [word.count(c) / len(word) for c in set(word)]
    return -sum(share * log2(share) for share in shares)


def _is_card(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1) on numbers that begin as payment cards do."""
    if len(digits) not in CARD_DIGITS or not _CARD_START.match(digits):
        return False
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    """The check digits of ISO 13616."""
    compact = text.replace(" ", "")
    if len(compact) < 15 or _digits(compact) < MIN_IBAN_DIGITS:
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1
