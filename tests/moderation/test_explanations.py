from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.attribution import SentenceEffects
from models.sentences import Sentence
from models.signals import SIGNALS
from moderation.explanations import (
    N_SENTENCES,
    NO_SENTENCE,
    NOT_AMONG_LIKELIEST,
    NOT_MEASURED,
    ONE_SENTENCE,
    explain_flags,
    explain_signals,
    explanation,
    quoted,
    with_known,
)
from moderation.flags import Flag
from moderation.posts import Post
from moderation.scoring import read_posts, score_posts

AT = datetime(2026, 3, 1, tzinfo=UTC)
INSULT = "Ik zie je morgen. Wat ben jij een achterlijke idioot zeg! Hou je bek."
FLAG = Flag("toxic", 0.97, 0.6, {"language": "nl"})


def effects(*drops: float) -> SentenceEffects:
    """Sentences of ten characters that carry `toxic` by as much as given, and nothing else."""
    of_signals = np.zeros((len(drops) if len(drops) > 1 else 0, len(SIGNALS)))
    if len(of_signals):
        of_signals[:, SIGNALS.index("toxic")] = drops
    places = tuple(Sentence(10 * place, 10 * place + 9) for place in range(len(drops)))
    return SentenceEffects(places, of_signals)


@pytest.fixture(scope="module")
def corpus(encoder, shipped_heads):
    texts = [INSULT, "Dank je wel!", INSULT, "Wat een achterlijke idioot ben jij zeg"]
    posts = [Post(f"p{row}", "t1", AT, text) for row, text in enumerate(texts)]
    read = read_posts(posts, languages=("nl",))
    return score_posts(read, encoder, shipped_heads, advance=lambda n: None).corpus


def places(found):
    return [sentence["begin"] // 10 for sentence in found["sentences"]]


def test_the_sentence_that_carries_most_comes_first_with_its_share():
    found = explanation(effects(0.5, 2.0, -1.0, 1.5), "toxic")
    assert places(found) == [1, 3]
    assert [sentence["share"] for sentence in found["sentences"]] == [0.5, 0.375]
    assert found["sentences"][0]["log_odds_drop"] == 2.0


def test_at_most_three_are_named_and_of_equals_the_first():
    assert places(explanation(effects(*[1.0] * 5), "toxic")) == list(range(N_SENTENCES))


def test_a_post_of_one_sentence_has_no_shares():
    assert explanation(effects(3.0), "toxic") == {"sentences": None, "sentences_reason": ONE_SENTENCE}


def test_a_post_that_no_sentence_carries_alone_says_so():
    assert explanation(effects(-0.1, 0.0), "toxic") == {"sentences": None, "sentences_reason": NO_SENTENCE}


def test_a_flag_names_the_sentence_that_a_reader_would(corpus, encoder, shipped_heads):
    flags = explain_flags(corpus, [(FLAG,), (), (), ()], encoder=encoder, heads=shipped_heads)
    first = quoted(flags[0][0].evidence, corpus.readings[0].words)["sentences"][0]
    assert first["text"] == "Wat ben jij een achterlijke idioot zeg!"
    assert flags[0][0].evidence["language"] == "nl"
    assert flags[1:] == ((), (), ())


def test_only_the_likeliest_flags_of_each_reason_are_explained(corpus, encoder, shipped_heads):
    doubtful, waiting = replace(FLAG, probability=0.7), Flag("negative_wom", 0.65, 0.6, {})
    raised = [(doubtful,), (), (FLAG,), (waiting,)]
    flags = explain_flags(corpus, raised, encoder=encoder, heads=shipped_heads, at_most=2)
    reasons = [flag.evidence.get("sentences_reason") for of_row in flags for flag in of_row]
    assert reasons == [NOT_AMONG_LIKELIEST, None, ONE_SENTENCE]


def test_flags_that_rest_on_no_signal_stay_as_they_are(corpus, encoder, shipped_heads):
    strange = Flag("off_purpose", 0.9, 0.8, {"nearest_posts": []})
    flags = explain_flags(corpus, [(strange,), (), (), ()], encoder=encoder, heads=shipped_heads)
    assert flags[0] == (strange,)
    assert with_known(strange, None) is strange


def test_what_was_worked_out_when_a_post_was_scored_is_what_its_flag_would_find(corpus, encoder, shipped_heads):
    known = explain_signals(corpus, encoder=encoder, heads=shipped_heads)
    flags = explain_flags(corpus, [(FLAG,), (), (FLAG,), (FLAG,)], encoder=encoder, heads=shipped_heads)
    assert [set(of_row) & {"toxic"} for of_row in known] == [{"toxic"}, set(), {"toxic"}, {"toxic"}]
    for row in (0, 2, 3):
        assert with_known(FLAG, known[row]) == flags[row][0]


def test_scores_from_before_sentences_were_weighed_say_so():
    evidence = with_known(FLAG, None).evidence
    assert evidence == {"language": "nl", "sentences": None, "sentences_reason": NOT_MEASURED}


def test_sentences_are_quoted_only_while_their_words_are_known():
    evidence = {"sentences": [{"begin": 4, "end": 7}]}
    assert quoted(evidence, "Een zin.")["sentences"][0]["text"] == "zin"
    assert quoted(evidence, None)["sentences"][0]["text"] is None
    assert quoted({"sentences": None}, "Een zin.") == {"sentences": None}


def test_other_posts_beside_it_change_nothing(corpus, encoder, shipped_heads):
    alone = replace(
        corpus, posts=corpus.posts[:1], readings=corpus.readings[:1], languages=corpus.languages[:1],
        vectors=corpus.vectors[:1], signals=corpus.signals[:1],
    )  # fmt: skip
    both = explain_signals(corpus, encoder=encoder, heads=shipped_heads)
    assert explain_signals(alone, encoder=encoder, heads=shipped_heads) == both[:1]
