"""What all tests share."""

import os
from pathlib import Path, PurePath

import pytest

# The Node that `make` installed where the machine has none that is new enough.
os.environ["PATH"] = (
    f"{Path(__file__).parents[1] / '.node/bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
)

# What kills, pauses and counts processes while it watches the clock: beside other tests it would be measuring
# them. `make test` runs these after all others, one at a time.
ALONE = (
    "tests/chaos/*.py",
    "tests/contract/test_*_faults.py",
    "tests/acceptance/test_cluster.py",
    "tests/acceptance/test_supervisor.py",
    "tests/acceptance/test_workers.py",
)


# Files that take minutes: begun first, lest they go on alone while other processes have nothing left to do.
LONGEST = ("tests/acceptance/test_page.py",)


def of(item, patterns):
    return any(PurePath(item.path).match(pattern) for pattern in patterns)


def pytest_collection_modifyitems(items):
    for item in items:
        if of(item, ALONE):
            item.add_marker("alone")
    items.sort(key=lambda item: not of(item, LONGEST))


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory):
    """A new database at the newest schema, to be copied."""
    from antiphon.config import Settings
    from antiphon.database import migrate

    path = tmp_path_factory.mktemp("template") / "antiphon.db"
    migrate(Settings(database_url=f"sqlite:///{path}"))
    return path
