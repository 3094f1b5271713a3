"""What an AI SDK client sends, as requests for replies.

Source: ``DefaultChatTransport`` and ``UIMessage`` of the npm package ``ai``, versions 6 and 7.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from antiphon.engine.submit import Ask, check_session_id
from antiphon.errors import Invalid
from antiphon.stores.port import Latest

_encode = msgspec.json.encode
KEPT = "ai_sdk"
"""Where a stored message's ``metadata`` holds what this contract keeps of it: Kept."""
# What tools put out is kept as the text of the message that goes on with them, up to so many characters.
SUMMARY_CHARS = 1000
_AUDIO = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
Part = dict[str, Any]


class UIMessage(msgspec.Struct):
    """A message as the client shows it; parts of unknown types are not read."""

    role: Literal["system", "user", "assistant"]
    id: str = ""
    parts: list[Part] = []
    metadata: Any = None

    @property
    def reply(self) -> str | None:
        """The reply that this assistant message ends with, if it is one of ours.

        One that called tools consists of several replies; its id is that of the first.
        """
        told = self.metadata.get("message") if isinstance(self.metadata, dict) else None
        found = told if isinstance(told, str) else self.id
        return found if found.startswith("msg_") else None


class ChatBody(msgspec.Struct):
    """Body of ``POST /api/chat`` in this contract.

    ``message`` may be sent instead of all ``messages``. ``bot``, ``model``, ``instructions`` and ``params``
    (those of a chat completion, such as ``tools``) are extras of the transport's ``body``.
    """

    id: str = ""
    messages: list[UIMessage] = []
    message: UIMessage | None = None
    trigger: str = "submit-message"
    message_id: str | None = msgspec.field(name="messageId", default=None)
    bot: str | None = None
    model: str | None = None
    instructions: str | None = None
    params: dict[str, Any] = {}

    @property
    def last(self) -> UIMessage:
        """The message that is to be answered. Raises Invalid."""
        if self.message is None and not self.messages:
            raise Invalid("There is no message. Send 'messages', or the last one as 'message'.")
        return self.message or self.messages[-1]


class Kept(msgspec.Struct, omit_defaults=True):
    """What is stored with a message: its ``id`` at the client.

    ``continues`` is the client's assistant message that goes on with what tools put out; ``outputs`` tells of
    each call how its output was given.
    """

    id: str = ""
    continues: str = ""
    outputs: dict[str, Literal["text", "json", "error"]] = {}


def kept_of(metadata: dict[str, Any]) -> Kept:
    """Read what was stored with a message."""
    try:
        return msgspec.convert(metadata.get(KEPT, {}), Kept)
    except msgspec.ValidationError:  # somebody else's word of the same name
        return Kept()


def ask_of(body: ChatBody, address: str | None) -> Ask:
    """Return the request for a reply to the last message. Raises Invalid."""
    session_id = check_session_id(body.id)
    last = body.last
    if last.role == "user":
        text, given = _read(last.parts)
        kept, sender = Kept(id=last.id), "user"
    elif last.role == "assistant":
        text, given, outputs = _results(last)
        kept, sender = Kept(continues=last.id, outputs=outputs), "tool"
    else:
        raise Invalid("The last message is a system message. Send a user's message last.")
    parent = _parent(body, last)
    return Ask(
        session_id=session_id,
        text=text,
        given=given,
        sender=sender,
        parent_id=parent,
        bot=body.bot,
        model=body.model,
        instructions=body.instructions,
        params=body.params,
        metadata={KEPT: msgspec.to_builtins(kept)},
        idempotency_key=_key(last.id, parent, text, given) if last.id else None,
        create_session=True,
        address=address,
    )


def _key(message_id: str, parent: str | None, text: str, given: Sequence[dict[str, Any]]) -> str:
    """Return the key under which this message is asked once, at its place.

    An edited message keeps its id at the client, so what it says is part of the key.
    """
    digest = hashlib.sha256(_encode([message_id, parent, text, given])).hexdigest()
    return f"ai-sdk-{digest[:40]}"


