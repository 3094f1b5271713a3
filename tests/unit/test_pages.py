"""What is served of the built web files, and under which headers."""

import gzip

import msgspec
import pytest

from antiphon.transports.web_files import best_encoding, read_files
from page_site import FILES, OTHERS, SCRIPT, Site, make_build

ASSET = "/assets/index-abc123.js"


@pytest.fixture
def folder(tmp_path):
    return make_build(tmp_path / "built")


@pytest.fixture
def site(folder):
    return Site(folder)


# Which encoding


@pytest.mark.parametrize(
    ("accepted", "best"),
    [
        ([], "identity"),
        ([""], "identity"),
        (["gzip, deflate, br, zstd"], "br"),
        (["gzip"], "gzip"),
        (["x-gzip"], "gzip"),
        (["GZIP;Q=1, br;q=0.9"], "gzip"),
        (["br;q=0, gzip;q=0.1"], "gzip"),
        (["*"], "br"),
        (["*;q=0.5, br;q=0"], "gzip"),
        (["identity;q=1, br;q=0.5"], "identity"),
        (["identity"], "identity"),
        (["gzip;q=0"], "identity"),
        (["identity;q=0"], "identity"),
        (["br;q=nonsense, gzip"], "gzip"),
        (["br;q=7, gzip;q=0.2"], "gzip"),
        (["br ; q=0.2", "gzip ; q=0.3"], "gzip"),
        ([",;,=;q=,"], "identity"),
    ],
)
def test_the_best_encoding_is_the_one_liked_best(accepted, best):
    assert best_encoding(accepted, {"identity": b"", "gzip": b"", "br": b""}) == best


def test_what_the_build_did_not_make_is_not_chosen():
    assert best_encoding(["br, gzip;q=0.5"], {"identity": b"", "gzip": b""}) == "gzip"
    assert best_encoding(["br"], {"identity": b"", "gzip": b""}) == "identity"


def test_variants_are_of_their_file_and_hidden_files_are_none(folder):
    found = read_files(folder)
    assert found.keys() == {n for n in FILES if n[0] != "." and not n.endswith((".js.gz", ".js.br"))}
    assert found["assets/index-abc123.js"].bodies.keys() == {"identity", "gzip", "br"}
    assert read_files(folder / "missing") == {}


async def test_an_asset_is_sent_as_the_build_encoded_it(site):
    plain, zipped = await site.ask(ASSET), await site.ask(ASSET, accept_encoding="gzip")
    assert (plain.status, plain.body, plain.headers["content-type"]) == (
        200,
        SCRIPT,
        "text/javascript; charset=utf-8",
    )
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(zipped.body) == SCRIPT
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["content-length"] == str(len(zipped.body))
    brotli = await site.ask(ASSET, accept_encoding="gzip, br")
    assert (brotli.body, brotli.headers["content-encoding"]) == (b"as if brotli", "br")
    for answer in (plain, zipped, brotli):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len({answer.headers["etag"] for answer in (plain, zipped, brotli)}) == 3


# Copies that are still good


@pytest.mark.parametrize("path", ["/", ASSET, "/widget.js", "/docs"])
async def test_a_copy_that_is_good_is_not_sent_again(site, path):
    first = await site.ask(path, accept_encoding="gzip")
    tag = first.headers["etag"]
    for sent in (tag, f"W/{tag}", f'"old", {tag}', "*"):
        again = await site.ask(path, accept_encoding="gzip", if_none_match=sent)
        assert (again.status, again.body) == (304, b""), sent
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["vary"] == "Accept-Encoding"
        assert "content-encoding" not in again.headers
        assert again.headers.get("content-security-policy") == first.headers.get("content-security-policy")
    assert (await site.ask(path, if_none_match='"old"')).status == 200


async def test_a_copy_with_another_policy_is_not_good(site, folder):
    tag = (await site.ask("/")).headers["etag"]
    changed = await Site(folder, servers={"New": "https://new.example"}).ask("/", if_none_match=tag)
    assert changed.status == 200
    assert "https://new.example" in changed.headers["content-security-policy"]


async def test_a_process_serves_one_build(site, folder):
    (folder / "index.html").write_text("of the next build")
    (folder / "assets/index-abc123.js").unlink()
    assert (await site.ask("/")).body == FILES["index.html"]
    assert (await site.ask(ASSET)).body == SCRIPT


@pytest.mark.parametrize("path", ["/assets/index-of-another-pod.js", "/icons/none.svg"])
async def test_no_cache_keeps_that_a_file_is_not_there(site, path):
    answer = await site.ask(path)
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers


# Which addresses there are


