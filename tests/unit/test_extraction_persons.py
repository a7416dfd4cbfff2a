"""What is said of persons: only by themselves, where they allowed it; and in nobody else's name or words."""

from __future__ import annotations

import pytest

from bot.domain.model import MemoryKind
from bot.remember.gate import Refusal
from tests.fixtures.extraction import ANA, BEN, CEM, NAMES, Extract, chat

OWN = [  # what Ana says, and how a model puts it
    ("ich arbeite bei Siemens als Ingenieur in Graz", "@A arbeitet bei Siemens als Ingenieur in Graz.", "answer"),
    ("ich wohne seit 2020 in Graz mit zwei Katzen", "@A wohnt seit 2020 in Graz mit zwei Katzen.", "plan"),
    ("je travaille chez Renault à Lyon depuis 2020", "@A travaille chez Renault à Lyon depuis 2020.", "plan"),
    ("trabajo en un banco de Sevilla desde 2020", "Trabajo en un banco de Sevilla desde 2020.", "answer"),
    ("vivo en Sevilla con mi hermana desde 2020", "Vivo en Sevilla con mi hermana desde 2020.", "decision"),
    ("работаю врачом в Казани с 2020 года", "Работаю врачом в Казани с 2020 года.", "answer"),
    ("I play the trombone in a band since March", "@A plays the trombone in a band since March.", "plan"),
    ("I speak Portuguese and Dutch since school", "@A speaks Portuguese and Dutch since school.", "answer"),
    ("I use a Pixel 7 since May because of the camera", "@A uses a Pixel 7 since May because of the camera.", "answer"),
    (
        "I moved from Porto to Lyon in March because of the new job",
        "@A moved from Porto to Lyon in March because of the new job.",
        "decision",
    ),
]


@pytest.mark.parametrize(("said", "text", "kind"), OWN)
async def test_what_one_tells_of_oneself_is_personal_whatever_a_model_calls_it(
    extract: Extract, said: str, text: str, kind: str
) -> None:
    messages = chat((ANA, said))
    assert (await extract(messages, (text, kind, [1]))).refusals == {Refusal.CONSENT: 1}
    allowed = await extract(messages, (text, kind, [1]), facts_allowed={ANA})
    assert [c.kind for c in allowed.candidates] == [MemoryKind.FACT]


@pytest.mark.parametrize(
    "said",
    [
        "Tom lives in Ghent and works as a locksmith since May",
        "Tom cheats in ranked games since March 2024",
        f"<@{BEN}> moves to Spain in May with the kids",
        f"<@{CEM}> cheats in ranked games since March 2024",
        f"<@{CEM}> speaks Portuguese and Dutch since school",
        "Lena wohnt seit März in Graz am Fluss",
    ],
)
@pytest.mark.parametrize("kind", ["plan", "answer", "decision"])
async def test_nothing_is_kept_of_the_lives_of_others(extract: Extract, said: str, kind: str) -> None:
    text = said.replace(f"<@{BEN}>", "@B").replace(f"<@{CEM}>", "@C")
    messages = chat((ANA, said), (BEN, "the hall is painted in May"), (CEM, "the fee stays at 12 euros"))
    result = await extract(messages, (text, kind, [1]), facts_allowed=set(NAMES))
    assert result.refusals == {Refusal.OTHERS: 1}


