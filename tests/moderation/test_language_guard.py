import json

import numpy as np
import pytest

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.corpus import Corpus
from moderation.reports.split_section import refusal_words
from moderation.reports.wording import Wording
from moderation.subcommunities import propose_subcommunities
from tests.moderation.test_subcommunities import Sorted, planted_corpus


def dutch_and_english(*, share_in_own: float = 1.0, seed: int = 0) -> tuple[Corpus, Sorted]:
    """Two groups of 50 that hardly answer each other; each writes about both subjects, in a language of its own."""
    corpus, topics, group = planted_corpus(seed=seed)
    rng = np.random.default_rng(seed)
    own = np.array([group[int((post.author_id or "m0")[1:])] for post in corpus.posts])
    spoken = np.where(rng.random(len(own)) < share_in_own, own, 1 - own)
    thread = np.array([int(post.thread_id[1:]) for post in corpus.posts])
    corpus = Corpus(
        posts=corpus.posts,
        readings=corpus.readings,
        languages=tuple("nl" if number == 0 else "en" for number in spoken),
        vectors=corpus.vectors,
        signals=corpus.signals,
        thresholds={
            (signal, code): Threshold(0.5, "validated", 0.9, 0.6, 400) for signal in SIGNALS for code in ("nl", "en")
        },
    )
    return corpus, Sorted(1 + thread % 2, topics.terms)


@pytest.mark.parametrize("seed", range(3))
def test_a_dutch_and_english_divide_is_named_and_never_sold_as_one_of_subjects(seed: int) -> None:
    splits = propose_subcommunities(*dutch_and_english(seed=seed))
    assert splits["proposals"] == []
    assert splits["niches"] == []
    reasons = {refusal["reason"]: refusal for refusal in splits["refused"]}
    assert {"only_a_language_divide", "topics_do_not_differ"} <= set(reasons)
    figures = reasons["only_a_language_divide"]["figures"]
    assert figures["explained"] > 0.95 > figures["at_most"]
    assert reasons["only_a_language_divide"]["lacking"]["needed"] == figures["at_most"]
    json.dumps(splits, allow_nan=False)


def test_the_report_says_so_in_both_languages() -> None:
    splits = propose_subcommunities(*dutch_and_english())
    refusal = next(each for each in splits["refused"] if each["reason"] == "only_a_language_divide")
    dutch = refusal_words(refusal, Wording("nl", "Europe/Amsterdam"))
    assert dutch.startswith("De groepen zijn vooral taalgroepen")
    assert dutch.endswith("Nodig: taal of tijdstip verklaart hoogstens 40% van de indeling; nu 99%.")
    english = refusal_words(refusal, Wording("en", "Europe/Amsterdam"))
    assert english.startswith("The groups are mostly language groups")
    assert english.endswith("at most 40% of the division; now 99%.")


def test_groups_that_mix_their_languages_are_not_called_a_divide() -> None:
    splits = propose_subcommunities(*dutch_and_english(share_in_own=0.6))
    assert "only_a_language_divide" not in {refusal["reason"] for refusal in splits["refused"]}
