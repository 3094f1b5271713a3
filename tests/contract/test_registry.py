"""Whatever is registered is tested, and imports."""

import pytest

from antiphon import registry
from backends import BUSES, CACHES, LIMITERS, LOGS, PRESENCES, STORES

TABLES = {name: table for name, table in vars(registry).items() if name.isupper()}


def test_every_back_end_has_its_contract_tests():
    assert set(STORES) == set(registry.STORES)
    assert set(LOGS) == set(registry.LOGS)
    assert set(BUSES) == set(registry.BUSES)
    assert set(LIMITERS) == set(registry.LIMITERS)
    assert set(PRESENCES) == set(registry.PRESENCES)
    assert set(CACHES) == set(registry.CACHES)


@pytest.mark.parametrize(("table", "name"), [(t, n) for t in TABLES for n in TABLES[t]])
def test_every_entry_imports(table, name):
    assert callable(registry.load(TABLES[table], name))
