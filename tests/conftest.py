"""What all tests share."""

import pytest


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory):
    """A new database at the newest schema, to be copied."""
    from antiphon.config import Settings
    from antiphon.database import migrate

    path = tmp_path_factory.mktemp("template") / "antiphon.db"
    migrate(Settings(database_url=f"sqlite:///{path}"))
    return path
