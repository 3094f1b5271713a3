"""What is answered at addresses that name nothing or are not for everybody: to people, and to programs."""

import msgspec
import pytest

from page_site import FILES, Site, make_build

PERSON = {"sec_fetch_mode": "navigate"}
PROBLEM = "application/problem+json"


@pytest.fixture
def site(tmp_path):
    return Site(make_build(tmp_path / "built"))


def check_page(answer, status):
    """The error is told by the page; the answer names nobody and is kept nowhere."""
    assert (answer.status, answer.body) == (status, FILES["index.html"])
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert not {"set-cookie", "etag"} & answer.headers.keys()


@pytest.mark.parametrize(
    "asking",
    [
        PERSON,
        {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"},
        {"accept": "text/html, */*"},
        {"accept": "application/json;q=0.9, Text/HTML"},
        {**PERSON, "accept": "*/*"},
        {**PERSON, "if_none_match": "*"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/nowhere", "/c/", "/c/a/b", "/api", "/.env"])
async def test_a_person_is_told_by_the_page_that_nothing_is_there(site, path, asking):
    check_page(await site.ask(path, **asking), 404)


@pytest.mark.parametrize(
    "asking",
    [
        {},
        {"accept": "*/*"},
        {"accept": "application/json"},
        {"accept": "text/html, application/json"},
        {"accept": "text/html;q=0.1, */*"},
        {"accept": "text/html;q=0"},
        {"sec_fetch_mode": "cors", "accept": "text/html"},
        {"sec_fetch_mode": "no-cors", "accept": "text/html, */*;q=0.8"},
    ],
    ids=str,
)
async def test_a_program_is_told_so_in_json(site, asking):
    for path in ("/nowhere", "/api/nowhere"):
        answer = await site.ask(path, **asking)
        assert (answer.status, answer.headers["content-type"]) == (404, PROBLEM)


async def test_what_is_below_the_api_is_for_programs(site):
    for path in ("/api/nowhere", "/health/nowhere", "/assets/missing.js"):
        answer = await site.ask(path, **PERSON)
        assert (answer.status, answer.headers["content-type"]) == (404, PROBLEM)
    assert (await site.ask("/api/page", "DELETE", **PERSON)).status == 405
    posted = await site.ask("/nowhere", "POST", content_length="0", **PERSON)
    assert (posted.status, posted.headers["content-type"]) == (404, PROBLEM)


async def test_without_a_build_people_are_told_in_json_too(tmp_path):
    site = Site(tmp_path / "missing")
    for path, status, asking in (("/nowhere", 404, {}), ("/status", 403, {"client": "192.0.2.7"})):
        answer = await site.ask(path, **PERSON, **asking)
        assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM)


# The figures page


LOCAL = [
    *({"client": address} for address in ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1")),
    {"host": "127.0.0.1:8000"},
    {"host": "[::1]:8000"},
    {"host": "localhost"},
    {"x_forwarded_for": "127.0.0.1"},
    {"forwarded": 'for="[::1]:4711";proto=http'},
    {"sec_fetch_site": "none"},
    {"sec_fetch_site": "same-origin", "origin": "http://localhost:8000"},
]
ELSEWHERE = [
    {"client": "192.0.2.7"},
    {"client": "::ffff:192.0.2.7"},
    {"client": "not an address"},
    {"x_forwarded_for": "192.0.2.7"},
    {"x_forwarded_for": "127.0.0.1, 192.0.2.7"},
    {"x_forwarded_for": "192.0.2.7:80"},
    {"x_forwarded_for": "unknown"},
    {"x_real_ip": "192.0.2.7"},
    {"forwarded": "for=192.0.2.7"},
    {"forwarded": 'for=127.0.0.1, For="[2001:db8::1]:80"'},
    {"forwarded": "for=_hidden"},
    {"host": "chat.example.org"},
    {"host": "localhost.evil.example"},
    {"host": "[::"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"origin": "http://localhost:5173"},
    {"origin": "null"},
]


@pytest.mark.parametrize("asking", LOCAL, ids=str)
async def test_who_is_at_the_machine_may_see_the_figures_page(site, asking):
    assert (await site.ask("/status", **asking)).status == 200


@pytest.mark.parametrize("asking", ELSEWHERE, ids=str)
async def test_who_may_be_elsewhere_may_not(site, asking):
    answer = await site.ask("/status", **asking)
    told = msgspec.json.decode(answer.body)
    assert (answer.status, told["code"]) == (403, "forbidden")
    assert "ssh -L" in told["detail"]
    check_page(await site.ask("/status", **asking, **PERSON), 403)


async def test_an_address_that_anybody_may_claim_proves_nothing(tmp_path):
    answer = await Site(make_build(tmp_path), believes_anyone=True).ask("/status")
    assert answer.status == 403
    assert b"ANTIPHON_TRUSTED_PROXIES" in answer.body
