import os
from pathlib import Path

import pytest
from hypothesis import settings

from models.encoder import Encoder
from models.heads import HeadSet
from models.registry import load_encoder

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
