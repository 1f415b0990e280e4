"""The command line: `klankbord analyse EXPORT --out DIR` and the rest."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from api import correction_commands, member_commands, notice_commands, service_commands
from api.demo import serve_sample
from api.options import read_columns
from api.progress import BarProgress, LineProgress, open_progress
from models.errors import KlankbordError
from models.heads import HeadSet
from models.registry import load_encoder
from moderation.config import Community, load_community
from moderation.errors import OutputUnwritable
from moderation.explanations import EXPLAINED_POSTS
from moderation.pipeline import Analysis, Models, Request, analyse
from moderation.reports.files import run_summary, write_files, write_run
from moderation.reports.page import REPORT_LANGUAGES, write_page
from moderation.scoring import BATCH_SIZE
from training.challenge import measure_challenge_set
from training.evaluate import CLAIMS, evaluate, write_evaluation
from training.explanation_claims import measure_explanations
from training.fit import train_heads
from training.relevance_claims import RELEVANCE_CLAIMS
from training.reply_claims import REPLY_CLAIMS
from training.structure_claims import STRUCTURE_CLAIMS
from training.talk import train_talk_heads

PORT = service_commands.PORT
SAMPLE = Path(__file__).parents[1] / "examples" / "sample"
WRITTEN_POSTS = Path(__file__).parents[1] / "training" / "data"

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich", add_completion=False)


def main() -> None:
    """Run the command line; a known error is one line on standard error and exit code 1."""
    try:
        app()
    except KlankbordError as error:
        typer.echo(f"klankbord: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("klankbord: stopped", err=True)
        sys.exit(130)


@app.callback()
def klankbord() -> None:
    """Community moderation and relevance: topics, unhappy and waiting members, splits, and who answers how fast."""


@app.command(name="analyse")
def analyse_command(
    exports: Annotated[
        list[Path], typer.Argument(help="JSONL, CSV or a Discourse topic archive, plain or compressed.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report and its files; made if it is missing.")],
    community: Annotated[Path | None, typer.Option(help="TOML file with name, purpose, spaces, staff, hours.")] = None,
    outside: Annotated[list[Path] | None, typer.Option(help="Export of another channel to compare with.")] = None,
    language: Annotated[str, typer.Option(help="Language of the report: nl or en.")] = "en",
    column: Annotated[list[str] | None, typer.Option(help="For CSV: FIELD=COLUMN, as in text=Body.")] = None,
    encoder: Annotated[str, typer.Option(envvar="KLANKBORD_ENCODER", help="Model name or folder.")] = "bundled",
    heads: Annotated[
        Path | None, typer.Option(help="Folder with heads fitted for that model by klankbord train.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or a GPU such as cuda (needs klankbord[hub]).")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor cores to use; default all.")] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Texts per batch; changes memory and speed only.")
    ] = BATCH_SIZE,
    explain: Annotated[
        int, typer.Option(min=0, help="Flagged posts whose decisive sentences are named, the likeliest first.")
    ] = EXPLAINED_POSTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json on standard output.")] = False,
) -> None:
    """Read an export and write a report: topics, drift, splits, response times, members.

    Example: klankbord analyse posts.jsonl.gz --out report --community community.toml --language nl
    """
    _check_report_language(language)
    settings = load_community(community) if community else Community()
    with _progress() as progress:
        models = _load_models(encoder, heads, device=device, threads=threads, progress=progress)
        request = Request(exports, outside or (), read_columns(column), batch_size, n_explained=explain)
        analysis = analyse(request, settings, models, progress)
        asked = {
            "exports": [path.name for path in exports],
            "outside": [path.name for path in outside or ()],
            "community": settings.model_dump(mode="json"),
            "language": language,
            "explain": explain,
        }
        run = _write(analysis, out, settings=asked, language=language, progress=progress)
    if as_json:
        typer.echo(json.dumps(run, ensure_ascii=False))
    else:
        _print_summary(analysis, out)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Start the service; or only write the report and end.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the service; 0 = any that is free.")] = PORT,
    out: Annotated[Path, typer.Option(help="With --no-serve: folder for the report.")] = Path("report"),
    language: Annotated[str, typer.Option(help="With --no-serve: language of the report, nl or en.")] = "nl",
) -> None:
    """Start the service on the sample community that comes with Klankbord, ready to be worked.

    Example: klankbord demo
    """
    if serve:
        serve_sample(SAMPLE, port=port)
        return
    analyse_command(
        exports=[SAMPLE / "posts.jsonl"],
        out=out,
        community=SAMPLE / "community.toml",
        outside=[SAMPLE / "outside.jsonl"],
        language=language,
    )


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder with the open label sets (docs/data.md says where to get them).")],
    out: Annotated[Path, typer.Option(help="Folder for the heads and their cards.")],
    encoder: Annotated[str, typer.Option(envvar="KLANKBORD_ENCODER", help="Model name or folder.")] = "bundled",
) -> None:
    """Fit the heads on open data and on the posts and replies written for this project, and write their cards.

    Example: klankbord train --data label-sets --out heads
    """
    with _progress() as progress:
        loaded = load_encoder(encoder, report=progress.note)
        heads = train_heads(
            data_folder=data, written_folder=WRITTEN_POSTS, encoder=loaded, out_folder=out, report=progress.note
        )
        train_talk_heads(
            written_folder=WRITTEN_POSTS, encoder=loaded, heads=heads, out_folder=out, report=progress.note
        )


@app.command(name="evaluate")
def evaluate_command(
    data: Annotated[Path, typer.Option(help="Folder with the measuring data.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/evaluation.md"),
    encoder: Annotated[str, typer.Option(envvar="KLANKBORD_ENCODER", help="Model name or folder.")] = "bundled",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows on standard output.")] = False,
) -> None:
    """Measure every figure that this version claims, on data that no head was trained on.

    Example: klankbord evaluate --data measuring-data
    """
    with _progress() as progress:
        loaded = load_encoder(encoder, report=progress.note)
        heads = HeadSet.load(encoder_version=loaded.version)
        rows = evaluate(
            data,
            encoder=loaded,
            heads=heads,
            report=progress.note,
            claims=(
                *CLAIMS,
                measure_challenge_set,
                measure_explanations,
                *STRUCTURE_CLAIMS,
                *RELEVANCE_CLAIMS,
                *REPLY_CLAIMS,
            ),
        )
        write_evaluation(
            rows, out, encoder_version=loaded.version, head_versions=heads.versions, made_on=datetime.now(tz=UTC).date()
        )
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        typer.echo(f"{len(rows)} figures: {out}")


app.command(name="serve")(service_commands.serve)
app.command(name="worker")(service_commands.worker)
app.command(name="migrate")(service_commands.migrate_command)
app.command(name="import")(service_commands.import_command)
app.command(name="export-corrections")(correction_commands.export_corrections_command)
app.add_typer(service_commands.keys, name="keys")
app.add_typer(service_commands.moderators, name="moderators")
app.add_typer(notice_commands.webhooks, name="webhooks")
app.add_typer(notice_commands.digest, name="digest")
app.add_typer(member_commands.members, name="members")
app.command(name="erase")(member_commands.erase_command)


@contextmanager
def _progress() -> Iterator[BarProgress | LineProgress]:
    progress = open_progress()
    try:
        yield progress
    finally:
        progress.close()


def _load_models(
    name: str, heads: Path | None, *, device: str, threads: int | None, progress: BarProgress | LineProgress
) -> Models:
    encoder = load_encoder(name, device=device, n_threads=threads, report=progress.note)
    return Models(encoder, HeadSet.load(heads, encoder_version=encoder.version))


def _check_report_language(language: str) -> None:
    if language not in REPORT_LANGUAGES:
        raise typer.BadParameter(f"{language}: the report is written in {' or '.join(REPORT_LANGUAGES)}")


def _write(
    analysis: Analysis, out: Path, *, settings: dict[str, Any], language: str, progress: BarProgress | LineProgress
) -> dict[str, Any]:
    """Write every file of the analysis; run.json comes last, so a folder that has one is complete."""
    progress.start("report", None)
    start = perf_counter()
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "run.json").unlink(missing_ok=True)
        run_hash = write_files(analysis, out)
        run = run_summary(analysis, run_hash=run_hash, settings=settings, version=version("klankbord"))
        write_page(analysis, run, out / "report.html", language=language)
        run["seconds"]["report"] = round(perf_counter() - start, 3)
        run["seconds"]["total"] = round(sum(s for stage, s in run["seconds"].items() if stage != "total"), 3)
        write_run(run, out)
    except OSError as error:
        raise OutputUnwritable(f"{error.filename or out}: {error.strerror}; choose another --out folder") from error
    progress.finish("report", run["seconds"]["report"])
    return run


def _print_summary(analysis: Analysis, out: Path) -> None:
    counts, episodes = analysis.export.counts, analysis.response_times["episodes"]
    n_open = sum(1 for episode in episodes if episode["first_answer_at"] is None and episode["censored"] == "end")
    unsorted = analysis.topics["unsorted"]
    typer.echo(
        "\n".join(
            [
                f"{counts.read:,} posts read, {counts.rejected:,} lines refused"
                + (f" (see {out / 'rejects.jsonl'})" if counts.rejected else ""),
                f"{len(analysis.topics['topics'])} topics; {unsorted['share']:.0%} of the posts belong to none",
                f"{len(episodes)} negative episodes, {n_open} still without an answer; "
                f"{len(analysis.response_times['unanswered_questions'])} questions wait",
                f"{len(analysis.drift['lines'])} changes worth reading, "
                f"{len(analysis.splits['proposals'])} proposals to split",
                f"The report: {out / 'report.html'}",
            ]
        )
    )


if __name__ == "__main__":
    main()
