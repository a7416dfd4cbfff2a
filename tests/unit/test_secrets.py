import pytest

from bot.text.secrets import REDACTED, SecretFinder, _entropy, _is_token

FINDER = SecretFinder()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("the password is hunter2", "hunter2"),
        ("the wifi password in the hall is blue-horse-77", "blue-horse-77"),
        ("wifi password here is blue-horse-77", "blue-horse-77"),
        ("das passwort im keller ist kuh-44-gras", "kuh-44-gras"),
        ("le mot de passe au bureau est soleil-99x", "soleil-99x"),
        ("Passwort lautet geheim123", "geheim123"),
        ("password: swordfish", "swordfish"),
        ("密码是abc12345", "abc12345"),
        ("the door pin is 4821", "4821"),
        ("the staging token for the worker is mp_stg_4R2N-K8QM-7T1C.", "mp_stg_4R2N-K8QM-7T1C"),
        ("push with ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("use sk-proj-1234567890abcdEFGH1234567890abcd here", "sk-proj-1234567890abcdEFGH1234567890abcd"),
        ("write to a.b+c@example.org please", "a.b+c@example.org"),
        ("card 4111 1111 1111 1111 exp 12/29", "4111 1111 1111 1111"),
        ("IBAN DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
        ("ssn 123-45-6789", "123-45-6789"),
        ("call +44 20 7946 0958 tonight", "+44 20 7946 0958"),
        ("(415) 555-2671 is the office", "(415) 555-2671"),
        ("http://user:hunter2@host/x", "hunter2"),
        ("https://discord.com/api/webhooks/123456789012345678/abcDEF-ghi", "abcDEF-ghi"),
        ("see https://x.example/a?token=abc123", "abc123"),
        ("reset it with https://x.example/reset?code=9f8e7d6c5b", "9f8e7d6c5b"),
        ("the password is swordfish for all members", "swordfish"),
        ("the password for the guild bank is now banana", "banana"),
        ("das WLAN Passwort im Vereinsheim heißt Sonnenblume", "Sonnenblume"),
        ("login is admin with pw hunter22", "hunter22"),
        ("the wifi pw is Lemonade99 in the club house", "Lemonade99"),
        ("the server password Lemonade99 works on port 25565", "Lemonade99"),
        ("la clave del wifi es girasol58", "girasol58"),
        ("the door code for the hall is 4711 from Friday on", "4711"),
        ("the alarm code of the club house is 9182.", "9182"),
        ("der Türcode für den Saal ist 4711", "4711"),
        ("le code de la porte du local est 4711A", "4711A"),
        ("the 2fa code for the shared account is 493 822", "493 822"),
        ("card ４１１１ １１１１ １１１１ １１１１ on Friday", "４１１１ １１１１ １１１１ １１１１"),
        ("card 4111.1111.1111.1111 on Friday", "4111.1111.1111.1111"),
        ("the IBAN is de89 3704 0044 0532 0130 00 from May on", "de89 3704 0044 0532 0130 00"),
        ("mail it to max at example dot org", "max at example dot org"),
        ("mail it to max (at) example (dot) org", "max (at) example (dot) org"),
        ("bearer eyJhbGciOiJub25lIn0.eyJhIjoiYiJ9.c2ln", "eyJhbGciOiJub25lIn0.eyJhIjoiYiJ9"),
        ("//registry.npmjs.org/:_authToken=npm_mysecretwords", "npm_mysecretwords"),
        (f"sk-{'a' * 20}T3BlbkFJ{'b' * 20} is ours", f"sk-{'a' * 20}T3BlbkFJ{'b' * 20}"),
        (f"{'x' * 80}.lane@example.org", f"{'x' * 80}.lane@example.org"),
    ],
)
def test_secrets_are_blanked_out(text: str, secret: str) -> None:
    redacted = FINDER.redact(text)
    assert secret not in redacted
    assert REDACTED in redacted


