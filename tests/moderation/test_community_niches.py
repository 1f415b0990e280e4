import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from moderation.assignments import assign_topics
from moderation.config import load_community
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.pipeline import Models
from moderation.scoring import read_posts, score_posts
from moderation.subcommunities import propose_subcommunities
from tests.moderation.split_corpus import corpus_of, written

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"


@pytest.fixture(scope="module")
def sample(models: Models) -> tuple[Corpus, dict[str, Any]]:
    """The sample community, and what is proposed for it."""
    community = load_community(SAMPLE / "community.toml")
    export = read_exports([SAMPLE / "posts.jsonl"], staff=frozenset(community.staff))
    read = read_posts(export.posts, languages=community.languages)
    corpus = score_posts(read, models.encoder, models.heads, batch_size=64, advance=lambda n_done: None).corpus
    return corpus, propose_subcommunities(corpus, assign_topics(corpus), community=community)


@pytest.fixture(scope="module")
def subject_of() -> dict[str, str]:
    lines = (SAMPLE / "ground_truth.jsonl").read_text(encoding="utf-8").splitlines()
    return {truth["id"]: truth["subject"] for truth in map(json.loads, lines)}


def main_subject(corpus: Corpus, author_id: str, subject_of: dict[str, str]) -> str:
    counts = Counter(subject_of[post.id] for post in corpus.posts if post.author_id == author_id)
    return counts.most_common(1)[0][0]


def test_the_bakers_are_proposed_and_the_two_busy_topics_are_not(
    sample: tuple[Corpus, dict[str, Any]], subject_of: dict[str, str]
) -> None:
    corpus, splits = sample
    [niche] = splits["niches"]
    subjects = Counter(main_subject(corpus, author_id, subject_of) for author_id in niche["author_ids"])
    assert subjects["sourdough"] >= 0.9 * niche["n_authors"]
    bakers = Counter(post.author_id for post in corpus.posts if subject_of[post.id] == "sourdough")
    regular = {author_id for author_id, n in bakers.items() if author_id is not None and n >= 4}
    assert len(regular & set(niche["author_ids"])) >= 0.85 * len(regular)
    assert sum(subjects[busy] for busy in ("points", "app", "coupons")) <= 1
    assert all(post_id in subject_of for post_id in niche["evidence_post_ids"])
    assert {subject_of[post_id] for post_id in niche["evidence_post_ids"]} == {"sourdough"}


def test_a_niche_says_what_serves_it_now_and_whether_it_could_meet(sample: tuple[Corpus, dict[str, Any]]) -> None:
    _, splits = sample
    [niche] = splits["niches"]
    assert niche["spaces"]["space"] == "recepten"
    assert niche["spaces"]["share_of_niche"] > 0.95
    assert niche["spaces"]["share_of_space"] < 0.8
    assert "brood" in niche["spaces"]["named_in_purpose"]
    assert niche["meeting"]["is_candidate"]
    # Three bakers name a place, each another: nobody can be invited somewhere on that.
    assert (niche["meeting"]["place"], niche["meeting"]["place_reason"]) == (None, "not_said_by_enough_members")
    assert niche["meeting"]["n_members_with_a_place"] >= 2
    assert {each["language"] for each in niche["languages"]} >= {"nl", "en"}
    assert niche["places"] == {"size": 1, "cohesion": 1, "growth": 1, "served": 1}


def test_groups_that_come_near_say_what_they_lack(sample: tuple[Corpus, dict[str, Any]]) -> None:
    _, splits = sample
    assert splits["niches_refused"]
    for group in splits["niches_refused"]:
        assert group["gates"]
        assert all(gate["passed"] is False for gate in group["gates"])


def test_a_space_whose_season_is_over_is_to_be_revived(sample: tuple[Corpus, dict[str, Any]]) -> None:
    _, splits = sample
    assert [quiet["spaces"] for quiet in splits["revive"]] == [["spaarzegels"]]


def test_the_parts_of_the_proposal_are_described(sample: tuple[Corpus, dict[str, Any]]) -> None:
    _, splits = sample
    [proposal] = splits["proposals"]
    assert proposal["between"] == [{"parts": [0, 1], "conductance": pytest.approx(proposal["conductance"], abs=1e-4)}]
    for part in proposal["parts"]:
        assert part["trend"]["posts"]["interval"][0] <= part["trend"]["posts"]["ratio"]
        assert 0.9 < part["cohesion"]["ties_inside"] <= 1
        assert part["stayed"]["n"] > 20
        assert part["answered"]["share"] is not None
        alone = part["if_it_goes"]["group"]
        assert alone["posts_a_week"]["then"] <= alone["posts_a_week"]["now"] == part["posts_a_week"]
        assert alone["active_members"]["now"] == part["n_active_authors"]
        assert set(part["bridging_author_ids"]) <= set(part["author_ids"])
    bridging = [author_id for part in proposal["parts"] for author_id in part["bridging_author_ids"]]
    assert sorted(bridging) == sorted(proposal["bridging_author_ids"])


def test_members_without_an_author_form_no_niche() -> None:
    corpus = corpus_of([written(number, number, None) for number in range(5)])
    splits = propose_subcommunities(corpus, assign_topics(corpus))
    assert (splits["niches"], splits["niches_refused"]) == ([], [])
