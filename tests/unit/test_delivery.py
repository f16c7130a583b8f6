"""What is known of a delivery: the fold of its receipts, and the retry decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alertd.channel import Answer, ChannelSettings, InDoubt, Outcome, Reason
from alertd.delivery import Next, Word, after, fold

NOW = datetime(2026, 11, 23, tzinfo=UTC)

words = st.builds(
    Word,
    attempt=st.integers(0, 5),
    outcome=st.sampled_from(Outcome),
    reason=st.none() | st.sampled_from(Reason),
    answer=st.none() | st.sampled_from(Answer),
)


@given(
    st.lists(words, min_size=1, max_size=8).flatmap(
        lambda said: st.tuples(st.just(said), st.permutations(said))
    )
)
def test_the_order_of_receipts_does_not_matter(case: tuple[list[Word], list[Word]]) -> None:
    said, shuffled = case
    first, second = fold(said), fold(shuffled)
    assert first is not None and second is not None
    assert (first.rank, first.outcome) == (second.rank, second.outcome)


@given(st.lists(words, min_size=1, max_size=8))
def test_saying_it_again_changes_nothing(said: list[Word]) -> None:
    assert fold(said) == fold(said + said)


@given(words, words)
def test_words_of_one_rank_have_one_outcome(one: Word, other: Word) -> None:
    if one.rank == other.rank:
        assert one.outcome is other.outcome


@given(st.lists(words, max_size=8))
def test_good_news_wins_for_ever(said: list[Word]) -> None:
    word = fold([Word(1, Outcome.DELIVERED), *said])
    assert word is not None and word.outcome in (Outcome.DELIVERED, Outcome.ACKNOWLEDGED)


@given(st.lists(words, max_size=8))
def test_a_call_for_help_is_never_talked_over(said: list[Word]) -> None:
    word = fold([*said, Word(1, Outcome.ACKNOWLEDGED, answer=Answer.HELP)])
    assert word is not None and word.answer is Answer.HELP


def test_without_good_news_the_latest_attempt_speaks() -> None:
    word = fold([Word(2, Outcome.ACCEPTED), Word(1, Outcome.FAILED, Reason.REFUSED)])
    assert word == Word(2, Outcome.ACCEPTED)


def test_within_an_attempt_the_more_final_word_wins() -> None:
    word = fold([Word(1, Outcome.DEFERRED, Reason.BUSY), Word(1, Outcome.ACCEPTED)])
    assert word == Word(1, Outcome.DEFERRED, Reason.BUSY)


def test_any_other_word_of_the_far_end_ends_the_doubt() -> None:
    doubt = Word(1, Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert fold([doubt, Word(1, Outcome.ACCEPTED)]) == Word(1, Outcome.ACCEPTED)
    assert fold([doubt, Word(1, Outcome.UNKNOWN, Reason.OTHER)]) == Word(1, Outcome.UNKNOWN, Reason.OTHER)


def test_nothing_said_is_nothing_known() -> None:
    assert fold([]) is None


def decide(word: Word, *, resend: bool = True, in_doubt: InDoubt = InDoubt.RESEND, **changes: object) -> Next:
    settings = ChannelSettings.model_validate({"kind": "x", **changes})
    return after(
        word, settings, now=NOW, report_within=timedelta(minutes=5), in_doubt=in_doubt, resend=resend
    )


def test_a_busy_line_is_called_again_after_its_own_time() -> None:
    following = decide(Word(1, Outcome.DEFERRED, Reason.BUSY), retry_after_reason={"busy": 60})
    assert following.look_at == NOW + timedelta(seconds=60)
    assert not following.handed


def test_the_pause_grows_with_the_attempt_and_the_last_one_repeats() -> None:
    pauses = [
        decide(Word(n, Outcome.DEFERRED, Reason.NO_ANSWER), retry_after=(180.0, 300.0)).look_at
        for n in (1, 2, 3)
    ]
    assert pauses == [NOW + timedelta(seconds=s) for s in (180, 300, 300)]


def test_without_attempts_left_it_has_failed_for_its_last_reason() -> None:
    following = decide(Word(3, Outcome.DEFERRED, Reason.NO_ANSWER), attempts=3)
    assert following == Next(Word(3, Outcome.FAILED, Reason.NO_ANSWER), None, handed=False)


def test_going_too_fast_never_makes_a_delivery_fail() -> None:
    assert decide(Word(9, Outcome.DEFERRED, Reason.RATE_LIMITED), attempts=3).look_at is not None


def test_an_accepted_hand_over_is_asked_about_when_its_report_is_late() -> None:
    following = decide(Word(1, Outcome.ACCEPTED))
    assert following.look_at == NOW + timedelta(minutes=5)
    assert following.handed


def test_in_doubt_follows_the_policy() -> None:
    doubt = Word(1, Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert decide(doubt).look_at == NOW and not decide(doubt).handed
    assert decide(doubt, resend=False).look_at is None
    asked = decide(doubt, in_doubt=InDoubt.ASK)
    assert asked.look_at is not None and asked.handed
    assert decide(Word(5, Outcome.UNKNOWN, Reason.IN_DOUBT), attempts=5).look_at is None


def test_an_airing_cut_short_waits_for_a_person() -> None:
    assert decide(Word(1, Outcome.UNKNOWN, Reason.OTHER)).look_at is None


def test_what_nobody_confirms_is_the_last_word_until_somebody_does() -> None:
    def look_at(reason: Reason | None) -> datetime | None:
        following = after(
            Word(1, Outcome.ACCEPTED, reason),
            ChannelSettings(kind="gateway"),
            now=NOW,
            report_within=timedelta(seconds=30),
            in_doubt=InDoubt.ASK,
            resend=False,
        )
        assert following.handed and following.word.outcome is Outcome.ACCEPTED
        return following.look_at

    assert look_at(None) == look_at(Reason.UNDER_WAY) == NOW + timedelta(seconds=30)
    assert look_at(Reason.UNCONFIRMED) is None
    words = [Word(1, Outcome.ACCEPTED), Word(1, Outcome.ACCEPTED, Reason.UNDER_WAY)]
    silent = Word(1, Outcome.ACCEPTED, Reason.UNCONFIRMED)
    assert fold([*words, silent]) == silent
    assert fold([*words, silent, Word(1, Outcome.DELIVERED)]) == Word(1, Outcome.DELIVERED)
