import json

import pytest

from models.sentences import Sentence
from training.evaluate import evaluate
from training.explanation_claims import MARKED_POSTS, MarkedPost, measure_explanations, read_marked_posts


def post_with(*marked):
    return MarkedPost(1, "test", "nl", "toxic", "x" * 100, marked)


@pytest.mark.parametrize(
    ("named", "is_right"),
    [((10, 30), True), ((10, 20), True), ((10, 19), False), ((0, 40), True), ((0, 41), False), ((40, 60), False)],
)
def test_a_sentence_cut_too_much_or_too_little_is_not_the_marked_one(named, is_right):
    assert post_with((10, 30)).is_marked(Sentence(*named)) is is_right


def test_one_sentence_over_two_marked_ones_is_right():
    assert post_with((0, 20), (20, 50)).is_marked(Sentence(0, 50))


def test_the_set_is_as_its_page_says():
    posts = read_marked_posts()
    assert len(posts) == 136
    assert sum(post.part == "test" for post in posts) == 92
    assert {post.part for post in posts if post.number % 3 == 0} == {"validation"}
    assert all(post.text.count(post.text[begin:end]) == 1 for post in posts for begin, end in post.marked)


def test_no_marked_post_is_one_that_heads_learn_from():
    """Exact text only: that nobody paraphrases them is a rule of the set, not something that can be tested."""
    learned = {
        json.loads(line)["text"]
        for path in (MARKED_POSTS.parents[2] / "training" / "data").rglob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and "text" in json.loads(line)
    }
    assert learned
    assert not learned & {post.text for post in read_marked_posts()}


def test_the_decisive_sentence_is_named_more_often_than_length_or_chance_do(tmp_path, encoder, shipped_heads):
    rows = evaluate(
        tmp_path, encoder=encoder, heads=shipped_heads, report=lambda line: None, claims=[measure_explanations]
    )
    of = {row.what.removeprefix("Explanation, "): row for row in rows}
    assert of["all"].n == 92
    assert of["all"].is_reached
    assert of["advantage over longest sentence"].low > 0
    assert of["advantage over chance"].low > 0.3
    assert {"nl", "en", "negative_wom", "toxic", "spam", "posts at their threshold"} < set(of)
