"""What ``antiphon doctor`` reports, and words that its parts share."""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from antiphon.stores.sql.migrate import HEAD

Level = Literal["ok", "warning", "problem"]

_MARKS = {"ok": "ok      ", "warning": "warning ", "problem": "PROBLEM "}
_SECRET_SETTING = re.compile(r"^(\w*(?:SECRET|KEY|TOKEN|PASSWORD)\w*=).*?(?=: )", re.MULTILINE | re.DOTALL)
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*@")


class Finding(msgspec.Struct, frozen=True):
    """One line of the report; ``advice`` says what to do about a warning or problem."""

    topic: str
    level: Level
    text: str
    advice: str = ""

    @property
    def line(self) -> str:
        """The finding for people."""
        line = f"{_MARKS[self.level]} {self.topic:<10} {self.text}\n"
        return line + (f"{'':20}→ {self.advice}\n" if self.advice else "")


Findings = Iterator[Finding]


def masked(text: str, url: str = "") -> str:
    """Return a text without the secrets of settings and addresses in it, and those of ``url``."""
    for one in url.split(","):
        with contextlib.suppress(ValueError):
            parts = urlsplit(one)
            # Without a password, a user is a token.
            secret = parts.password or (parts.username if parts.scheme in ("nats", "tls") else None)
            for shown in {secret, unquote(secret)} if secret else ():
                text = text.replace(shown, "…")
    return _PASSWORD_IN_URL.sub("://…@", _SECRET_SETTING.sub(r"\1…", text))


def place(url: str) -> str:
    """Return where an address leads, without who asks and with what password."""
    beyond = url.partition("://")[2]
    return beyond.rpartition("@")[2].partition("?")[0].rstrip("/") or "?"


def schema(where: str, revision: str | None, tables: int) -> Finding:
    """Tell whether a database is ours, and as new as this program."""
    if revision == HEAD:
        return Finding("database", "ok", f"{where}, schema {revision}, the newest")
    if revision is None and tables:
        advice = "Set DATABASE_URL to another one."
        return Finding("database", "problem", f"{where} belongs to another program", advice)
    if revision is None or revision < HEAD:
        advice = "Nothing: the next start, or `antiphon migrate`, brings it up to date."
        return Finding("database", "ok", f"{where}, schema {revision or 'none'}, to become {HEAD}", advice)
    text = f"{where} has schema {revision}, which is newer than this program's {HEAD}"
    return Finding("database", "problem", text, "Use the newer antiphon that made it.")


def user() -> str:
    """Return who we are to the system."""
    return f"user {os.getuid()}"


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004 - the next unit
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
