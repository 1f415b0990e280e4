import json

import pytest
from typer.testing import CliRunner

from api.cli import app


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])


COMMANDS = ("analyse", "demo", "train", "evaluate", "serve", "worker", "migrate", "import", "keys create", "keys list")
MORE_COMMANDS = ("keys revoke", "moderators add", "moderators disable")


@pytest.mark.parametrize("command", [*COMMANDS, *MORE_COMMANDS])
def test_every_command_has_help_with_an_example(run, command):
    outcome = run(*command.split(), "--help")
    assert outcome.exit_code == 0
    assert "Example: klankbord" in outcome.output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("analyse", "posts.jsonl", "--out", "out", "--language", "de"), "nl or en"),
        (("analyse", "posts.csv", "--out", "out", "--column", "text"), "FIELD=COLUMN"),
        (("analyse", "posts.jsonl"), "--out"),
        (("demo", "--port", "70000"), "--port"),
        (("keys", "create", "--community", "c", "--scope", "everything"), "--scope"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what_is_right(run, arguments, word):
    outcome = run(*arguments)
    assert outcome.exit_code == 2
    assert word in outcome.output


def test_a_folder_that_cannot_be_written_is_named(run, tmp_path):
    export, blocked = tmp_path / "posts.jsonl", tmp_path / "taken"
    post = {"id": "1", "thread_id": "1", "created_at": "2026-01-01T00:00:00Z", "text": "Waar blijft mijn pakket?"}
    export.write_text(json.dumps(post), encoding="utf-8")
    blocked.write_text("a file where the folder should be", encoding="utf-8")
    outcome = run("analyse", export, "--out", blocked)
    assert outcome.exit_code == 1
    assert "taken" in str(outcome.exception)


def test_one_post_is_analysed_and_says_what_it_is_too_few_for(run, tmp_path):
    export, out = tmp_path / "posts.jsonl", tmp_path / "out"
    post = {"id": "1", "thread_id": "1", "created_at": "2026-01-01T00:00:00Z", "text": "Waar blijft mijn pakket nou?"}
    export.write_text(json.dumps(post), encoding="utf-8")
    outcome = run("analyse", export, "--out", out, "--json")
    assert outcome.exit_code == 0, outcome.output
    (analysed,) = map(json.loads, (out / "posts.jsonl").read_text(encoding="utf-8").splitlines())
    assert analysed["topic_id"] is None
    assert analysed["unsorted_reason"] == "too few posts"
    assert analysed["null_reasons"]["off_purpose"] == "too few posts to know the purpose"
    assert None not in analysed["signals"].values()
    assert json.loads((out / "drift.json").read_text(encoding="utf-8"))["lines"] == []
    assert json.loads((out / "splits.json").read_text(encoding="utf-8"))["proposals"] == []
