import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.encoder import Encoder
from models.heads import HeadSet
from models.registry import load_encoder
from moderation.communities import save_community
from moderation.config import Community
from moderation.db import Database, migrate, open_database
from moderation.pipeline import Models
from moderation.settings import Settings
from moderation.tables import CommunityRow

# A busy machine is no failure, and a red run must be red again when it is repeated.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

SHARED_DATA = Path(os.environ.get("KLANKBORD_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("the measuring data are not on this machine (set KLANKBORD_SHARED_DATA)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def encoder(model_cache: Path) -> Encoder:
    return load_encoder(cache_dir=model_cache)


@pytest.fixture(scope="session")
def shipped_heads(encoder: Encoder) -> HeadSet:
    return HeadSet.load(encoder_version=encoder.version)


@pytest.fixture(scope="session")
def models(encoder: Encoder, shipped_heads: HeadSet) -> Models:
    return Models(encoder, shipped_heads)


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """An empty, migrated database: on the server of KLANKBORD_DATABASE_URL, else on a bundled one of its own."""
    url = os.environ.get("KLANKBORD_DATABASE_URL")
    # Not below pytest's own folder: that is closed to the user that PostgreSQL runs as when the tests run as root.
    home = Path(tempfile.mkdtemp(prefix="klankbord-tests-"))
    home.chmod(0o755)
    try:
        with open_database(Settings(home=home, database_url=url)) as server:
            name = f"klankbord_test_{uuid4().hex[:12]}"
            _outside_transactions(server, f"CREATE DATABASE {name}")
            one = Database(server.url.set(database=name))
            try:
                migrate(one)
                yield one
            finally:
                one.close()
                _outside_transactions(server, f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _outside_transactions(server: Database, statement: str) -> None:
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session whose changes are rolled back after the test; its own commits are savepoints."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        transaction.rollback()


@pytest.fixture
def community(session: Session) -> CommunityRow:
    return save_community(session, f"community-{uuid4().hex[:8]}", Community(name="Proef", staff=("s1",)))
