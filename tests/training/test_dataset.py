import json
from pathlib import Path

import numpy as np
import pytest

from models.signals import SIGNALS
from training.dataset import (
    N_FOLDS,
    SOURCES,
    WRITTEN_PAIRS,
    WRITTEN_TALK,
    Example,
    LabelSetsMissing,
    WrittenPostInvalid,
    as_columns,
    clean_tweet,
    read_examples,
    read_written,
    read_written_pairs,
)

WRITTEN_POSTS = Path(__file__).parents[2] / "training" / "data"


def written_line(**changes) -> str:
    record = {
        "id": "nl-1", "language": "nl", "industry": "bank", "title": None, "text": "Waar blijft mijn pas?",
        "role": "member", "labels": ["question"], "hard_case": None,
    }  # fmt: skip
    return json.dumps(record | changes, ensure_ascii=False)


def example(text: str, *, source: str = "written", group: str = "bank", labels=None, weak_labels=None) -> Example:
    return Example(text, "nl", source, group, labels or {}, weak_labels or {})


def test_signals_that_a_written_post_does_not_list_are_absent(tmp_path):
    (tmp_path / "posts-nl.jsonl").write_text(written_line(title="Pas kwijt") + "\n\n", encoding="utf-8")
    (post,) = read_written(tmp_path)
    assert "Pas kwijt" in post.text
    assert post.labels == {signal: float(signal == "question") for signal in SIGNALS}


@pytest.mark.parametrize("line", ["{", "[]", written_line(labels=["angry"]), json.dumps({"id": "nl-1"})])
def test_an_unusable_written_post_is_named_by_file_and_line(tmp_path, line):
    (tmp_path / "posts-nl.jsonl").write_text(f"{written_line()}\n{line}\n", encoding="utf-8")
    with pytest.raises(WrittenPostInvalid, match=r"posts-nl\.jsonl:2") as refusal:
        read_written(tmp_path)
    assert "\n" not in str(refusal.value)


def test_the_repositorys_own_posts_can_all_be_read():
    posts = read_written(WRITTEN_POSTS)
    assert {post.language for post in posts} >= {"nl", "en"}
    assert all(post.text for post in posts)


def test_contrast_pairs_are_a_source_of_their_own(tmp_path):
    (tmp_path / "pairs-nl.jsonl").write_text(written_line(), encoding="utf-8")
    assert read_written(tmp_path) == []
    (post,) = read_written_pairs(tmp_path)
    assert (post.source, post.group, post.labels["question"]) == (WRITTEN_PAIRS, "bank", 1.0)


def test_columns_do_not_depend_on_the_order_of_the_examples():
    examples = [example(f"tekst {i}", group=f"g{i % 7}", labels={"spam": float(i % 2)}) for i in range(40)]
    one, other = as_columns(examples), as_columns(reversed(examples))
    assert one.texts == other.texts
    np.testing.assert_array_equal(one.folds, other.folds)
    np.testing.assert_array_equal(one.targets, other.targets)


def test_a_group_is_never_on_both_sides_of_a_split():
    examples = [example(f"tekst {i}", group=f"g{i % 11}", labels={"spam": 1.0}) for i in range(200)]
    columns = as_columns(examples)
    group_of = {example.text: example.group for example in examples}
    folds: dict[str, set[int]] = {}
    for text, fold in zip(columns.texts, columns.folds, strict=True):
        folds.setdefault(group_of[text], set()).add(int(fold))
    assert all(len(here) == 1 for here in folds.values())
    assert set(columns.folds.tolist()) == set(range(N_FOLDS))


@pytest.mark.parametrize("source", [WRITTEN_TALK, WRITTEN_PAIRS])
def test_all_that_was_written_falls_in_the_fold_of_its_industry(source):
    posts = [example(f"post {i}", group=f"g{i % 11}", labels={"spam": 1.0}) for i in range(200)]
    talk = [example(f"reply {i}", source=source, group=f"g{i % 7}", weak_labels={"spam": 0.0}) for i in range(90)]
    columns = as_columns([*posts, *talk])
    folds: dict[str, set[int]] = {}
    for group, fold in zip(columns.groups, columns.folds, strict=True):
        folds.setdefault(group, set()).add(int(fold))
    assert all(len(here) == 1 for here in folds.values())


def test_a_judged_label_wins_over_a_weak_one_for_the_same_text():
    columns = as_columns(
        [
            example("Mooi zo!", source="xed", weak_labels={"negative": 1.0}),
            example("mooi zo", labels={"negative": 0.0}),
            example("…", labels={"negative": 0.0}),
        ]
    )
    assert columns.texts == ("mooi zo",)
    assert columns.targets[0, SIGNALS.index("negative")] == 0.0
    assert columns.judged[0, SIGNALS.index("negative")]


def test_what_a_set_does_not_say_is_unknown():
    columns = as_columns([example("een film", source="xed", weak_labels={"negative": 1.0})])
    assert np.isnan(columns.targets[0, SIGNALS.index("praise")])
    assert not columns.judged.any()


@pytest.mark.parametrize(("raw", "clean"), [
    ("@user bedankt &amp; tot ziens http", "bedankt & tot ziens"),
    ("niet\\u2019s https://t.co/x1 meer", "niet’s meer"),
    ("httpd werkt, zegt @username", "httpd werkt, zegt @username"),
])  # fmt: skip
def test_tweets_lose_masks_and_escapes_only(raw, clean):
    assert clean_tweet(raw) == clean


def test_missing_label_sets_are_named_in_one_line(tmp_path):
    with pytest.raises(LabelSetsMissing, match=r"umsab_sentiment_multi") as refusal:
        read_examples(data_folder=tmp_path, written_folder=WRITTEN_POSTS)
    assert "\n" not in str(refusal.value)


def test_only_open_sets_train(shared_data):
    examples = read_examples(data_folder=shared_data, written_folder=WRITTEN_POSTS)
    assert set(examples.sources) == set(SOURCES)
    assert len(set(examples.texts)) == len(examples)
    judged = {source for source, row in zip(examples.sources, examples.judged, strict=True) if row.any()}
    assert judged == {"written", "written pairs", "umsab"}
