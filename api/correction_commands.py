"""The command line's part about what moderators correct."""

import json
from typing import Annotated

import typer

from api.service_commands import migrated
from moderation.communities import find_community
from moderation.episode_corrections import export_corrections


def export_corrections_command(
    community: Annotated[str, typer.Option("--community", help="The community's short name, as in its addresses.")],
) -> None:
    """Write what moderators corrected about complaints, a JSON object a line, with the words that it is about.

    Example: klankbord export-corrections --community mandeveld > corrections.jsonl
    """
    with migrated() as database, database.transaction() as session:
        for line in export_corrections(session, find_community(session, community).id):
            typer.echo(json.dumps(line, ensure_ascii=False))