@pytest.mark.parametrize("path", ["/", "/c/ses_1", "/board", "/status"])
async def test_the_page_is_one_document_at_all_its_addresses(site, path):
    answer = await site.ask(path)
    assert (answer.status, answer.body) == (200, FILES["index.html"])
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" in answer.headers, "one guest, however many requests the page then makes at once"


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/widget-demo.html",
        "/assets/",
        "/assets/missing.js",
        "/assets/../index.html",
        "/assets/../../pages.py",
        "/assets//etc/passwd",
        "/assets/..%2f..%2fpages.py",
        "/assets/index-abc123.js.br",
        "/assets/index-abc123.js/",
        "/icons/../sw.js",
        "/.vite/manifest.json",
        "/../static/docs.html",
        "/c/",
        "/c/a/b",
    ],
)
async def test_nothing_else_is_found(site, path):
    answer = await site.ask(path)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/", ASSET, "/widget.js", "/api/page"])
async def test_files_are_only_read(site, path):
    answer = await site.ask(path, "POST", content_length="0")
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/", ASSET, "/widget.js", "/icons/icon.svg"])
async def test_head_tells_what_get_would(site, path):
    get, head = await site.ask(path), await site.ask(path, "HEAD")
    told = ("content-length", "content-type", "etag", "cache-control")
    assert head.status == 200
    assert [head.headers[name] for name in told] == [get.headers[name] for name in told]


async def test_the_worker_and_what_else_has_no_hash_is_asked_for_again(site):
    worker = await site.ask("/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["service-worker-allowed"] == "/"
    assert "connect-src 'self'" in worker.headers["content-security-policy"]
    manifest = await site.ask("/manifest.webmanifest")
    assert manifest.headers["cache-control"] == "no-cache"
    assert manifest.headers["content-type"] == "application/manifest+json"
    icon = await site.ask("/icons/icon.svg")
    assert (icon.headers["cache-control"], icon.headers["content-type"]) == (
        "public, max-age=86400",
        "image/svg+xml",
    )


@pytest.mark.parametrize("path", [ASSET, "/widget.js", "/icons/icon.svg", "/sw.js"])
async def test_what_caches_may_share_carries_no_cookie(site, path):
    assert "set-cookie" not in (await site.ask(path)).headers


async def test_without_a_build_the_page_says_what_to_do(tmp_path):
    site = Site(tmp_path / "missing")
    for path in ("/", "/c/ses_1"):
        answer = await site.ask(path)
        assert (answer.status, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
        assert b"make web" in answer.body
    assert (await site.ask("/docs")).status == 200
    assert (await site.ask("/widget.js")).status == 404


# What a page may do


def directives(answer):
    policy = answer.headers["content-security-policy"]
    return {
        name: sources.split() for name, _, sources in (d.strip().partition(" ") for d in policy.split(";"))
    }


async def test_the_page_runs_and_loads_what_is_here_alone(folder):
    told = directives(await Site(folder, local=False).ask("/"))
    assert told.pop("connect-src") == ["'self'", "https://flask.example:5000"]
    assert told.pop("img-src") == ["'self'", "data:", "blob:"]
    none = ("default-src", "base-uri", "form-action", "frame-ancestors")
    assert [told.pop(name) for name in none] == [["'none'"]] * 4
    own = ("script-src", "style-src", "font-src", "manifest-src", "worker-src")
    assert told == {name: ["'self'"] for name in own}


async def test_on_loopback_it_may_be_switched_to_any_server_of_the_machine(site):
    told = directives(await site.ask("/"))["connect-src"]
    assert told == [
        "'self'",
        "https://flask.example:5000",
        "http://localhost:*",
        "http://127.0.0.1:*",
    ]


async def test_the_demo_runs_its_own_scripts_and_the_widget(site):
    demo = await site.ask("/widget-demo")
    assert demo.body == FILES["widget-demo.html"]
    told = directives(demo)
    for kind in ("script-src", "style-src"):
        assert told[kind][0] == "'self'"
        assert told[kind][1].startswith("'sha256-")
        assert len(told[kind]) == 2
    assert "unsafe" not in str(told)
    assert "'self'" not in directives(await site.ask("/docs"))["script-src"]


@pytest.mark.parametrize("path", ["/widget.js", "/widget.mjs"])
@pytest.mark.parametrize("origins", [(), ("https://shop.example",), ("*",)])
async def test_the_widget_may_be_had_by_every_page(folder, path, origins):
    answer = await Site(folder, origins=origins).ask(path, origin="https://shop.example")
    assert [value for name, value in answer.pairs if name.startswith("access-control")] == ["*"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert "set-cookie" not in answer.headers
    plain = await Site(folder, origins=origins).ask(ASSET)
    assert "cross-origin-resource-policy" not in plain.headers


# What the page has to know


async def test_the_page_is_told_of_other_servers_and_whether_it_may_show_figures(site):
    here = msgspec.json.decode((await site.ask("/api/page")).body)
    assert here["servers"] == [{"name": name, "url": url} for name, url in OTHERS.items()]
    assert here["status"] is True
    assert here["version"]
    away = await site.ask("/api/page", client="192.0.2.7")
    assert msgspec.json.decode(away.body)["status"] is False
    assert away.headers["cache-control"] == "no-store"