OF_OTHERS = [
    "Tom speaks Dutch and a little French",
    "tom speaks dutch and french",
    "our treasurer Tom speaks Dutch",
    "Sara's favourite band is Radiohead since 2010",
    "the favourite game of Tom is Factorio",
    "Mia hates olives on her pizza at the meetup",
    "Tom loves the smell of old books",
    "Tom prefers tea to coffee in the morning",
    "Tom is vegan and eats no cheese",
    "Tom is 34 years old and works at Siemens",
    "Tom is a nurse at the city hospital",
    "Lena is from Graz in Austria",
    "Lena studies law in Vienna since 2023",
    "Tom has two dogs and a cat at home",
    "Tom plays the trombone in a jazz band",
    "Tom drives a red Volvo from 1998",
    "Tom's birthday is on May 3",
    "Tom's wife Anna runs a bakery in Ghent",
    "Tom spricht Niederländisch und Dänisch",
    "Jonas ist gegen Nüsse und Milch allergisch",
    "Mia hasst Oliven auf der Pizza",
    "Tom mag lieber Tee als Kaffee",
    "Tom hat zwei Hunde und eine Katze",
    "Saras Lieblingsband ist Radiohead aus England",
    "Tom works for Siemens in Graz",
    "Tom is good at chess and Go",
    "Tom and Nora are a couple since March",
    "Tom does not eat meat since May",
    "Tom isst kein Fleisch seit Mai",
    "Tom doesn't like olives on the pizza of the club",
    "Tom studied law in Vienna",
    "Tom vive con su madre en Sevilla",
    "Tom aime les chats et les trains",
    "Tom habla holandés y francés",
    "a Tom le gusta el café sin azúcar",
    "Tom parle néerlandais et français",
    "Tom déteste les olives sur la pizza",
    "Anna said Tom speaks Dutch and a little French",
    "by the way, Tom hates olives on the pizza",
    "in the morning Tom drinks coffee with the guests",
    "I heard Tom has two dogs and a cat at home",
    "I think that Tom is allergic to nuts and milk",
    # of members, by name and by mention, whatever it is
    "Ben collects old radios from the 1950s",
    "Ben uses a Pixel 7 because of the camera",
    f"<@{BEN}> speaks Dutch and a little French",
    f"<@{BEN}> drives a red Volvo from 1998",
    f"<@{BEN}>'s birthday is on May 3",
    f"<@{BEN}> spricht Niederländisch und Dänisch",
    f"<@{BEN}> hat zwei Hunde und eine Katze",
]


@pytest.mark.parametrize("said", OF_OTHERS)
@pytest.mark.parametrize("kind", ["plan", "answer", "decision", "fact", "preference"])
async def test_what_one_tells_of_others_is_kept_as_nothing(extract: Extract, said: str, kind: str) -> None:
    text = f"{said[0].upper()}{said[1:]}.".replace(f"<@{BEN}>", "@B")
    messages = chat((ANA, said), (BEN, "the hall is painted in May"))
    assert (await extract(messages, (text, kind, [1]), facts_allowed=set(NAMES))).candidates == ()
    if kind in ("plan", "answer") and "Mia hates" not in said:
        refusals = (await extract(messages, (text, kind, [1]), facts_allowed=set(NAMES))).refusals
        assert refusals in ({Refusal.OTHERS: 1}, {Refusal.SENSITIVE: 1}), refusals


@pytest.mark.parametrize(
    "said",
    [
        "my friend Tom speaks Dutch and French",
        "my brother lives in Ghent near the canal",
        "my sister hates olives on her pizza",
        "mein Bruder wohnt seit März in Graz am Fluss",
    ],
)
async def test_ones_friends_and_relatives_are_others(extract: Extract, said: str) -> None:
    result = await extract(chat((ANA, said)), (said, "fact", [1]), facts_allowed={ANA})
    assert result.refusals == {Refusal.OTHERS: 1}


@pytest.mark.parametrize("name", ["Tom", "Ben", f"<@{BEN}>"])
@pytest.mark.parametrize(
    "said",
    [
        "{} brings the grill on Saturday",
        "{} leads the raid on Friday at 20:00",
        "{} has the spare key for the hall",
        "{} runs the server on port 25565",
        "{} orders the pizza for 12 people",
        "{} plays the healer in the raid on Friday",
        "{} will drive the van to the fair on Saturday",
        "{} bringt am Samstag den Grill mit",
        "{} hat den Ersatzschlüssel für die Halle am Fluss",
        "{} übernimmt die Kasse ab Mai",
        "{} trae la parrilla el sábado",
    ],
)
async def test_what_others_do_for_the_group_is_kept(extract: Extract, name: str, said: str) -> None:
    messages = chat((ANA, said.format(name)), (BEN, "the hall is painted in May"))
    text = f"{said.format(name)}.".replace(f"<@{BEN}>", "@B")
    for kind in ("plan", "answer"):
        (kept,) = (await extract(messages, (text, kind, [1]))).candidates
        assert kept.kind not in (MemoryKind.FACT, MemoryKind.PREFERENCE)


