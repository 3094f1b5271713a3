"""LangChain's OpenAI classes: {url} -> what they made of each call."""

import json
import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL = json.loads(sys.argv[1])["url"]
WHERE = {"base_url": f"{URL}/v1", "api_key": "sk-x", "max_retries": 0}


@tool
def lookup(key: str) -> str:
    """Look something up."""
    return key


def model(name, **more):
    return ChatOpenAI(model=f"test/{name}", **WHERE, **more)


plain = model("test-60-2-0", stream_usage=True)
pieces = list(plain.stream("hi"))
whole = pieces[0]
for piece in pieces[1:]:
    whole += piece
bound = model("test-20-0-0-tool").bind_tools([lookup])
asked = bound.invoke("hi")
result = ToolMessage("42", tool_call_id=asked.tool_calls[0]["id"])
calling = None
for piece in bound.stream("hi"):
    calling = piece if calling is None else calling + piece
# Texts as they are: the class would cut them up with a tokenizer that it has to download.
embeddings = OpenAIEmbeddings(model="test/embed-8", check_embedding_ctx_length=False, **WHERE)
print(
    json.dumps(
        {
            "invoked": plain.invoke("hi").content,
            "streamed": "".join(piece.content for piece in pieces),
            "usage": whole.usage_metadata["total_tokens"],
            "reason": whole.response_metadata["finish_reason"],
            "calls": [[call["name"], call["args"]] for call in asked.tool_calls],
            "streamed_calls": [[call["name"], call["args"]] for call in calling.tool_calls],
            "answered": bound.invoke([HumanMessage("hi"), asked, result]).content,
            "embedded": embeddings.embed_documents(["a", "b"]),
            "json": model("test-0-0-0-json")
            .with_structured_output(
                {"title": "Asked", "type": "object", "properties": {}}, method="json_mode"
            )
            .invoke("hi"),
        }
    )
)
