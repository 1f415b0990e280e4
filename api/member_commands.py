"""Members on the command line: what they contributed, who is left out, who is erased."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from api.service_commands import migrated, say
from moderation.communities import community_of, find_community
from moderation.erasure import erase_community, erase_member
from moderation.errors import MemberUnknown, OutputUnwritable
from moderation.findings import find_findings, member_in
from moderation.left_out import count_again, leave_out, left_out_authors
from moderation.member_export import MemberLine, Period, lines_csv, member_lines, without_left_out
from moderation.tables import CommunityRow

members = typer.Typer(no_args_is_help=True, help="What members contributed, and who is left out of statistics.")

COMMAND_LINE = "command line"

_Slug = Annotated[str, typer.Option("--community", help="The community's short name, as in its addresses.")]
_Author = Annotated[str, typer.Argument(help="The member's author id.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@members.command("export")
def export_command(
    community: _Slug,
    since: Annotated[str | None, typer.Option("--from", help="A date there, or a time with offset; included.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="A date there, or a time with offset; left out.")] = None,
    format: Annotated[Literal["csv", "json"], typer.Option(help="How to write it.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="File to write; left out: standard output.")] = None,
) -> None:
    """Write what every member contributed in a period, counted and weighted, with the posts that show it.

    Example: klankbord members export --community mandeveld --from 2026-01-01 --to 2026-04-01 --out points.csv
    """
    with migrated() as database, database.transaction() as session:
        row = find_community(session, community)
        timezone = ZoneInfo(community_of(row).timezone)
        period = Period(read_day(since, timezone), read_day(until, timezone))
        findings = find_findings(session, row.id, "members")
        lines = member_lines(findings.contents, period, left_out=left_out_authors(session, row))
    written = lines_csv(lines) if format == "csv" else _as_json(lines)
    if out is None:
        sys.stdout.write(written)
        return
    try:
        out.write_text(written, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputUnwritable(f"{out}: {error.strerror}; choose another --out file") from error
    say(f"{len(lines)} members: {out}")


@members.command("show")
def show_command(author: _Author, community: _Slug, as_json: _AsJson = False) -> None:
    """Show one member's contributions, why some count for less, and signs of leaving.

    Example: klankbord members show m1008 --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        row = find_community(session, community)
        left_out = left_out_authors(session, row)
        if author in left_out:
            raise MemberUnknown("that member is in no statistics, at their own wish")
        entry = without_left_out(member_in(find_findings(session, row.id, "members"), author), left_out)
    if as_json:
        typer.echo(json.dumps(entry, ensure_ascii=False))
        return
    weighted = entry.get("weighted", {})
    for name, counted in entry.items():
        if name.startswith("n_") and isinstance(counted, int):
            typer.echo(f"{name}\t{counted}" + (f"\t{weighted[name]}" if name in weighted else ""))
    for reason, n in entry.get("lowered", {}).items():
        typer.echo(f"lowered\t{reason}\t{n}")
    leaving = entry.get("leaving")
    if leaving is not None:
        silent, usual = leaving["silent_days"], leaving["usual_gap_days"]
        typer.echo(f"may be leaving\tsilent for {silent} days, usually {usual}\t{leaving['p_silent_90_days']}")


@members.command("leave-out")
def leave_out_command(author: _Author, community: _Slug) -> None:
    """Leave a member out of all member statistics, at their own wish; their posts still count in topics.

    Example: klankbord members leave-out m1008 --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        leave_out(session, find_community(session, community), author, now=datetime.now(UTC))
    say("that member is left out from now on; the reports follow")


@members.command("count-again")
def count_again_command(author: _Author, community: _Slug) -> None:
    """Take the wish to be left out back.

    Example: klankbord members count-again m1008 --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        count_again(session, find_community(session, community), author)
    say("that member is counted again; the reports follow")


@members.command("left-out")
def left_out_command(community: _Slug, as_json: _AsJson = False) -> None:
    """List the members who are left out.

    Example: klankbord members left-out --community mandeveld
    """
    with migrated() as database, database.transaction() as session:
        author_ids = sorted(left_out_authors(session, find_community(session, community)))
    typer.echo(json.dumps(author_ids) if as_json else "\n".join(author_ids), nl=as_json or bool(author_ids))


def erase_command(
    community: _Slug,
    author: Annotated[str | None, typer.Argument(help="The author id of the member to erase.")] = None,
    whole_community: Annotated[
        str | None, typer.Option(help="Erase everything instead; give the community's short name once more.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Erase a member: posts, vectors, flags, decisions, quotes and every mention of the id. There is no way back.

    A later import does not bring the person back. With --whole-community the community itself is erased.

    Example: klankbord erase m1008 --community mandeveld
    """
    if (author is None) == (whole_community is None):
        raise typer.BadParameter("name a member, or repeat the community with --whole-community")
    if whole_community not in (None, community):
        raise typer.BadParameter(f"--whole-community says {whole_community}, --community says {community}")
    what = f"everything of {community}" if author is None else f"the member {author} from {community}"
    if not yes and not typer.confirm(f"Erase {what}? There is no way back."):
        raise typer.Abort
    with migrated() as database, database.transaction() as session:
        row = find_community(session, community)
        told = _erase_all(session, row) if author is None else _erase_one(session, row, author)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    say(f"{told['n_posts']:,} posts are erased, and what was made of them")
    for post_id in told.get("named_in_post_ids", ()):
        say(f"the name still stands in a post of somebody else: {post_id}")


def read_day(written: str | None, timezone: ZoneInfo) -> datetime | None:
    """A moment as somebody writes it: a date, from midnight in the community's time zone, or a time with offset."""
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise typer.BadParameter(f"{written}: write a date such as 2026-01-31, or a time with offset") from error
    return moment.replace(tzinfo=timezone) if moment.tzinfo is None else moment


def _erase_one(session: Session, community: CommunityRow, author: str) -> dict[str, Any]:
    erasure = erase_member(session, community, author, erased_by=COMMAND_LINE, now=datetime.now(UTC))
    return {
        "erasure_id": erasure.id,
        "n_posts": erasure.n_posts,
        "rows_deleted": erasure.rows_deleted,
        "rows_changed": erasure.rows_changed,
        "named_in_post_ids": erasure.named_in_post_ids,
    }


def _erase_all(session: Session, community: CommunityRow) -> dict[str, Any]:
    return {"n_posts": erase_community(session, community)}


def _as_json(lines: list[MemberLine]) -> str:
    return json.dumps([line.as_json() for line in lines], ensure_ascii=False, indent=1) + "\n"
