"""Where the real servers are: environment variables, or what ``make services`` wrote."""

import os
from pathlib import Path

from other_programs import lacking

FILE = Path(__file__).parents[2] / ".services.env"


def addresses():
    """Return every known address by name; the environment goes before the file."""
    found = {}
    if FILE.exists():
        found = dict(line.split("=", 1) for line in FILE.read_text().splitlines() if "=" in line)
    return found | {name: value for name, value in os.environ.items() if name.endswith("_URL")}


def need(name):
    """Return an address, or skip the test; in CI a missing server is a failure."""
    address = addresses().get(name)
    if address is None:
        lacking(f"needs {name}: run `make services`")
    return address
