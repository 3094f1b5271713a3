"""``ANTIPHON_SERVERS``: the servers that the page can be switched to."""

import pytest

from antiphon.config import SettingsError, load_settings
from antiphon.config_servers import COMPARED, MOST


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in ("HOST", "ANTIPHON_SERVERS", "ANTIPHON_TRUSTED_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_on_loopback_they_are_those_of_the_comparison():
    assert load_settings().other_servers == COMPARED
    assert load_settings({"host": "127.0.0.2"}).other_servers == COMPARED
    assert load_settings({"host": "0.0.0.0"}).other_servers == {}
    assert load_settings({"host": "chat.example"}).other_servers == {}
    assert load_settings({"servers": ""}).other_servers == {}


def test_they_are_named(monkeypatch):
    named = " Flask = http://localhost:5000/ ,Old one=https://old.example.org/chat/v1,"
    monkeypatch.setenv("ANTIPHON_SERVERS", named)
    told = load_settings().other_servers
    assert told == {"Flask": "http://localhost:5000", "Old one": "https://old.example.org/chat/v1"}


@pytest.mark.parametrize(
    "wrong",
    [
        "https://no-name.example",
        "=https://no-name.example",
        "x=",
        "x=ftp://files.example",
        "x=javascript:alert(1)",
        "x=//example.org",
        "x=https://",
        "x=https://user:word@example.org",
        "x=https://example.org?q=1",
        "x=https://example.org#part",
        "x=https://example.org?",
        "x=https://exa mple.org",
        "x=https://example.org;script-src",
        "x=https://*.example.org",
        "x=https://example.org/a;b",
        "x=https://example.org/ 'unsafe-inline'",
        "x=http://[::1]:5000",
        "x=http://localhost:port",
        "x=http://localhost:70000",
        f"{'x' * 41}=https://example.org",
        "x=https://a.example,x=https://b.example",
        ",".join(f"s{n}=https://s{n}.example" for n in range(MOST + 1)),
    ],
)
def test_what_a_policy_could_not_name_stops_the_start(wrong):
    with pytest.raises(SettingsError) as caught:
        load_settings({"servers": wrong})
    (line,) = str(caught.value).splitlines()
    assert line.startswith("ANTIPHON_SERVERS=")


@pytest.mark.parametrize(
    ("proxies", "anyone"),
    [
        ("127.0.0.1,::1", False),
        ("10.0.0.0/8", False),
        ("*", True),
        ("127.0.0.1, 0.0.0.0/0", True),
        ("::/0", True),
    ],
)
def test_whether_anybody_may_claim_any_address(proxies, anyone):
    assert load_settings({"trusted_proxies": proxies}).believes_anyone is anyone