@pytest.mark.parametrize(
    "said",
    [
        "Caddy speaks HTTP/3 on port 443 of the server",
        "Firefox prefers the system proxy from network.proxy.type",
        "Party drinks are stored in the kitchen under the stairs",
        "Minecraft likes memory, give it 8 GB in start.sh",
        "Tom's birthday party is on Saturday at 18:00",
        "Paper is from the PaperMC team and needs Java 21",
    ],
)
async def test_things_and_events_are_no_persons(extract: Extract, said: str) -> None:
    assert (await extract(chat((ANA, said)), (said, "answer", [1]))).candidates


async def test_what_one_tells_of_a_friend_is_no_fact_about_oneself(extract: Extract) -> None:
    messages = chat((ANA, "my friend Tom lives in Ghent near the canal"))
    result = await extract(messages, ("Tom lives in Ghent near the canal.", "fact", [1]), facts_allowed={ANA})
    assert result.refusals == {Refusal.OTHERS: 1}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("I take over the guild bank on Friday", "@A takes over the guild bank on Friday."),
        ("ich übernehme die Kasse der Gilde", "@A übernimmt die Kasse der Gilde."),
        ("je réserve la salle pour vendredi à 18h", "@A réserve la salle pour vendredi à 18h."),
        ("will print the flyers for the fair on Monday", "@A will print the flyers for the fair on Monday."),
        ("I fixed the blank screen by removing xorg.conf", "I fixed the blank screen by removing xorg.conf."),
        ("Nora opens the hall on Friday at 18:00", "Nora opens the hall on Friday at 18:00."),
        ("Caddy works as a reverse proxy for the wiki on port 443", "Caddy works as a reverse proxy on port 443."),
        ("the wiki lives on the second rack, port 443", "The wiki lives on the second rack, port 443."),
    ],
)
async def test_tasks_and_know_how_are_nobodys_life(extract: Extract, said: str, text: str) -> None:
    result = await extract(chat((ANA, said)), (text, "answer", [1]))
    assert [c.kind for c in result.candidates if c.kind is not MemoryKind.FACT], result.refusals


@pytest.mark.parametrize(
    "said",
    [
        "Sarah will be in the hospital until Friday",
        "Tom needs surgery on Monday at 9:00",
        "sarah has chemo on tuesday at 9:00",
        "tom is gay and comes to the meetup on friday at 18:00",
        "Mia will be 9 on Friday and starts school in August",
        "Tom makes 80k a year since March",
        "Cem voted Green at the election in May",
        "Lena ist schwanger und fehlt ab Mai bis August",
        "Lena hat Brustkrebs und fehlt ab Mai bis August",
        "Marta tiene cáncer y no viene hasta el 12 de mayo",
        "Marie est musulmane et ne vient pas le vendredi à 18h",
        "Марина беременна и уходит из команды в мае 2025",
        "鈴木さんはうつ病で5月まで休みます",
    ],
)
async def test_sensitive_matters_of_others_are_no_plans(extract: Extract, said: str) -> None:
    assert (await extract(chat((ANA, said)), (said, "plan", [1]))).refusals == {Refusal.SENSITIVE: 1}


@pytest.mark.parametrize(
    "said",
    [
        "У меня диабет второго типа",
        "Je suis musulmane et je ne mange pas de porc",
        "Estoy deprimida desde marzo",
        "I have bulimia since school and hate canteens",
        "I vote Labour since 2010",
        "I make 80k a year at Siemens",
        "I go to church every Sunday in Ghent",
        "My daughter is nine and goes to school in Ghent",
        "Mein Sohn ist neun Jahre alt und geht in Graz zur Schule",
    ],
)
async def test_sensitive_matters_are_not_kept_with_consent_either(extract: Extract, said: str) -> None:
    result = await extract(chat((ANA, said)), (said, "fact", [1]), facts_allowed={ANA})
    assert result.refusals == {Refusal.SENSITIVE: 1}


