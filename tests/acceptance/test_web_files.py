"""The built page as it is served, by a pod and behind nginx."""

import gzip
import re

import aiohttp
import pytest
from aiohttp import web

import sites
from antiphon.transports.pages import BUILT
from chaos.front import Front
from other_programs import NO_NGINX, lacking
from serving import Client

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture(params=sites.KINDS)
async def site(request, tmp_path):
    if not (BUILT / "index.html").exists():
        lacking("the web files are not built: run `make web`")
    if request.param == "fleet" and not Front.possible():
        lacking(NO_NGINX)
    async with sites.OPEN[request.param](tmp_path) as opened:
        yield opened


async def get(url, status=200, **headers):
    """Return an answer's headers and its body, as it came."""
    async with (
        aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=("Accept-Encoding",)) as http,
        http.get(url, headers=headers) as response,
    ):
        assert response.status == status, (url, await response.text())
        return response.headers, await response.read()


async def test_the_page_and_all_that_it_names_are_there(site):
    headers, page = await get(f"{site.url}/")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    names = re.findall(rb'(?:src|href)="(/[^"]+)"', page)
    assert any(name.startswith(b"/assets/") for name in names)
    for name in names:
        headers, body = await get(site.url + name.decode())
        assert body
        assert "Set-Cookie" not in headers
        assert (headers["Cache-Control"] == IMMUTABLE) == name.startswith(b"/assets/")
    assert (await get(f"{site.url}/c/ses_any"))[1] == page
    assert b"widget.js" in (await get(f"{site.url}/widget-demo"))[1]


async def test_a_script_is_encoded_once_and_good_for_ever(site):
    _, page = await get(f"{site.url}/")
    url = site.url + re.search(rb'src="(/assets/[^"]+\.js)"', page)[1].decode()
    plain, body = await get(url)
    assert "Content-Encoding" not in plain
    zipped, packed = await get(url, **{"Accept-Encoding": "gzip"})
    assert (zipped["Content-Encoding"], gzip.decompress(packed)) == ("gzip", body)
    brotli, smallest = await get(url, **{"Accept-Encoding": "gzip, deflate, br"})
    assert brotli["Content-Encoding"] == "br"
    assert len(smallest) < len(packed) < len(body)
    for headers in (plain, zipped, brotli):
        assert headers["Cache-Control"] == IMMUTABLE
        assert headers["Vary"] == "Accept-Encoding"
        assert headers.getall("X-Content-Type-Options") == ["nosniff"]
    again, nothing = await get(url, 304, **{"Accept-Encoding": "gzip", "If-None-Match": zipped["ETag"]})
    assert (again["ETag"], nothing) == (zipped["ETag"], b"")


async def test_a_document_is_asked_for_again_and_not_sent_again(site):
    for path in ("/", "/docs"):
        asked = {"Accept-Encoding": "gzip", "Cookie": "antiphon_guest=x"}
        headers, _ = await get(site.url + path, **asked)
        assert headers["Cache-Control"] == "private, no-cache"
        _, body = await get(site.url + path, 304, **asked, **{"If-None-Match": headers["ETag"]})
        assert body == b""


async def test_the_figures_page_is_for_those_at_the_machine(site):
    await get(f"{site.url}/status")
    async with Client(site.url) as client:
        assert (await client.call("GET", "/api/page"))["status"] is True
        away = {"X-Forwarded-For": "192.0.2.7"}
        # nginx tells who asked it, and no more of what the client says of itself.
        expected = 403 if site.kind == "embedded" else 200
        await get(f"{site.url}/status", expected, **away)


async def test_a_person_who_is_lost_gets_the_page_and_a_program_the_reason(site):
    _, page = await get(f"{site.url}/")
    headers, body = await get(f"{site.url}/nowhere", 404, Accept="text/html,*/*;q=0.8")
    assert body == page
    assert headers["Cache-Control"] == "no-store"
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers
    headers, _ = await get(f"{site.url}/nowhere", 404)
    assert headers["Content-Type"] == "application/problem+json"


async def test_behind_nginx_whatever_pod_has_a_file_answers(tmp_path):
    if not Front.possible():
        lacking(NO_NGINX)
    asked = []

    async def pod(has):
        async def answer(request):
            asked.append(has)
            return web.Response(text=has, status=200 if has in request.path else 404)

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        served = web.TCPSite(runner, "127.0.0.1", 0)
        await served.start()
        return runner, runner.addresses[0][1]

    pods = [await pod("old"), await pod("new")]
    front = Front(tmp_path / "nginx", [port for _, port in pods])
    await front.start()
    try:
        for _ in range(4):
            assert (await get(f"{front.url}/assets/index-old.js"))[1] == b"old"
            assert (await get(f"{front.url}/assets/index-new.js"))[1] == b"new"
        await get(f"{front.url}/assets/index-none.js", 404)
        assert len(asked) > 8, "some went to the one that did not have it first"
    finally:
        await front.close()
        for runner, _ in pods:
            await runner.cleanup()
