"""LangChain's OpenAI class on the Responses API: whole, streamed, a tool's round trip, a conversation.

{url, model, tool_model, text} -> what came of each.
"""

import json
import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

given = json.loads(sys.argv[1])


def chat(model, **more):
    """Return a chat model that uses the Responses API."""
    return ChatOpenAI(
        model=model, base_url=f"{given['url']}/v1", api_key="sk-lang", use_responses_api=True, **more
    )


@tool
def lookup(key: str) -> str:
    """Look something up."""
    return key.upper()


llm = chat(given["model"])
answer = llm.invoke(given["text"])
chunks = list(llm.stream(given["text"]))
streamed = chunks[0]
for chunk in chunks[1:]:
    streamed += chunk
follows = chat(given["model"], use_previous_response_id=True)
second = follows.invoke([HumanMessage(given["text"]), answer, HumanMessage("again")])
tooled = chat(given["tool_model"]).bind_tools([lookup])
asked = tooled.invoke(given["text"])
call = asked.tool_calls[0]
result = ToolMessage(lookup.invoke(call["args"] | {"key": "k"}), tool_call_id=call["id"])
final = tooled.invoke([HumanMessage(given["text"]), asked, result])
print(
    json.dumps(
        {
            "text": answer.text,
            "streamed": streamed.text,
            "pieces": len(chunks),
            "tokens": answer.usage_metadata["total_tokens"],
            "second": second.text,
            "called": [call["name"], call["args"]],
            "final": final.text,
        }
    )
)
