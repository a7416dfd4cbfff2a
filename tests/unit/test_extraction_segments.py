from hypothesis import given, settings
from hypothesis import strategies as st

from bot.remember.segments import conversations, likely_tokens, segment
from tests.fixtures.extraction import ANA, BEN, CEM, DEE, NAMES, chat

LINES = st.lists(st.tuples(st.sampled_from([ANA, BEN, CEM, DEE]), st.text(max_size=300)), max_size=80)


@settings(max_examples=60, deadline=None)
@given(LINES, st.integers(20, 400), st.integers(1, 30), st.sampled_from([1.0, 60.0, 3600.0]))
def test_every_message_is_in_exactly_one_call_and_calls_keep_their_bounds(
    said: list[tuple[int, str]], max_tokens: int, max_messages: int, seconds: float
) -> None:
    messages = chat(*said, seconds=seconds)
    calls = segment(messages, NAMES, max_tokens=max_tokens, max_messages=max_messages)
    assert sorted(m.id for call in calls for m in call) == [m.id for m in messages]
    for call in calls:
        assert [m.id for m in call] == sorted(m.id for m in call)
        assert len(call) <= max_messages
        assert sum(likely_tokens(m) for m in call) <= max_tokens or len(call) == 1


def test_interleaved_conversations_are_told_apart() -> None:
    messages = chat(
        (ANA, "has anybody tried the new printer?"),
        (CEM, "who comes to the lake on Sunday?"),
        (BEN, "Ana: yes, it jams on thick paper"),
        (DEE, "Cem: me, I bring the boat"),
        (ANA, "Ben: thanks, then I take the old one"),
        (CEM, "Dee: great, nine o'clock"),
        seconds=20,
    )
    authors = [{m.author_id for m in c} for c in conversations(messages, NAMES)]
    assert authors == [{ANA, BEN}, {CEM, DEE}]


def test_a_reply_goes_to_the_conversation_that_it_answers_whatever_the_time() -> None:
    messages = chat((ANA, "where is the key?"), (CEM, "lunch?"), (BEN, "under the mat", 0), seconds=3000)
    assert [[m.content for m in c] for c in conversations(messages, NAMES)] == [
        ["where is the key?", "under the mat"],
        ["lunch?"],
    ]


def test_silence_ends_a_conversation() -> None:
    messages = chat((ANA, "good night"), (BEN, "coffee is ready"), seconds=31 * 60)
    assert len(conversations(messages, NAMES)) == 2


def test_short_conversations_share_a_call() -> None:
    messages = chat(*[(ANA, f"note number {i} of the day") for i in range(5)], seconds=3600)
    assert len(conversations(messages, NAMES)) == 5
    assert len(segment(messages, NAMES)) == 1


def test_calls_come_out_even() -> None:
    messages = chat(*[((ANA, BEN)[i % 2], f"line {i} of a long conversation") for i in range(100)], seconds=10)
    sizes = [len(call) for call in segment(messages, NAMES)]
    assert len(sizes) == 4
    assert min(sizes) > 15


def test_nothing_gives_no_call() -> None:
    assert segment([], NAMES) == []
