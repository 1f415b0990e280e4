import json
from collections import Counter
from pathlib import Path

import pytest

from training.labelled_replies import LABELS, REPLY_KINDS, LabelledPostMissing, read_labelled_replies
from training.measuring_sets import MeasuringSetMissing
from training.reply_draw import FILES, N_DRAWN, draw_pairs, exchanges, read_set

RECORDS = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
GUIDE = Path(__file__).parents[2] / "training" / "data" / "LABELLING.md"
FIELDS = {"set", "thread_id", "opening_id", "reply_id", "language", "kind", "weight", "note"}


@pytest.fixture(scope="module")
def labelled(shared_data):
    return read_labelled_replies(shared_data)


@pytest.fixture(scope="module")
def drawn(shared_data):
    return draw_pairs(shared_data)


def test_at_least_four_hundred_replies_of_three_sets():
    assert len(RECORDS) >= 400
    assert {record["set"] for record in RECORDS} == set(FILES)


def test_every_kind_is_one_of_the_guide():
    assert {record["kind"] for record in RECORDS} == set(REPLY_KINDS)
    replies = GUIDE.read_text(encoding="utf-8").split("## Replies")[1].split("| Borderline case")[0]
    assert all(f"| `{kind}` |" in replies for kind in REPLY_KINDS)


def test_no_reply_is_labelled_twice():
    assert max(Counter((record["set"], record["reply_id"]) for record in RECORDS).values()) == 1


def test_the_file_holds_ids_and_labels_only():
    assert all(set(record) <= FIELDS and len(record.get("note", "")) <= 80 for record in RECORDS)


def test_every_labelled_post_is_found(labelled):
    assert len(labelled) == len(RECORDS)
    for row, record in zip(labelled, RECORDS, strict=True):
        assert (row.opening.id, row.reply.id) == (record["opening_id"], record["reply_id"])
        assert row.first.thread_id == row.opening.thread_id == row.reply.thread_id == record["thread_id"]


def test_nobody_answers_themselves_and_no_opening_is_by_staff(labelled):
    for row in labelled:
        assert row.reply.author_id not in (row.first.author_id, row.opening.author_id)
        assert row.opening.role == "member"


def test_the_labels_are_those_of_the_draw(drawn):
    names = ("set", "thread_id", "opening_id", "reply_id", "weight")
    assert [[getattr(pair, name) for name in names] for pair in drawn] == [
        [record[name] for name in names] for record in RECORDS
    ]


@pytest.mark.parametrize("name", ["keytrade", "twcs"])
def test_weights_add_up_to_the_pairs_there_are(shared_data, drawn, name):
    n_pairs = sum(1 for _ in exchanges(read_set(shared_data, name)))
    n_drawn = sum(N_DRAWN[name].values())
    assert sum(pair.weight for pair in drawn if pair.set == name) == pytest.approx(n_pairs, abs=n_drawn * 5e-5)


def test_a_post_that_is_gone_is_named(shared_data, tmp_path):
    labels = tmp_path / "labels.jsonl"
    record = next(record for record in RECORDS if record["set"] == "keytrade")
    labels.write_text(json.dumps({**record, "reply_id": "gone"}), encoding="utf-8")
    with pytest.raises(LabelledPostMissing, match="keytrade: reply_id gone"):
        read_labelled_replies(shared_data, labels=labels)


def test_a_folder_without_the_sets_says_so(tmp_path):
    with pytest.raises(MeasuringSetMissing, match="keytrade"):
        read_labelled_replies(tmp_path)
