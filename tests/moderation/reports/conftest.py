import pytest
from report_fixtures import sample_analysis


@pytest.fixture(scope="session")
def sample():
    return sample_analysis()