@pytest.mark.parametrize(
    "said",
    [
        "Bluetooth support needs the std library of version 12",
        "The poll was closed with 11 votes for the forest map",
        "The overlay can be disabled in settings.ini by setting overlay=0",
        "The songs have to be converted to mp3 before Friday",
    ],
)
async def test_the_same_words_of_things_are_not_sensitive(extract: Extract, said: str) -> None:
    assert (await extract(chat((ANA, said)), (said, "answer", [1]))).candidates


SOMEBODY_ELSE = [
    ("I bring the cake to the party on Friday", "Tom brings the cake to the party on Friday.", Refusal.NAME),
    ("I bring the cake to the party on Friday", "Ben brings the cake to the party on Friday.", Refusal.NAME),
    (
        "Hey Berlin! the release moves to Friday at 18:00",
        "The Berlin release moves to Friday at 18:00.",
        Refusal.NAME,
    ),
    ("the gpu driver 551 crashes with the overlay on", "Nvidia driver 551 crashes with the overlay on.", Refusal.NAME),
    (
        "Сервер в Берлине переезжает в пятницу в 19:00",
        "Сервер Ивана в Берлине переезжает в пятницу в 19:00.",
        Refusal.NAME,
    ),
    ("le serveur est chez nous dans la salle", "Le serveur est chez Émile dans la salle.", Refusal.NAME),
    (
        "Tom will bring the cake to the party on Friday",
        "@A will bring the cake to the party on Friday.",
        Refusal.SPEAKER,
    ),
    (
        "Tom will bring the cake to the party on Friday",
        "I will bring the cake to the party on Friday.",
        Refusal.SPEAKER,
    ),
    ("my brother will print the flyers in May", "@A will print the flyers in May.", Refusal.SPEAKER),
    (f"<@{BEN}> will organise the party in May", "@A will organise the party in May.", Refusal.SPEAKER),
    (f"<@{BEN}> hands the keys to <@{CEM}> on Friday", "@C hands the keys to @B on Friday.", Refusal.SPEAKER),
    ("Tom bringt am Freitag den Kuchen mit", "@A bringt am Freitag den Kuchen mit.", Refusal.SPEAKER),
]


@pytest.mark.parametrize(("said", "text", "reason"), SOMEBODY_ELSE)
async def test_who_does_it_has_to_be_who_was_said_to(extract: Extract, said: str, text: str, reason: Refusal) -> None:
    messages = chat((ANA, said), (BEN, "the hall is painted in June"), (CEM, "the fee stays at 12 euros"))
    assert (await extract(messages, (text, "plan", [1]))).refusals == {reason: 1}


INVENTED = [
    ("the raid on Friday at 20:00 takes place", "The raid on Friday at 20:00 is cancelled."),
    ("Nora takes the cash box to the bank on Friday", "Nora steals the cash box at the bank on Friday."),
    ("the fee is 12 euros from March on for all members", "The fee is 12 dollars from March on for all members."),
    (
        "the hall of the chess club in the old mill at the river opens for all members and guests on Friday at 18:00",
        "The hall of the chess club in the old mill at the river closes for all members and guests on Friday at 18:00.",
    ),
    ("der Vorstand prüft die Kasse vom Verein am Freitag", "Der Vorstand plündert die Kasse vom Verein am Freitag."),
]


@pytest.mark.parametrize(("said", "text"), INVENTED)
async def test_no_word_that_matters_is_added(extract: Extract, said: str, text: str) -> None:
    assert (await extract(chat((ANA, said)), (text, "plan", [1]))).refusals == {Refusal.NOT_SAID: 1}


SUPPOSED = [
    ("maybe we move the raid to Friday at 20:00", "We move the raid to Friday at 20:00."),
    ("I think the raid is probably on Friday at 20:00", "The raid is on Friday at 20:00."),
    ("I suggest that we move the raid to Friday at 20:00", "We move the raid to Friday at 20:00."),
    ("vielleicht verschieben wir den raid auf Freitag 20 Uhr", "Wir verschieben den raid auf Freitag 20 Uhr."),
    ("if all agree we ban Tom from raids in May", "We ban Tom from raids in May."),
    ("if we win the cup, the club pays the bus on Friday", "The club pays the bus on Friday."),
]


