import os
from pathlib import Path

import pytest

SHARED_DATA = Path(os.environ.get("KLANKBORD_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("the measuring data are not on this machine (set KLANKBORD_SHARED_DATA)")
    return SHARED_DATA
