"""Who holds an index that databases with the same id share, by every step from one standing to another."""

from __future__ import annotations

from dataclasses import replace

from bot.index.claim import LOOK_MS, MINUTE_MS, Claim, ClaimNumber, Sight, Standing

START = 1_000_000
THEIRS = ClaimNumber(0, "theirs", 3)


def strange(now_ms: int, *numbers: ClaimNumber, take_over: bool = False) -> Sight:
    return Sight(now_ms, frozenset(numbers), take_over=take_over)


STRANGE = strange(START, THEIRS)
NEW = Claim()
COPY = Claim(Standing.COPY, seen_ms=START, watched=STRANGE.strange, watched_ms=START)


def holder(held_ms: int) -> Claim:
    """One that has held for so long, and looked a moment ago."""
    return Claim(Standing.HOLDING, since_ms=START - held_ms, seen_ms=START - LOOK_MS)


def moved(number: ClaimNumber, steps: int = 1) -> ClaimNumber:
    return number._replace(counter=number.counter + steps)


def test_without_a_strange_number_it_holds_at_once_and_mends_what_does_not_have_its_latest() -> None:
    for before in (NEW, holder(5 * MINUTE_MS)):
        for latest in (False, True):
            claim = before.after(Sight(START, latest=latest))
            assert (claim.standing, claim.mends) == (Standing.HOLDING, not latest)


def test_a_strange_number_that_stands_still_for_a_minute_is_taken_over_and_the_index_mended() -> None:
    claim = NEW
    for waited in range(0, MINUTE_MS, LOOK_MS):
        claim = claim.after(strange(START + waited, THEIRS))
        assert (claim.standing, claim.mends) == (Standing.WATCHING, False)
    claim = claim.after(strange(START + MINUTE_MS, THEIRS))
    assert (claim.standing, claim.mends) == (Standing.HOLDING, True)


def test_a_strange_number_that_moves_makes_it_the_copy() -> None:
    claim = NEW.after(STRANGE).after(strange(START + LOOK_MS, moved(THEIRS)))
    assert claim.standing is Standing.COPY


def test_another_number_of_another_run_has_moved_as_well() -> None:
    claim = NEW.after(STRANGE).after(strange(START + LOOK_MS, ClaimNumber(0, "third", 1)))
    assert claim.standing is Standing.COPY


def test_a_copy_stays_one_while_its_original_stands_still() -> None:
    claim = COPY
    for waited in range(LOOK_MS, 10 * MINUTE_MS, LOOK_MS):
        claim = claim.after(strange(START + waited, THEIRS))
    assert claim.standing is Standing.COPY


def test_a_copy_whose_rival_is_gone_watches_for_a_minute_before_it_holds() -> None:
    claim = COPY
    for waited in range(0, MINUTE_MS, LOOK_MS):
        claim = claim.after(Sight(START + waited))
        assert claim.standing is Standing.WATCHING
    assert claim.after(strange(START + MINUTE_MS, moved(THEIRS))).standing is Standing.COPY, "it was at work elsewhere"
    claim = claim.after(Sight(START + MINUTE_MS, latest=True))
    assert (claim.standing, claim.mends) == (Standing.HOLDING, True)


def test_numbers_that_stood_still_are_known_from_then_on() -> None:
    both = (THEIRS, ClaimNumber(0, "third", 1))
    assert NEW.after(strange(START, *both)).after(strange(START + MINUTE_MS, *both)).past == frozenset(both)
    assert NEW.after(strange(START, *both, take_over=True)).past == frozenset(both)


def test_a_holder_knows_a_number_elsewhere_when_it_stood_still_for_a_minute() -> None:
    claim = holder(MINUTE_MS)
    for waited in range(0, MINUTE_MS, LOOK_MS):
        claim = claim.after(Sight(START + waited, frozenset({THEIRS}), latest=True))
        assert (claim.standing, claim.mends, claim.past) == (Standing.HOLDING, False, frozenset())
    claim = claim.after(Sight(START + MINUTE_MS, frozenset({THEIRS}), latest=True))
    assert (claim.standing, claim.mends, claim.past) == (Standing.HOLDING, False, frozenset({THEIRS}))
    assert claim.after(strange(START + MINUTE_MS + LOOK_MS, moved(THEIRS))).past == frozenset(), "it moves"


def test_who_was_told_to_take_over_does_not_yield_to_a_number_of_an_earlier_term() -> None:
    claim = COPY.after(strange(START, THEIRS, take_over=True)).after(strange(START + LOOK_MS, moved(THEIRS)))
    assert (claim.standing, claim.past) == (Standing.HOLDING, frozenset({moved(THEIRS)}))


