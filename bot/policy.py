"""What members and admins are told about what is kept: one source for the notice, the policy and the set-up.

Texts are Discord Markdown, made from the settings in force, so that they can't drift from what the program does.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    retention_days: int
    remembers: bool = True
    language_model: str = ""
    language_model_outside: bool = False
    embeddings: str = ""
    embeddings_outside: bool = False

    @property
    def retention(self) -> str:
        """The retention in words."""
        return days_of(self.retention_days)

    def notice(self, *, decided_by: str, days_back: int = 0) -> str:
        """The notice that a channel gets when observation is switched on.

        Args:
            decided_by: who decided, as it may be shown (a mention, or "the operator of this bot").
            days_back: of how many days before now the channel is read as well.
        """
        back = f" I also read what was said here in the last **{days_of(days_back)}**." if days_back else ""
        kept = f"Messages are kept for at most **{self.retention}**"
        if self.remembers:
            kept += "; short memories of decisions, plans and answers stay until they are forgotten"
        return (
            "### This channel is observed from now on\n"
            f"I read along here, by decision of {decided_by}, so that members can look up later what was said with "
            f"`/recall`.{back}\n{kept}. Only people who can read this channel can recall what was said in it.\n"
            "You don't want that? `/privacy opt-out` stops it for you at once and deletes what is kept about you. "
            "`/privacy policy` tells all of it."
        )

    def text(self) -> str:
        """The policy, as `/privacy policy` shows it."""
        return "\n".join(
            [
                "## What this bot keeps, and why",
                "**Where.** Only in channels where somebody with Manage Server switched observation on; a notice there "
                "says so. Never direct messages, bots, webhooks, or members who opted out.",
                f"**Messages** of observed channels are kept for at most {self.retention}, so that they can be "
                "searched: text, who said it, what it replies to, names of attachments, polls and stickers.",
                self._memories(),
                f"**Where it goes.** {self._where()}",
                "**Who sees it.** A member finds only what they may read in Discord at that moment.",
                "**How to delete it.** Delete the message in Discord, and all that came from it alone goes within a "
                "minute. `/forget` deletes a memory or everything of yours in this server. `/privacy opt-out` deletes "
                "everything and stops it. Nothing is used for training, profiles or advertising.",
            ]
        )

    def _memories(self) -> str:
        if not self.remembers:
            return "**Memories** are made only with `/remember`, on purpose; they stay until they are forgotten."
        return (
            "**Memories** are short statements made from those messages: decisions, plans, answers and links, each "
            "with the messages it came from. Facts about a person are kept only of members who switch that on with "
            "`/privacy facts`. They stay until they are forgotten."
        )

    def _where(self) -> str:
        if not self.remembers:
            return "Everything stays on the operator's machines."
        home = "on the operator's own machines"
        model = "messages go to it over the internet" if self.language_model_outside else home
        vectors = "they go to it over the internet" if self.embeddings_outside else home
        return (
            f"{self.language_model} makes memories from messages ({model}); {self.embeddings} turns memories and "
            f"questions into numbers for searching ({vectors})."
        )


def days_of(number: int) -> str:
    """A number of days in words, such as "1 day" or "30 days"."""
    return "1 day" if number == 1 else f"{number} days"
