"""What members and admins are told about what is kept: one source for the notice, the policy and the set-up.

Texts are Discord Markdown, made from the settings in force, so that they can't drift from what the program does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain import MemoryKind, Phrase
from bot.guilds.rules import DEFAULT, ConsentRule, FactsRule, Rules

SERVER_WINDOW = (
    "Where the operator keeps the database on a PostgreSQL server or the index on a Qdrant server, rows and points are "
    "gone from them at once, but the server's own write-ahead log can hold deleted text until it recycles those files: "
    "usually minutes to hours, on a quiet server days. A page of PostgreSQL's tables may hold bytes of a deleted row "
    "until it is used again; the bot has the tables vacuumed after erasures. Backups and replicas are the operator's "
    "to rotate."
)
"""What a deletion can't reach, for those who run servers."""

_KIND_NAMES = {
    MemoryKind.DECISION: Phrase("decisions"),
    MemoryKind.PLAN: Phrase("plans and events"),
    MemoryKind.ANSWER: Phrase("answers and know-how"),
    MemoryKind.LINK: Phrase("links"),
    MemoryKind.QUESTION: Phrase("open questions"),
    MemoryKind.TOPIC: Phrase("topics of conversations"),
    MemoryKind.FACT: Phrase("facts about a person"),
    MemoryKind.PREFERENCE: Phrase("preferences of a person"),
    MemoryKind.NOTE: Phrase("notes kept with /remember"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings that decide what is kept and where it goes.

    Attributes:
        retention_days: how long messages stay in the log.
        remembers: whether memories are made from messages (MEM0_ENABLED).
        language_model: who extracts, for members' eyes ("Ollama, llama3.1:8b").
        language_model_outside: whether messages leave the operator's machines for that.
        embeddings: who embeds, for members' eyes ("OpenAI, text-embedding-3-small").
        embeddings_outside: whether memories leave the operator's machines for that.
        embeds_messages: whether messages are embedded as well (EMBED_MESSAGES).
        encrypted: whether the database file is encrypted (DATA_KEY).
    """

    retention_days: int
    remembers: bool = True
    language_model: str = ""
    language_model_outside: bool = False
    embeddings: str = ""
    embeddings_outside: bool = False
    embeds_messages: bool = False
    encrypted: bool = False

    @property
    def retention(self) -> str:
        """The retention in words."""
        return days_of(self.retention_days)

    @property
    def where_it_goes(self) -> str:
        """Who gets which texts, and whether they are encrypted at rest."""
        return Phrase.joined(" ", [self._where(), self._at_rest()])

    def notice(self, *, decided_by: str, days_back: int = 0, rules: Rules = DEFAULT) -> str:
        """The notice that a channel gets when observation is switched on.

        Args:
            decided_by: who decided, as it may be shown (a mention, or "the operator of this bot").
            days_back: of how many days before now the channel is read as well.
            rules: the server's.
        """
        return Phrase.joined(
            "\n",
            [
                Phrase.joined("", ["### ", Phrase("This channel is observed from now on")]),
                self._why(decided_by, days_back),
                self._how_long(),
                self._whose_here(rules),
            ],
        )

    @staticmethod
    def _why(decided_by: str, days_back: int) -> str:
        why = Phrase(
            "I read along here, by decision of {member}, so that members can look up later what was said with `/ask` "
            "and `/recall`.",
            member=decided_by,
        )
        if not days_back:
            return why
        back = Phrase("I also read what was said here in the last **{days}**.", days=days_of(days_back))
        return Phrase.joined(" ", [why, back])

    def _how_long(self) -> str:
        if not self.remembers:
            return Phrase(
                "Messages are kept for at most **{retention}**. Only people who can read this channel can recall what "
                "was said in it.",
                retention=self.retention,
            )
        return Phrase(
            "Messages are kept for at most **{retention}**; short memories of decisions, plans and answers stay until "
            "they are forgotten. Only people who can read this channel can recall what was said in it.",
            retention=self.retention,
        )

    @staticmethod
    def _whose_here(rules: Rules) -> str:
        if rules.consent is ConsentRule.OPTED_IN:
            whose = Phrase("Only what members who **opted in** say is kept: `/privacy opt-in` says yes for you.")
        else:
            whose = Phrase("What **everybody** says here is kept, unless they opted out.")
        ways = Phrase(
            "`/privacy opt-out` stops it for you at once and deletes what is kept about you; `/privacy status` tells "
            "how you stand, `/channels` where I read along, and `/privacy policy` the rest."
        )
        return Phrase.joined(" ", [whose, ways])

    def ended(self, *, decided_by: str, since_ms: int | None = None) -> str:
        """What a channel is told that is not observed any more.

        Args:
            decided_by: who decided, as it may be shown.
            since_ms: from when on, in milliseconds since 1970, for a notice that is read later; None: from now on.
        """
        if since_ms is None:
            title = Phrase("This channel is not observed any more")
        else:
            title = Phrase("This channel is not observed any more, since {when}", when=f"<t:{since_ms // 1000}:f>")
        text = Phrase(
            "By decision of {member} nothing that is said here from then on is kept. What was said while I read along "
            "can be looked up for at most **{retention}**, and memories stay until they are forgotten: `/memories` "
            "shows yours, `/privacy opt-out` deletes all that is kept about you.",
            member=decided_by,
            retention=self.retention,
        )
        return Phrase.joined("", ["### ", title, "\n", text])

    def text(self, rules: Rules = DEFAULT) -> str:
        """The policy, as `/privacy policy` shows it in a server with these rules."""
        return Phrase.joined(
            "\n",
            [
                Phrase.joined("", ["## ", Phrase("What this bot keeps, and why")]),
                Phrase(
                    "**Where.** Only in channels where somebody with Manage Server switched observation on, for the "
                    "channel or for its category; a notice there says so. Never direct messages, bots, webhooks, or "
                    "members who opted out."
                ),
                self._whose(rules),
                Phrase(
                    "**Messages** of observed channels are kept for at most {retention}, so that they can be searched: "
                    "text, who said it, what it replies to, names of attachments, polls and stickers.",
                    retention=self.retention,
                ),
                self._memories(rules),
                Phrase("**Where it goes.** {where}", where=self.where_it_goes),
                Phrase(
                    "**Who sees it.** A member finds only what they may read in Discord at that moment. What I post "
                    "for everybody in a channel, when somebody shares a recall or asks me there, and the digests that "
                    "admins switch on, hold only what everybody there may read; a post, or its line in a digest, is "
                    "deleted when one of its sources is, or may not be read by everybody there any more."
                ),
                Phrase(
                    "**How to delete it.** Delete the message in Discord, and all that came from it alone goes within "
                    "a minute. `/forget` deletes a memory or everything of yours in this server. `/privacy opt-out` "
                    "deletes everything and stops it, here or everywhere; that you opted out is kept as a keyed hash "
                    "of your id. `/privacy export` gives you all that is kept of you, and `/memories` lets you correct "
                    "it, and object to what others said that names you. Admins can delete a channel's or the server's "
                    "memory; when the bot is removed, all goes after 7 days. Nothing is used for training, profiles or "
                    "advertising."
                ),
            ],
        )

    def document(self) -> str:
        """PRIVACY.md: the same policy, for reading outside Discord, with what operators have to know."""
        return "\n".join(
            [
                "# Privacy",
                "",
                "Made by `python -m bot policy` from the settings in force, with the rules that hold in a server until "
                "its admins change them (`/memory settings`). `/privacy policy` shows the same in Discord.",
                "",
                "\n\n".join(self.text().splitlines()),
                "",
                "## For operators",
                "",
                "Files are readable by the bot's user alone. `DATA_KEY` encrypts the embedded database; the embedded "
                "index holds no text. Database and Qdrant servers need encrypted volumes.",
                "",
                SERVER_WINDOW,
                "",
                "A member who can't use the commands asks you: `python -m bot export --user ID` and "
                "`python -m bot erase --user ID --yes` do what `/privacy export` and `/privacy opt-out` do, without "
                "the opt-out.",
                "",
            ]
        )

    @staticmethod
    def _whose(rules: Rules) -> str:
        if rules.consent is ConsentRule.OPTED_IN:
            return Phrase("**Whose.** Only of members who opted in (`/privacy opt-in`).")
        return Phrase("**Whose.** Of everybody who did not opt out (`/privacy opt-out`).")

    def _at_rest(self) -> str:
        if self.encrypted:
            return Phrase("The database is encrypted.")
        return Phrase("The database is not encrypted by the bot.")

    def _memories(self, rules: Rules) -> str:
        facts = {
            FactsRule.ASKED: Phrase(
                "Facts about a person are kept only of members who switch that on with `/privacy facts`."
            ),
            FactsRule.EVERYBODY: Phrase(
                "Facts about a person are kept of everybody who did not switch that off with `/privacy facts`."
            ),
            FactsRule.NOBODY: Phrase("Facts about a person are not kept in this server."),
        }[rules.facts]
        if not self.remembers:
            return Phrase(
                "**Memories** are made only with `/remember`, on purpose; they stay until they are forgotten."
            )
        memories = Phrase(
            "**Memories** are short statements made from those messages: decisions, plans, answers, links, open "
            "questions, and a line on what each conversation was about, each with the messages it came from."
        )
        return Phrase.joined(" ", [memories, facts, lifetimes_in_words(rules.lifetimes)])

    def _where(self) -> str:
        if not self.remembers:
            return Phrase("Everything stays on the operator's machines.")
        home = Phrase("on the operator's own machines")
        model = Phrase("messages go to it over the internet") if self.language_model_outside else home
        vectors = Phrase("they go to it over the internet") if self.embeddings_outside else home
        all_three, two = Phrase("messages, memories and questions"), Phrase("memories and questions")
        return Phrase(
            "{model} makes memories from messages ({model_where}); {embedder} turns {what} into numbers for searching "
            "({embedder_where}).",
            model=self.language_model,
            model_where=model,
            embedder=self.embeddings,
            what=all_three if self.embeds_messages else two,
            embedder_where=vectors,
        )


def days_of(number: int) -> str:
    """A number of days in words, such as "1 day" or "30 days"."""
    return Phrase.plural("{number} day", "{number} days", number)


def kind_name(kind: MemoryKind) -> str:
    """A kind of memory, in the plural, for members' eyes."""
    return _KIND_NAMES[kind]


def lifetimes_in_words(lifetimes: Mapping[MemoryKind, int | None]) -> str:
    """How long memories are kept, in one or two sentences."""
    by_days: dict[int, list[str]] = {}
    for kind, days in lifetimes.items():
        if days is not None:
            by_days.setdefault(days, []).append(kind_name(kind))
    if not by_days:
        return Phrase("They stay until they are forgotten.")
    limited = [
        Phrase("{days}: {kinds}", days=days_of(days), kinds=Phrase.joined(", ", kinds))
        for days, kinds in sorted(by_days.items())
    ]
    return Phrase("Kept for {limited}. The rest stays until it is forgotten.", limited=Phrase.joined("; ", limited))
