"""`klankbord serve` in a process of its own on a home that is thrown away, and a client of its API."""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[2]
SLUG = "benchmark"
START_SECONDS = 120
CALL_SECONDS = 60


class Serve:
    """The service on one home and one address; it can be killed and started again.

    Attributes
    ----------
    starts : how often it was started; each start writes a log of its own.
    """

    def __init__(self, home: Path, logs: Path) -> None:
        self.home, self._logs = home, logs
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait until it answers; returns the seconds."""
        begin = time.monotonic()
        self.starts += 1
        with (self._logs / f"serve-{self.starts:02}.log").open("wb") as log:
            command = [sys.executable, "-m", "api.cli", "serve", "--port", str(self._port)]
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment(self.home), stdout=log, stderr=log, start_new_session=True
            )
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - begin > START_SECONDS:
                raise RuntimeError(f"it does not start; see {log.name}")
            time.sleep(0.1)
        return time.monotonic() - begin

    def kill(self) -> None:
        """`kill -9`: server and worker are gone in the middle of whatever they were doing."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_database(self) -> None:
        """`kill -9` of the bundled PostgreSQL's first process."""
        status = self.home / "postgres" / "data" / "postmaster.pid"
        os.kill(int(status.read_text(encoding="utf-8").splitlines()[0]), signal.SIGKILL)

    def stop(self) -> None:
        """Let it end by itself."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=60)

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/healthz", timeout=2).status_code == 200
        except httpx2.TransportError:
            return False


class Client:
    """Calls the API of the one community, as one person where `moderator` names one."""

    def __init__(self, address: str, token: str, *, moderator: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        if moderator is not None:
            headers["Klankbord-Moderator"] = moderator
        self._http = httpx2.Client(
            base_url=f"{address}/v1/communities/{SLUG}", headers=headers, timeout=CALL_SECONDS, trust_env=False
        )
        self._address = address

    def call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One call, whatever its answer."""
        return self._http.request(method, path, **request)

    def post(self, path: str, **request: Any) -> Any:
        """The answer to a POST that has to succeed."""
        return self._http.post(path, **request).raise_for_status().json()

    def open_flags(self) -> list[dict[str, Any]]:
        """Every open item, over all pages."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            parameters = {"limit": 200, **({"cursor": cursor} if cursor else {})}
            page = self._http.get("/flags", params=parameters).raise_for_status().json()
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def n_waiting(self) -> int:
        """Posts that wait for their scores."""
        answer = httpx2.get(f"{self._address}/readyz", timeout=CALL_SECONDS, trust_env=False)
        return int(answer.json()["waiting_posts"])

    def wait_until_scored(self, *, seconds: float) -> None:
        """Wait until no post waits."""
        deadline = time.monotonic() + seconds
        while self.n_waiting():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.n_waiting()} posts still wait for their scores")
            time.sleep(0.25)


@contextmanager
def fresh_home() -> Iterator[Path]:
    """A home that the database's user can enter; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="klankbord-benchmark-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def serving(logs: Path) -> Iterator[tuple[Serve, str]]:
    """A running service and a key that may do everything in its community."""
    logs.mkdir(parents=True, exist_ok=True)
    with fresh_home() as home:
        serve = Serve(home, logs)
        serve.start()
        try:
            yield serve, create_key(home)
        finally:
            serve.stop()


def create_key(home: Path) -> str:
    """A key of the community, which is made with it."""
    command = [sys.executable, "-m", "api.cli", "keys", "create", "--community", SLUG, "--scope", "admin"]
    made = subprocess.run(command, cwd=ROOT, env=environment(home), check=True, capture_output=True, text=True)
    return made.stdout.strip()


def environment(home: Path) -> dict[str, str]:
    """This process's, with that home and the bundled database."""
    known = {name: text for name, text in os.environ.items() if not name.startswith("KLANKBORD_")}
    return {**known, "KLANKBORD_HOME": str(home)}


def read_records(files: Sequence[Path], n_posts: int) -> list[dict[str, Any]]:
    """The first records of some JSONL exports, with ids that differ between the files."""
    records: list[dict[str, Any]] = []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                if len(records) == n_posts:
                    return records
                record = json.loads(line)
                for name in ("id", "thread_id", "parent_id"):
                    if record.get(name) is not None:
                        record[name] = f"{file.name.partition('.')[0]}:{record[name]}"
                records.append(record)
    if len(records) < n_posts:
        raise ValueError(f"the files hold only {len(records):,} posts")
    return records


def quantiles(seconds: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median and 95th percentile (nearest rank)."""
    ordered = sorted(seconds)
    return {
        "n": len(ordered),
        "median": round(ordered[(len(ordered) - 1) // 2], digits),
        "p95": round(ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)], digits),
        "max": round(ordered[-1], digits),
    }
