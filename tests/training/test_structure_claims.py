import pytest

from training.challenge import CHALLENGE_SET, measure_challenge_set, read_challenge_set
from training.evaluate import evaluate
from training.measuring_sets import MeasuringSetMissing
from training.relevance_claims import RELEVANCE_CLAIMS
from training.structure_claims import STRUCTURE_CLAIMS


@pytest.mark.parametrize("claim", [*STRUCTURE_CLAIMS, *RELEVANCE_CLAIMS])
def test_a_claim_without_its_data_is_listed_as_such(claim, encoder, shipped_heads, tmp_path):
    (row,) = evaluate(tmp_path, encoder=encoder, heads=shipped_heads, report=lambda line: None, claims=[claim])
    assert row.figure is None
    assert row.note == "data not on this machine"


def test_the_challenge_set_is_made_of_pairs_that_differ_in_one_signal():
    items = read_challenge_set()
    assert len(items) >= 300
    pairs = {}
    for item in items:
        pairs.setdefault(item.pair, []).append(item)
    for one, other in pairs.values():
        assert one.signal == other.signal
        assert {one.is_present, other.is_present} == {True, False}
        assert all((item.signal in item.labels) == item.is_present for item in (one, other))


def test_the_challenge_set_is_in_no_training_file():
    texts = {item.text for item in read_challenge_set()}
    training = CHALLENGE_SET.parents[3] / "training" / "data"
    for path in training.glob("*.jsonl"):
        assert not any(text in path.read_text(encoding="utf-8") for text in texts)


def test_a_missing_challenge_set_says_where_it_belongs(tmp_path):
    with pytest.raises(MeasuringSetMissing, match="pairs"):
        read_challenge_set(tmp_path / "pairs.jsonl")


def test_every_phenomenon_is_scored_and_no_share_leaves_its_interval(encoder, shipped_heads, tmp_path):
    rows = evaluate(
        tmp_path, encoder=encoder, heads=shipped_heads, report=lambda line: None, claims=[measure_challenge_set]
    )
    phenomena = {item.phenomenon for item in read_challenge_set()}
    assert sum("pairs" in row.measure for row in rows) == len(phenomena)
    assert all(row.low <= row.figure <= row.high for row in rows)
