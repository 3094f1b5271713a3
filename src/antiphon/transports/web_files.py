"""Files that a build has put into a folder, answered with the encoding and the caching that fit.

All of them are read at start and held, in each encoding that the build made: a build is a few MiB, and so a
process answers from one and the same build, whatever happens to the folder while it runs. What was not there
at start is not found, whatever the path looks like.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec
from fastapi import Request, Response

from antiphon.transports import accept

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""The encodings a file may come in, the preferred first, and what their files end with."""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".ttf": "font/ttf",
}
_UNKNOWN = "application/octet-stream"
_IDENTITY = "identity"
_SHORT = {"x-gzip": "gzip"}


class WebFile(msgspec.Struct, frozen=True):
    """A file: its body in each encoding (``identity`` in any case), and a name for what it says."""

    content_type: str
    bodies: Mapping[str, bytes]
    digest: str

    @property
    def text(self) -> str:
        """The file as text."""
        return self.bodies[_IDENTITY].decode()


def read_files(folder: Path) -> dict[str, WebFile]:
    """Return all files of a folder by their path in it; hidden ones are left out. Empty if there is none."""
    paths = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    ends = tuple(ENCODINGS.values())
    return {
        name: read_file(path, {encoding: paths.get(name + end) for encoding, end in ENCODINGS.items()})
        for name, path in paths.items()
        if not (name.endswith(ends) and name.rpartition(".")[0] in paths)
    }


def read_file(path: Path, encoded: Mapping[str, Path | None] | None = None) -> WebFile:
    """Return a file; ``encoded`` says where it is in other encodings, None: not in this one."""
    body = path.read_bytes()
    return WebFile(
        content_type=_TYPES.get(PurePosixPath(path.name).suffix, _UNKNOWN),
        bodies={e: p.read_bytes() for e, p in (encoded or {}).items() if p is not None} | {_IDENTITY: body},
        digest=hashlib.blake2b(body, digest_size=12).hexdigest(),
    )


def answer_file(
    request: Request, file: WebFile, headers: Mapping[str, str], refusal: int | None = None
) -> Response:
    """Answer with a file in the encoding that the client likes best, or with 304 if the client has it.

    ``headers`` come with it. They are part of its ETag: a client that asks whether its copy is still good
    must not go on with the policy of yesterday. A ``refusal`` is the status of an answer that is an error:
    it is sent whole and has no ETag.
    """
    encoding = best_encoding(request.headers.getlist("accept-encoding"), file.bodies)
    told = hashlib.blake2b(repr(sorted(headers.items())).encode(), digest_size=4).hexdigest()
    tag = f'"{file.digest}-{told}-{encoding}"'
    common = {**headers, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if refusal is None:
        common["ETag"] = tag
        if _has(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers=common)
    if encoding != _IDENTITY:
        common["Content-Encoding"] = encoding
    return Response(file.bodies[encoding], refusal or 200, common, media_type=file.content_type)


def best_encoding(accepted: Sequence[str], there: Mapping[str, bytes]) -> str:
    """Return which of the encodings that are there an ``Accept-Encoding`` likes best (RFC 9110, 12.5.3).

    Unencoded where nothing else is accepted: also to those who refuse it, as a file is more use than a 406.
    """
    weights = {_SHORT.get(name, name): weight for name, weight in accept.weights(accepted).items()}
    others = weights.get("*", 0.0)
    # Who does not speak of the unencoded file takes it, but would rather have any of what was named.
    liked = {encoding: weights.get(encoding, others) for encoding in ENCODINGS if encoding in there}
    liked[_IDENTITY] = weights.get(_IDENTITY, 0.0001)
    best = max(liked, key=lambda encoding: liked[encoding])  # the first of several
    return best if liked[best] else _IDENTITY


def _has(wanted: Sequence[str], tag: str) -> bool:
    """Whether an ``If-None-Match`` names the tag; a proxy that encodes by itself makes it a weak one."""
    tags = [each.strip().removeprefix("W/") for each in ",".join(wanted).split(",")]
    return tag in tags or "*" in tags
