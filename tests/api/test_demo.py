import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from api.demo import MODERATOR, PASSWORD, SLUG


@pytest.fixture
def home() -> Iterator[Path]:
    """Not below pytest's own folder: as root, the database runs as another user."""
    with tempfile.TemporaryDirectory(prefix="klankbord-demo-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_demo_opens_on_a_queue_that_can_be_worked_and_leaves_nothing_behind(home: Path, model_cache: Path) -> None:
    environment = {**os.environ, "KLANKBORD_HOME": str(home), "KLANKBORD_CACHE": str(model_cache)}
    program = [sys.executable, "-m", "api.cli", "demo", "--port", "0"]
    with subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stderr is not None
        said = []
        for line in demo.stderr:
            said.append(line)
            if "Ctrl-C" in line:
                break
        address = next(line.split()[-1] for line in said if line.startswith("The queue:"))
        base = address.removesuffix(f"/c/{SLUG}/queue")
        try:
            with httpx2.Client(base_url=base, follow_redirects=True) as browser:
                form = browser.get("/sign-in", params={"community": SLUG}).text
                token = form.split('name="csrf" value="')[1].split('"')[0]
                known = {"community": SLUG, "name": MODERATOR, "password": PASSWORD, "csrf": token}
                queue = browser.post("/sign-in", data=known)
                assert queue.url.path == f"/c/{SLUG}/queue"
                assert queue.text.count("<article") >= 10
                assert browser.get(f"/c/{SLUG}/report").status_code == 200
        finally:
            demo.send_signal(signal.SIGTERM)
        demo.wait(timeout=30)
    assert not (home / "demo" / "postgres" / "data" / "postmaster.pid").exists()
