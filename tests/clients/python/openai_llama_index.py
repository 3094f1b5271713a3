"""LlamaIndex's class for APIs like OpenAI's: {url} -> what it made of each call."""

import json
import sys

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

URL = json.loads(sys.argv[1])["url"]
llm = OpenAILike(
    model="test/test-60-2-0", api_base=f"{URL}/v1", api_key="sk-x", is_chat_model=True, max_retries=0
)
HI = [ChatMessage(role="user", content="hi")]
print(
    json.dumps(
        {
            "completed": llm.complete("hi").text,
            "chatted": llm.chat(HI).message.content,
            "streamed": "".join(piece.delta for piece in llm.stream_chat(HI)),
            "stream_completed": "".join(piece.delta for piece in llm.stream_complete("hi")),
        }
    )
)