def _parent(body: ChatBody, last: UIMessage) -> str | Latest | None:
    """Return the reply that the last message follows."""
    if last.role == "assistant":
        return last.reply or "latest"
    before = body.messages[:-1] if body.message is None else []
    edited = body.message_id is not None and body.message_id == last.id
    if not before:
        return None if edited and body.message is None else "latest"
    if before[-1].role != "assistant" and not edited:
        return "latest"  # a message that got no answer is part of the conversation all the same
    nearest = next((message for message in reversed(before) if message.role == "assistant"), None)
    if nearest is None:
        return None
    return nearest.reply or "latest"


def _read(parts: Sequence[Part]) -> tuple[str, list[dict[str, Any]]]:
    """Return a user's text, and what a model is sent instead if there is more than text. Raises Invalid."""
    contents: list[Part] = []
    texts, names = [], []
    for part in parts:
        if part.get("type") == "text":
            texts.append(_field(part, "text"))
            contents.append({"type": "text", "text": texts[-1]})
        elif part.get("type") == "file":
            contents.append(_file(part))
            names.append(f"[{part.get('filename') or part.get('mediaType')}]")
    text = "\n".join(texts)
    if not names:
        return text, []
    return text or " ".join(names), [{"role": "user", "content": contents}]


def _file(part: Part) -> Part:
    """Return a file as a part of a message in OpenAI's form. Raises Invalid."""
    url, kind = _field(part, "url"), _field(part, "mediaType").lower()
    head, comma, data = url.partition(",")
    inline = bool(comma) and head.startswith("data:")
    if kind.partition("/")[0] == "image" and (inline or url.startswith(("https://", "http://"))):
        return {"type": "image_url", "image_url": {"url": url}}
    if not inline or not head.endswith(";base64"):
        raise Invalid("Send a file as a data: URL in base64; images may be https: addresses as well.")
    if kind.startswith("text/"):
        return {"type": "text", "text": f"{part.get('filename') or kind}:\n{_decoded(data)}"}
    if kind in _AUDIO:
        return {"type": "input_audio", "input_audio": {"data": data, "format": _AUDIO[kind]}}
    return {"type": "file", "file": {"filename": part.get("filename") or "file", "file_data": url}}


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Invalid("A text file is not UTF-8 in base64.") from error


def _field(part: Part, name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        raise Invalid(f"A part of the type {part.get('type')!r} needs the text {name!r}.")
    return value


def _results(
    message: UIMessage,
) -> tuple[str, list[dict[str, Any]], dict[str, Literal["text", "json", "error"]]]:
    """Return what tools of the client put out in an assistant message's last step. Raises Invalid."""
    steps = [i for i, part in enumerate(message.parts) if part.get("type") == "step-start"]
    step = message.parts[steps[-1] + 1 if steps else 0 :]
    given, told = [], []
    kinds: dict[str, Literal["text", "json", "error"]] = {}
    for part in step:
        name = str(part.get("type", ""))
        if not name.startswith(("tool-", "dynamic-tool")) or part.get("providerExecuted"):
            continue
        call = _field(part, "toolCallId")
        if part.get("state") == "output-available":
            output = part.get("output")
            kinds[call] = "text" if isinstance(output, str) else "json"
            content = output if isinstance(output, str) else _encode(output).decode()
        elif part.get("state") == "output-error":
            kinds[call], content = "error", _field(part, "errorText")
        else:
            raise Invalid(f"The tool call {call!r} has no output. Add it and send again.")
        given.append({"role": "tool", "tool_call_id": call, "content": content})
        told.append(f"{part.get('toolName') or name.removeprefix('tool-')}: {content}")
    if not given:
        raise Invalid(
            "The last message is the assistant's and has no output of a tool. There is no question."
        )
    return "\n".join(told)[:SUMMARY_CHARS], given, kinds
