"""The README's promise, followed once from an export to the report with the real encoder and heads."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import SAMPLE, app
from moderation.reports.files import HASHED_FILES

FILES = {*HASHED_FILES, "run.json", "rejects.jsonl", "report.html"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The sample community, analysed by the command line."""
    out = tmp_path_factory.mktemp("report")
    arguments = ["analyse", str(SAMPLE / "posts.jsonl"), "--out", str(out), "--language", "nl"]
    arguments += ["--community", str(SAMPLE / "community.toml"), "--outside", str(SAMPLE / "outside.jsonl")]
    outcome = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    assert str(out / "report.html") in outcome.output
    return out


@pytest.fixture(scope="module")
def truth():
    lines = (SAMPLE / "ground_truth.jsonl").read_text(encoding="utf-8").splitlines()
    return {post["id"]: post for post in map(json.loads, lines)}


def document(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def posts(folder):
    return [json.loads(line) for line in (folder / "posts.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_file_is_there_and_nothing_else(report):
    assert {path.name for path in report.iterdir()} == FILES


def test_the_run_hash_is_the_sha256_of_the_files(report):
    digest = hashlib.sha256(b"".join((report / name).read_bytes() for name in HASHED_FILES))
    assert document(report, "run.json")["run_hash"] == digest.hexdigest()


def test_the_counts_add_up(report):
    run = document(report, "run.json")
    read = (SAMPLE / "posts.jsonl").read_text(encoding="utf-8").count("\n")
    assert run["posts"]["read"] + run["posts"]["rejected"] == read
    assert run["posts"]["analysed"] == len(posts(report)) == run["posts"]["by_kind"]["post"]
    topics = document(report, "topics.json")
    in_topics = sum(topic["size"] for topic in topics["topics"])
    assert in_topics + topics["unsorted"]["count"] == sum(
        post["unsorted_reason"] != "deleted" for post in posts(report)
    )


def test_every_post_of_five_words_has_every_signal(report):
    with_words = [post for post in posts(report) if post["null_reasons"].get("signals") != "no words"]
    complete = [post for post in with_words if None not in post["signals"].values()]
    assert len(complete) == len(with_words)


def test_a_missing_figure_has_a_reason_beside_it(report):
    for post in posts(report):
        for name in ("off_purpose", "off_thread"):
            assert (post[name] is None) == (name in post["null_reasons"])
        assert (post["topic_id"] is None) == (post["unsorted_reason"] is not None)


def test_flags_stay_in_their_lane_and_above_their_threshold(report):
    lanes = {
        "negative_wom": "answer",
        "unanswered_question": "answer",
        "off_purpose": "placement",
        "off_thread": "placement",
        "toxic": "review",
        "spam": "review",
    }
    flags = [flag for post in posts(report) for flag in post["flags"]]
    assert flags
    for flag in flags:
        assert flag["lane"] == lanes[flag["reason"]]
        assert flag["probability"] >= flag["threshold"]


def test_unhappy_members_of_the_sample_are_found_better_than_by_chance(report, truth):
    unhappy = [
        ("negative_wom" in truth[post["id"]]["labels"], post["signals"]["negative_wom"]) for post in posts(report)
    ]
    positives = [p for is_unhappy, p in unhappy if is_unhappy and p is not None]
    negatives = [p for is_unhappy, p in unhappy if not is_unhappy and p is not None]
    wins = sum(p > n for p in positives for n in negatives)
    assert wins / (len(positives) * len(negatives)) > 0.8


def test_the_page_needs_nothing_from_outside(report):
    page = (report / "report.html").read_text(encoding="utf-8")
    assert '<html lang="nl"' in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_shuffled_posts_give_the_same_run_hash(report, tmp_path):
    lines = (SAMPLE / "posts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(5).shuffle(lines)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_text("".join(lines), encoding="utf-8")
    out = tmp_path / "report"
    command = [
        sys.executable,
        "-m",
        "api.cli",
        "analyse",
        str(shuffled),
        "--out",
        str(out),
        "--threads",
        "1",
        "--batch-size",
        "7",
    ]
    command += ["--community", str(SAMPLE / "community.toml"), "--outside", str(SAMPLE / "outside.jsonl")]
    environment = {**os.environ, "PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    assert document(out, "run.json")["run_hash"] == document(report, "run.json")["run_hash"]


def test_a_missing_file_is_one_line_and_exit_code_1(tmp_path):
    command = [
        sys.executable,
        "-m",
        "api.cli",
        "analyse",
        str(tmp_path / "nothing.jsonl"),
        "--out",
        str(tmp_path / "out"),
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert outcome.returncode == 1
    assert "nothing.jsonl" in outcome.stderr
    assert "Traceback" not in outcome.stderr
