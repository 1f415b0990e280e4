"""Runs a command with KLANKBORD_DATABASE_URL set to a PostgreSQL server that the command did not start.

python .ci/on_separate_server.py .venv/bin/pytest tests/moderation
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from moderation.server import bundled_server

home = Path(tempfile.mkdtemp(prefix="klankbord-server-"))
home.chmod(0o755)  # as root, the server runs as another user
try:
    with bundled_server(home) as server:
        url = server.url.render_as_string(hide_password=False)
        done = subprocess.run(sys.argv[1:], env={**os.environ, "KLANKBORD_DATABASE_URL": url}, check=False)
finally:
    shutil.rmtree(home, ignore_errors=True)
sys.exit(done.returncode)
