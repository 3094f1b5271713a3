"""Calls of an OpenAI-compatible API whose answers do not stream: lists of models, embeddings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from antiphon.errors import ProviderGarbled, ProviderTimeout, ProviderUnreachable
from antiphon.providers.openai_reply import status_error
from antiphon.providers.port import Embeddings, Model
from antiphon.providers.stream_connection import Head

if TYPE_CHECKING:
    import aiohttp

MAX_MODELS = 16 << 20
"""Bytes of a list of models."""
MAX_EMBEDDINGS = 96 << 20
"""Bytes of embeddings: 2048 vectors of 3072 numbers are 75 MB as JSON."""
MAX_CONNECTIONS = 100
_CONTEXT_KEYS = ("context_length", "context_window", "max_model_len", "max_context_length")


class _EmbeddingUsage(msgspec.Struct):
    prompt_tokens: int = 0


class _EmbeddingAnswer(msgspec.Struct):
    data: msgspec.Raw
    usage: _EmbeddingUsage | None = None


class _Call(NamedTuple):
    """What is asked, to do what; how many bytes and seconds the answer may take."""

    method: str
    path: str
    what: str
    most: int
    timeout: float


class Calls:
    """Asks one API.

    Args:
        name: the provider's name, for messages.
        base_url: what paths are put behind.
        headers: of every request.
        timeout: seconds for a list of models.
        embed_timeout: seconds for embeddings.
        secrets: what no message may contain.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        embed_timeout: float,
        secrets: Sequence[str],
    ) -> None:
        self._name = name
        self._base = base_url
        self._headers = dict(headers)
        self._timeout = timeout
        self._embed_timeout = embed_timeout
        self._secrets = secrets
        self._session: aiohttp.ClientSession | None = None

    async def models(self) -> tuple[Model, ...]:
        """Return the models on offer. Raises ProviderError."""
        call = _Call("GET", "/models", "list its models", MAX_MODELS, self._timeout)
        return _read_models(self._name, await self._answer(call))

    async def embed(self, body: Mapping[str, Any]) -> Embeddings:
        """Return embeddings; ``body`` is OpenAI's. Raises ProviderError."""
        call = _Call("POST", "/embeddings", "make embeddings", MAX_EMBEDDINGS, self._embed_timeout)
        answer = await self._answer(call, msgspec.json.encode(body))
        try:
            made = msgspec.json.decode(answer, type=_EmbeddingAnswer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ProviderGarbled(f"{self._name} sent an answer that is no embeddings: {error}.") from None
        used = made.usage or _EmbeddingUsage()
        return Embeddings(data=made.data, prompt_tokens=used.prompt_tokens)

    async def close(self) -> None:
        """Release connections."""
        if self._session is not None:
            await self._session.close()

    async def _answer(self, call: _Call, body: bytes | None = None) -> bytes:
        import aiohttp  # noqa: PLC0415 - costs a tenth of a second at start, and static lists need none of it

        if self._session is None:
            # No cookies: what one asker's call brought must not go with another's.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
            )
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            async with self._session.request(
                call.method,
                self._base + call.path,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=call.timeout),
            ) as response:
                answer = bytearray()
                async for piece in response.content.iter_chunked(1 << 16):
                    answer += piece
                    if len(answer) > call.most:
                        raise ProviderGarbled(
                            f"{self._name} was to {call.what} and sent over {call.most} bytes."
                        )
                told = {name.lower(): value for name, value in response.headers.items()}
                head = Head(response.status, told)
        except TimeoutError as error:
            raise ProviderTimeout(f"{self._name} did not {call.what} within {call.timeout:g} s.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The text of the library's error may hold headers, and so the key: only its kind is told.
            raise ProviderUnreachable(
                f"{self._name} cannot be asked to {call.what} ({type(error).__name__}). "
                "Is it running, and is its base URL right?"
            ) from None
        if not 200 <= head.status < 300:  # noqa: PLR2004
            raise status_error(self._name, head, bytes(answer), self._secrets)
        return bytes(answer)


def _read_models(name: str, body: bytes) -> tuple[Model, ...]:
    """Read OpenAI's list of models, or the bare array that some send."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderGarbled(
            f"{name} sent a list of models that is not JSON. Is its base URL right?"
        ) from error
    entries = answer.get("data") if isinstance(answer, dict) else answer
    if entries is None and isinstance(answer, dict) and "data" in answer:
        entries = []  # what Ollama says when it has none
    if not isinstance(entries, list):
        raise ProviderGarbled(f"{name} sent no list of models. Is its base URL right?")
    found: dict[str, Model] = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            sizes = [entry[key] for key in _CONTEXT_KEYS if isinstance(entry.get(key), int)]
            found[entry["id"]] = Model(id=entry["id"], context_tokens=sizes[0] if sizes else None)
    return tuple(found.values())