@pytest.mark.parametrize(
    "text",
    [
        "install linux-image-2.6.10-5-k7-smp",
        "edit XF86Config-4 by hand, then tar -xvjf zsnes142src.tar.gz",
        "June 23, 2026: the budget is 262,000 USD",
        "the key is to reboot twice",
        "my password is safe with me",
        "the password is wrong, it was changed",
        "the password is the same as before",
        "the password for the wiki is stored in the safe, the password is required",
        "the password is in the drawer",
        "das Passwort ist falsch, das Passwort ist nicht mehr gültig",
        "the secret is patience, the key is practice",
        "the build door opens at 18:00 and the code needs 4 gigabytes",
        "mp34 files that were made with the old tool are fine",
        "message 1321405576642560002 in channel 1234567890123456789",
        "Is the spiderman pin on your purse? Is Spider-Man your favourite?",
        "https://github.com/python/cpython/blob/main/Lib/asyncio/events.py",
        "mount it with credentials=/home/ana/.smbcredentials,uid=1000",
        "the token is in token: ~/.config/app/token",
        "1695 frames in 5.0 seconds = 339.000 FPS",
    ],
)
def test_ordinary_text_holds_no_secret(text: str) -> None:
    assert FINDER.find(text) == []


def test_a_card_number_with_a_wrong_check_digit_is_a_number() -> None:
    assert FINDER.find("order 4111 1111 1111 1112") == []


SEEDS = [
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
    "abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve acid "
    "acoustic acquire across act action actor actress actual",
    "abaisser abandon abdiquer abeille abolir aborder aboutir aboyer abrasif abreuver abriter abroger",
    "1. legal 2. winner 3. thank 4. year 5. wave 6. sausage 7. worth 8. useful 9. legal 10. winner 11. dad 12. yellow",
    "Legal, Winner, Thank, Year, Wave, Sausage, Worth, Useful, Legal, Winner, Thank, Yellow",
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("said", ["{}", "our wallet: {} as of May 3", "the backup of the club's wallet is {}. keep it"])
def test_the_words_of_a_wallet_are_a_secret(seed: str, said: str) -> None:
    left = FINDER.redact(said.format(seed))
    assert REDACTED in left
    assert not {word for word in seed.split() if len(word) > 2} & set(left.split())


@pytest.mark.parametrize(
    "said",
    [
        "the seed phrase is {}",
        "recovery phrase of the guild wallet: {}",
        "here are my backup words: {}",
        "die Wiederherstellungsphrase lautet {}",
        "la frase de recuperación es {}",
        "la phrase de récupération est {}",
    ],
)
def test_words_of_any_list_are_a_secret_behind_their_name(said: str) -> None:
    words = "juvenile gyrate nomad hefty fossil tidy vixen ruffled pirate onboard sizes wedge"
    left = FINDER.redact(said.format(words))
    assert REDACTED in left
    assert not set(words.split()) & set(left.split())


@pytest.mark.parametrize(
    "text",
    [
        "the seed phrase of the wallet is kept in the safe of the club and nobody but the board may see it",
        "write down your recovery phrase on paper and never type it into a web page that you do not trust at all",
        "the minecraft seed is 8675309 and the world has a village next to the spawn point",
        "milk eggs flour butter cheese apples pears onions garlic lettuce yoghurt tomatoes potatoes",
        "seed the random generator with a fixed number before each test so that failures can be repeated",
    ],
)
def test_talk_of_seeds_is_no_secret(text: str) -> None:
    assert FINDER.find(text) == []


def test_the_longest_of_several_secrets_is_blanked_out_first() -> None:
    found = FINDER.find("the password is hunter2, push with ghp_16C7e42F292c6912E7710c838347Ae178B4a")
    assert "hunter2" in found
    assert [len(secret) for secret in found] == sorted(map(len, found), reverse=True)


@pytest.mark.parametrize(("word", "bits"), [("aaaa", 0), ("ab", 1), ("abcd", 2), ("aabb", 1), ("aaab", 0.8112781)])
def test_entropy_is_in_bits_a_character(word: str, bits: float) -> None:
    assert _entropy(word) == pytest.approx(bits)


@pytest.mark.parametrize(
    ("word", "random"),
    [
        ("x7Kp2mQ9vL4t", True),
        ("a1b2c3d4e5f6", True),
        ("a1a1a1a1a1a1", False),  # one bit a character
        ("version2beta10", False),
        ("release-2025-11-30-hotfix", False),
        ("x7Kp-2mQ9-vL4t", True),
        ("x7Kp2mQ9-something-else", False),  # more word than key
        ("x7K-p2m-Q9v-L4t-R8w", False),  # in groups too short to tell
    ],
)
def test_what_looks_drawn_at_random_is_a_token(word: str, random: bool) -> None:
    assert _is_token(word) == random
