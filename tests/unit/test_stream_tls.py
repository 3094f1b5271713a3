import asyncio
import contextlib
import ssl
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import (
    ProviderError,
    ProviderGarbled,
    ProviderUnreachable,
)
from antiphon.providers.stream_client import Endpoint
from patience import PATIENCE_S, until
from wire import (
    CHUNKED,
    OK,
    SIZED,
    Script,
    client,
    get,
)


def certificate(folder, name):
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run(command, check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    return tls, ssl.create_default_context(cafile=f"{folder}/cert.pem")


async def test_tls(tmp_path):
    theirs, ours = certificate(tmp_path, "localhost")
    names = []
    theirs.sni_callback = lambda _, name, __: names.append(name)
    server = Script([CHUNKED], [SIZED], [SIZED[:-2], None])
    await server.listen(tls=theirs)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(server)
        http = await stack.enter_async_context(client(tls=ours))
        for _ in range(2):
            assert (await get(http, server))[1].body == b"hello world"
        assert (server.connections, names) == (1, ["localhost"])
        with pytest.raises(ProviderGarbled, match="cut"):
            await get(http, server)


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("elsewhere.example", True)])
async def test_tls_with_a_wrong_certificate(tmp_path, name, trusted):
    theirs, ours = certificate(tmp_path, name)
    server = Script([SIZED])
    await server.listen(tls=theirs)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(server)
        http = await stack.enter_async_context(client(tls=ours if trusted else None))
        with pytest.raises(ProviderUnreachable, match="is not trusted"):
            await get(http, server)
    assert not server.requests


async def test_ipv6():
    server = Script([SIZED])
    await server.listen(host="::1")
    server.url = f"http://[::1]:{server.port}/"
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(server)
        http = await stack.enter_async_context(client())
        assert (await get(http, server))[1].body == b"hello world"
    assert b"Host: [::1]:%d\r\n" % server.port in server.requests[0]


@pytest.mark.parametrize(
    ("url", "origin", "lines"),
    [
        ("http://a/b?c=d", "http://a:80", b"POST /b?c=d HTTP/1.1\r\nHost: a\r\n"),
        ("https://a", "https://a:443", b"POST / HTTP/1.1\r\nHost: a\r\n"),
        ("https://A:444/", "https://a:444", b"POST / HTTP/1.1\r\nHost: a:444\r\n"),
        ("https://bücher.example/", "https://xn--bcher-kva.example:443", b"Host: xn--bcher-kva.example\r\n"),
        ("http://[::1]/", "http://[::1]:80", b"Host: [::1]\r\n"),
    ],
)
def test_urls(url, origin, lines):
    endpoint = Endpoint("POST", url)
    assert str(endpoint.origin) == origin
    assert lines in endpoint.request(b"")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "a/b",
        "",
        "http://",
        "http:///x",
        "http://a:99999/",
        "http://a:0/",
        "http://a:b/",
        "http://a/#f",
        "http://a/ b",
        "http://a/ü",
        "http://user:hunter2@a/",
        "http://a..b/",
        "http://[::1/",
    ],
)
def test_urls_that_are_refused(url):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - any text, but not the password
        Endpoint("POST", url)
    assert "hunter2" not in str(caught.value)


def test_headers_are_kept_secret_and_clean():
    assert "hunter2" not in repr(Endpoint("POST", "http://a/", [("Authorization", "hunter2")]))
    for value in ("hunter2\r\nX: y", "hunter2\0", "hünter2"):
        with pytest.raises(ValueError, match="Authorization") as caught:
            Endpoint("POST", "http://a/", [("Authorization", value)])
        assert "nter2" not in str(caught.value)


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60), st.sampled_from([OK, b"\r\n", CHUNKED, SIZED, CHUNKED[:70], b"0\r\n\r\n"])
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_any_bytes_end_in_an_answer_or_a_provider_error(pieces):
    async def attempt():
        async with Script([*pieces, None], [*pieces, None]) as server, client() as http:
            async with asyncio.timeout(PATIENCE_S):
                with contextlib.suppress(ProviderError):
                    await get(http, server)
            await until(lambda: not http._watched)

    asyncio.run(attempt())