@pytest.mark.parametrize(("said", "text"), SUPPOSED)
async def test_a_supposition_does_not_become_a_decision(extract: Extract, said: str, text: str) -> None:
    messages = chat((ANA, f"{said}. the hall is painted in June"))
    assert (await extract(messages, (text, "decision", [1]))).refusals == {Refusal.UNSURE: 1}
    result = await extract(messages, ("The hall is painted in June.", "decision", [1]))
    assert len(result.candidates) == 1, result.refusals


HEARSAY = [
    "Anna said {}",
    "Anna says that {}",
    "Anna told me {}",
    "my brother thinks {}",
    "they said {}",
    "Anna is saying that {}",
    "Anna texted me that {}",
    "from what Anna tells me {}",
    "rumour has it that {}",
    "it is said that {}",
    "per Anna {}",
    "someone claimed {}",
    f"<@{BEN}> mentioned {{}}",
    "I heard from Anna that {}",
    "according to Anna {}",
    "{}, Anna said",
    "{}, says Anna",
    "{}, according to Anna",
]
HEARSAY_ELSEWHERE = [
    ("Anna meint, der Server zieht am Freitag nach Graz", "Der Server zieht am Freitag nach Graz."),
    ("Anna hat gesagt, der Server zieht am Freitag nach Graz", "Der Server zieht am Freitag nach Graz."),
    ("Anna denkt, der Server zieht am Freitag nach Graz", "Der Server zieht am Freitag nach Graz."),
    ("angeblich zieht der Server am Freitag nach Graz", "Der Server zieht am Freitag nach Graz."),
    ("der Server zieht am Freitag nach Graz, so Anna", "Der Server zieht am Freitag nach Graz."),
    ("der Server zieht am Freitag nach Graz, hat Anna gesagt", "Der Server zieht am Freitag nach Graz."),
    ("laut Anna zieht der Server am Freitag nach Graz", "Der Server zieht am Freitag nach Graz."),
    ("der Server zieht am Freitag nach Graz, sagt Anna", "Der Server zieht am Freitag nach Graz."),
    ("Anna dice que el servidor pasa a Sevilla el viernes", "El servidor pasa a Sevilla el viernes."),
    ("Anna dit que le serveur passe à Lyon vendredi", "Le serveur passe à Lyon vendredi."),
    ("selon Anna le serveur passe à Lyon vendredi", "Le serveur passe à Lyon vendredi."),
]


@pytest.mark.parametrize(
    ("said", "text"),
    [(f.format("the server moves to Graz on Friday"), "The server moves to Graz on Friday.") for f in HEARSAY]
    + HEARSAY_ELSEWHERE,
)
@pytest.mark.parametrize("kind", ["decision", "plan", "answer"])
async def test_what_is_only_reported_is_not_told_without_its_source(
    extract: Extract, said: str, text: str, kind: str
) -> None:
    assert (await extract(chat((CEM, said)), (text, kind, [1]))).refusals == {Refusal.UNSURE: 1}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Anna said the server moves to Graz on Friday", "Anna said the server moves to Graz on Friday."),
        (
            "according to Anna the server moves to Graz on Friday",
            "According to Anna the server moves to Graz on Friday.",
        ),
        ("laut Anna zieht der Server am Freitag nach Graz", "Laut Anna zieht der Server am Freitag nach Graz."),
        ("as I said, the raid is on Friday at 20:00", "The raid is on Friday at 20:00."),
        ("that said, the raid is on Friday at 20:00", "The raid is on Friday at 20:00."),
        ("Tom schreibt das Protokoll am Freitag um 18 Uhr", "Das Protokoll am Freitag um 18 Uhr schreibt Tom."),
        ("wie gesagt, der Raid ist am Freitag um 20 Uhr", "Der Raid ist am Freitag um 20 Uhr."),
        ("es ist zu laut im Saal, der Raid ist am Freitag um 20 Uhr", "Der Raid ist am Freitag um 20 Uhr."),
        ("the landlord said yes, so we paint the hall on Friday", "We paint the hall on Friday."),
        ("as Anna said, type sudo apt install gst-mad for mp3", "For mp3: sudo apt install gst-mad"),
        ("Anna said the hall is too small, so we meet in the mill on Friday", "We meet in the mill on Friday."),
        ("the docs say that the server needs port 25565", "The server needs port 25565."),
        ("according to the docs the server needs port 25565", "The server needs port 25565."),
        ("Tom sagt am Freitag um 18 Uhr im Saal Bescheid", "Tom sagt am Freitag um 18 Uhr im Saal Bescheid."),
    ],
)
async def test_a_report_with_its_source_and_what_the_speaker_says_themselves_stay(
    extract: Extract, said: str, text: str
) -> None:
    result = await extract(chat((CEM, said)), (text, "plan", [1]))
    assert len(result.candidates) == 1, result.refusals


