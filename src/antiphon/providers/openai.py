"""Any provider that speaks OpenAI's chat completions: OpenAI itself, and nearly everyone else."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from antiphon.errors import ProviderError, ProviderRefused
from antiphon.providers.openai_calls import Calls
from antiphon.providers.openai_reply import Reply, status_error
from antiphon.providers.port import Embeddings, Finish, Model, Prompt, Sink
from antiphon.providers.stream_client import Endpoint, StreamClient

CHAT_PATH = "/chat/completions"

_RESERVED = frozenset({"model", "messages", "stream", "stream_options", "n"})
_encode = msgspec.json.Encoder().encode


class OpenAIProvider:
    """A provider behind an OpenAI-compatible API.

    Args:
        name: what users and messages call it.
        base_url: the URL before ``/chat/completions``, ``http`` or ``https``.
        api_key: sent as a bearer token, if there is one.
        continuation: whether it goes on with a last message of role ``assistant``.
        continuation_body: merged into the request that continues.
        continuation_message: merged into the last message of the request that continues.
        continuation_path: the path, below ``base_url``, of requests that continue.
        continuation_echo: whether it repeats that last message before it goes on; the echo is taken away.
        models: the models on offer; asked of the API where None.
        include_usage: whether to ask for usage (``stream_options``), which a few servers refuse.
        connect_timeout: seconds for name, TCP and TLS together.
        first_token_timeout: seconds until the first byte of the reply.
        idle_timeout: seconds between two bytes of the reply.
        extra_headers: further headers of every request.
        renames: names of parameters in OpenAI's API → what this one calls them.

    Raises:
        ValueError: a URL or header cannot be used.
    """

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        api_key: str | None = None,
        continuation: bool = False,
        continuation_body: Mapping[str, Any] | None = None,
        continuation_message: Mapping[str, Any] | None = None,
        continuation_path: str = CHAT_PATH,
        continuation_echo: bool = False,
        models: Sequence[Model] | None = None,
        include_usage: bool = True,
        connect_timeout: float = 10.0,
        first_token_timeout: float = 120.0,
        idle_timeout: float = 60.0,
        extra_headers: Mapping[str, str] | None = None,
        renames: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.continuation = continuation
        self._continuation_body = dict(continuation_body or {})
        self._continuation_message = dict(continuation_message or {})
        self._continuation_echo = continuation_echo
        self._include_usage = include_usage
        self._renames = dict(renames or {})
        self._headers = dict(extra_headers or {})
        self._secrets = list(self._headers.values())
        if api_key:
            self._headers.setdefault("Authorization", f"Bearer {api_key}")
            self._secrets.append(api_key)
        base = base_url.rstrip("/")
        self._endpoint = self._chat(base + CHAT_PATH)
        self._continue_at = self._chat(base + continuation_path)
        self._client = StreamClient(
            connect_timeout=connect_timeout, first_byte_timeout=first_token_timeout, idle_timeout=idle_timeout
        )
        self._calls = Calls(
            name,
            base,
            self._headers,
            timeout=connect_timeout + idle_timeout,
            embed_timeout=connect_timeout + first_token_timeout,
            secrets=self._secrets,
        )
        self._static = None if models is None else tuple(models)

    def __repr__(self) -> str:
        return f"OpenAIProvider({self.name!r}, {self._endpoint.url!r})"

    async def models(self) -> Sequence[Model]:
        """Return the models on offer: the given ones, or the API's list.

        Raises:
            ProviderError: the list cannot be had.
        """
        if self._static is not None:
            return self._static
        return await self._calls.models()

    async def embed(self, model: str, texts: Any, params: Mapping[str, Any]) -> Embeddings:
        """Return the vectors of texts; see the port."""
        return await self._calls.embed({**params, "model": model, "input": texts})

    async def stream(self, prompt: Prompt, sink: Sink) -> Finish:
        """Put one reply into the sink and return when it is whole; see the port."""
        continued = bool(prompt.prefix) and self.continuation
        endpoint = self._continue_at if continued else self._endpoint
        echo = prompt.prefix if continued and self._continuation_echo else ""
        reply = Reply(self.name, sink, echo=echo, secrets=self._secrets)
        try:
            response = await self._client.send(endpoint, self._body(prompt, continued=continued), reply)
        except ProviderError:
            if not reply.whole:
                raise
            return reply.end()  # only usage or the end mark was lost
        if not 200 <= response.head.status < 300:  # noqa: PLR2004
            raise status_error(self.name, response.head, response.body, self._secrets)
        return reply.end()

    async def close(self) -> None:
        """Release connections."""
        await self._client.close()
        await self._calls.close()

    def _chat(self, url: str) -> Endpoint:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "User-Agent": "antiphon",
            **self._headers,
        }
        return Endpoint("POST", url, headers.items())

    def _body(self, prompt: Prompt, *, continued: bool) -> bytes:
        body = {key: value for key, value in prompt.params.items() if key not in _RESERVED}
        for known, called in self._renames.items():
            if known in body:
                body.setdefault(called, body.pop(known))
        messages = [message.as_openai() for message in prompt.messages]
        if continued:
            messages.append({"role": "assistant", "content": prompt.prefix, **self._continuation_message})
            body.update(self._continuation_body)
        body.update(model=prompt.model, messages=messages, stream=True)
        if self._include_usage:
            body["stream_options"] = {"include_usage": True}
        try:
            return _encode(body)
        except (TypeError, ValueError, RecursionError) as error:
            raise ProviderRefused(f"The parameters cannot be sent as JSON: {error}.") from error
