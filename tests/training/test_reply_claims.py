import numpy as np
import pytest

from training.evaluate import Bench
from training.intervals import wilson_interval
from training.measuring_sets import MeasuringSetMissing
from training.reply_claims import JudgedReplies, measure_labelled_replies, measure_replies_in_written_pairs


def test_a_weighted_reply_counts_for_what_it_stands_for():
    judged = JudgedReplies(np.array([0, 0, 1, 2]), np.array([0, 1, 0, 2]), np.array([6.0, 2.0, 3.0, 100.0]))
    rows = np.arange(4)
    assert judged.precision(rows) == pytest.approx(6 / 9)
    assert judged.recall(rows) == pytest.approx(6 / 8)
    assert np.isnan(judged.precision(np.array([1, 3])))


def test_kept_figures_are_given_out_by_language(tmp_path, models):
    rows = list(measure_replies_in_written_pairs(Bench(tmp_path, models.encoder, models.heads)))
    assert {"Reply, answer, nl", "Reply, answer, en", "Return, recovered, nl"} <= {row.what for row in rows}
    for row in rows:
        assert row.low <= row.figure <= row.high
        assert (row.low, row.high) == wilson_interval(round(row.figure * row.n), row.n)


def test_without_the_sets_the_figures_are_missing(tmp_path, models):
    with pytest.raises(MeasuringSetMissing):
        list(measure_labelled_replies(Bench(tmp_path, models.encoder, models.heads)))