@pytest.mark.parametrize(
    "said",
    [
        "Mia opens the hall on Friday at 18:00 for members",
        "Mon 20:00 is the raid in the north keep",
        "Mine diamonds at level 11 with an iron pickaxe",
        "The ill players are replaced by Cem on Friday at 20:00",
    ],
)
async def test_names_and_words_that_are_the_speaker_elsewhere_stay_what_they_are(extract: Extract, said: str) -> None:
    (kept,) = (await extract(chat((ANA, said)), (said, "plan", [1]))).candidates
    assert not kept.text.startswith("<@")


@pytest.mark.parametrize(
    "said", ["we rename the guild to Soggy Biscuits on Friday /s", "on paie 20 euros vendredi mdr"]
)
async def test_jokes_are_known_by_their_marks(extract: Extract, said: str) -> None:
    assert (await extract(chat((ANA, said)), (said, "decision", [1]))).refusals == {Refusal.JOKE: 1}


@pytest.mark.parametrize(
    ("said", "text", "refused"),
    [
        (
            "I hiked with my church friends in May",
            "I hiked with my church friends in May",
            Refusal.SENSITIVE,
        ),
        (
            "finding a club where I'm accepted has meant a lot to me",
            "@A found a club where I'm accepted, which has meant a lot to me",
            Refusal.SPEAKER,
        ),
        (
            "I just had to put some of that feeling in my painting",
            "I just had to put some of that feeling in my painting",
            Refusal.NOTHING,
        ),
        (
            "love should be everyone's right, and I want my kids to know it well",
            "Love should be everyone's right, and I want my kids to know it well",
            Refusal.NOTHING,
        ),
    ],
)
async def test_what_tells_nothing_of_its_speaker_is_no_fact(
    extract: Extract, said: str, text: str, refused: Refusal
) -> None:
    result = await extract(chat((ANA, said)), (text, "fact", [1]), facts_allowed={ANA})
    assert result.refusals == {refused: 1}


@pytest.mark.parametrize(
    ("said", "text", "kept"),
    [
        (
            "I remember when I did my first play in Ghent, I was so shy",
            "@A is performing in a first play in Ghent.",
            f"<@{ANA}>: I remember when I did my first play in Ghent, I was so shy",
        ),
        (
            "I usually play CS:GO with friends, but I tried chess in Ghent",
            "@A has been playing CS:GO with friends.",
            f"<@{ANA}>: I usually play CS:GO with friends, but I tried chess in Ghent",
        ),
        ("I'd love to join the fair in Ghent", "@A loves the fair in Ghent.", None),
        ("Since we last talked I have been busy with the club in Ghent", "@A is busy with the club in Ghent.", None),
        (
            "Great! I usually paint with my sister on Sundays. What about you?",
            "@A will paint with a friend's sister.",
            f"<@{ANA}>: I usually paint with my sister on Sundays",
        ),
        (
            "My brother's friend loved Karl's book as a kid. I loved Charlotte's Web when I was young",
            "@A loves Charlotte's Web.",
            f"<@{ANA}>: I loved Charlotte's Web when I was young",
        ),
        ("I collect stamps from Peru", "@B collects stamps from Peru.", f"<@{ANA}>: I collect stamps from Peru"),
    ],
)
async def test_what_somebody_says_of_themselves_is_kept_in_their_own_words(
    extract: Extract, said: str, text: str, kept: str | None
) -> None:
    messages = chat((BEN, "I met <@1001> in May at the fair in Ghent"), (ANA, said))
    result = await extract(messages, (text, "fact", [2]), facts_allowed={ANA, BEN})
    assert [c.text.rstrip(".") for c in result.candidates] == ([kept] if kept else [])