def test_a_holder_yields_in_its_first_minute_to_a_number_that_moves() -> None:
    claim = holder(MINUTE_MS - 1).after(STRANGE)
    assert claim.standing is Standing.WATCHING
    assert claim.after(strange(START + LOOK_MS, moved(THEIRS))).standing is Standing.COPY


def test_a_holder_that_yielded_holds_again_when_the_number_stands_still() -> None:
    claim = holder(0).after(STRANGE)
    for waited in (LOOK_MS, 2 * LOOK_MS, MINUTE_MS):
        claim = claim.after(strange(START + waited, THEIRS))
    assert (claim.standing, claim.mends) == (Standing.HOLDING, True)


def test_a_holder_of_more_than_a_minute_does_not_yield_and_mends() -> None:
    claim = holder(MINUTE_MS).after(STRANGE)
    assert (claim.standing, claim.mends) == (Standing.HOLDING, True)
    assert claim.is_settled(START)


def test_a_holder_that_could_not_write_for_a_minute_begins_a_new_one() -> None:
    late = replace(holder(5 * MINUTE_MS), seen_ms=START - MINUTE_MS)
    assert late.after(STRANGE).standing is Standing.WATCHING
    again = late.after(Sight(START, latest=True))
    assert (again.standing, again.since_ms) == (Standing.HOLDING, START)


def test_told_to_take_over_it_holds_at_once_with_a_later_term() -> None:
    for before in (NEW, COPY, holder(0), holder(5 * MINUTE_MS)):
        claim = before.after(strange(START, THEIRS, take_over=True))
        assert (claim.standing, claim.term, claim.mends) == (Standing.HOLDING, 1, True)
        assert not claim.is_settled(START), "in its first minute it is careful"
    assert NEW.after(strange(START, ClaimNumber(4, "theirs", 1), take_over=True)).term == 5


def test_a_copy_that_still_knows_all_numbers_takes_over_with_a_later_term_as_well() -> None:
    claim = NEW.after(Sight(START, latest=True, take_over=True))
    assert (claim.standing, claim.term) == (Standing.HOLDING, 1)


def test_told_to_take_over_a_holder_does_nothing() -> None:
    sight = Sight(START, latest=True, take_over=True)
    assert holder(MINUTE_MS).after(sight) == holder(MINUTE_MS).after(sight._replace(take_over=False))


def test_a_later_term_makes_a_holder_the_copy_at_its_next_look_however_long_it_held() -> None:
    for held in (0, 5 * MINUTE_MS):
        assert holder(held).after(strange(START, ClaimNumber(1, "theirs", 1))).standing is Standing.COPY


def test_a_later_term_that_stands_still_is_gone_on_with() -> None:
    claim = NEW.after(strange(START, ClaimNumber(3, "theirs", 1))).after(
        strange(START + MINUTE_MS, ClaimNumber(3, "theirs", 1))
    )
    assert (claim.standing, claim.term) == (Standing.HOLDING, 3)


def test_only_a_holder_of_more_than_a_minute_is_settled() -> None:
    assert not NEW.is_settled(START)
    assert not COPY.is_settled(START + 5 * MINUTE_MS)
    assert not holder(MINUTE_MS - 1).is_settled(START)
    assert holder(MINUTE_MS).is_settled(START)
    assert not holder(MINUTE_MS).is_settled(START + MINUTE_MS), "it has not looked for a minute"
    assert not holder(MINUTE_MS).is_settled(START - 2 * MINUTE_MS), "the clock was set back"


def test_of_two_that_start_at_once_one_holds() -> None:
    """Each looks in turn and writes where it holds; whoever begins, the other becomes the copy."""
    for first in (0, 1):
        claims, counters = [NEW, NEW], [0, 0]
        number: ClaimNumber | None = None
        for step in range(20):
            at = (first + step) % 2
            unknown = [] if number is None or number.run == str(at) else [number]
            now_ms = START + step * LOOK_MS // 2
            claims[at] = claims[at].after(Sight(now_ms, frozenset(unknown), latest=not unknown))
            if claims[at].standing is Standing.HOLDING:
                counters[at] += 1
                number = ClaimNumber(0, str(at), counters[at])
        assert sorted(claim.standing for claim in claims) == [Standing.COPY, Standing.HOLDING]


def test_a_clock_that_was_set_back_begins_the_watch_anew() -> None:
    claim = NEW.after(STRANGE).after(strange(START - 5 * MINUTE_MS, THEIRS))
    assert (claim.standing, claim.watched_ms) == (Standing.WATCHING, START - 5 * MINUTE_MS)
