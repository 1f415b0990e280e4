import os
import subprocess
import sys

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from moderation.db import MIGRATIONS, Database, migrate, open_database
from moderation.errors import DatabaseUnavailable
from moderation.settings import Settings
from tests.service import fresh_database


def test_the_migrations_make_the_tables(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = database.engine
    command.check(config)


def test_processes_that_migrate_at_once_wait_for_each_other(database: Database) -> None:
    with fresh_database(database) as one:
        with one.transaction() as session:
            session.execute(text("DROP SCHEMA public CASCADE"))
            session.execute(text("CREATE SCHEMA public"))
        url = one.url.render_as_string(hide_password=False)
        program = [sys.executable, "-m", "api.cli", "migrate"]
        environment = {**os.environ, "KLANKBORD_DATABASE_URL": url}
        processes = [subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        ends = [(process.communicate()[1], process.returncode) for process in processes]
        assert [code for _, code in ends] == [0, 0, 0], ends
        with one.transaction() as session:
            assert session.scalar(text("SELECT count(*) FROM posts")) == 0


def test_tables_of_a_newer_version_are_refused_with_the_remedy(database: Database) -> None:
    with fresh_database(database) as one:
        with one.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseUnavailable, match="newer version of Klankbord"):
            migrate(one)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "is no URL"),
        ("mysql://u@127.0.0.1/x", "only postgresql"),
        ("postgresql://u:secret@127.0.0.1:1/x", "no database at"),
    ],
)
def test_a_database_that_cannot_be_used_says_why_and_never_shows_the_password(url: str, said: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=said) as caught, open_database(Settings(database_url=url)):
        pass
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
