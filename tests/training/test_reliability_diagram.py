from dataclasses import replace

import pytest

from models.calibration import ReliabilityBin
from models.encoder import Encoder
from models.heads import HeadSet
from training.dataset import WRITTEN
from training.reliability_diagram import reliability_diagram

BINS = (ReliabilityBin(0.04, 0.05, 300), ReliabilityBin(0.52, 0.4, 20), ReliabilityBin(0.97, 1.0, 60))


@pytest.fixture(scope="module")
def diagram(encoder: Encoder) -> str:
    head = HeadSet.load(encoder_version=encoder.version).heads["negative_wom"]
    own = [row for row in head.validation if row.source == WRITTEN and row.language in ("nl", "en")]
    kept = [replace(row, bins=BINS) for row in own]
    return reliability_diagram(replace(head, validation=tuple(kept)))


def test_every_language_has_a_panel_that_says_its_posts(diagram: str) -> None:
    assert "written, nl (n = " in diagram
    assert "written, en (n = " in diagram
    assert "written, fr" not in diagram


def test_every_bin_is_a_point(diagram: str) -> None:
    assert diagram.count('aria-roledescription="circle"') == 2 * len(BINS)
