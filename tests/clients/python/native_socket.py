"""The `websockets` client on the native WebSocket: begin a reply, be cut in its middle, resume elsewhere."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect

GIVEN = json.loads(sys.argv[1])
HEADERS = {"X-User-ID": "ann"}


async def read(socket, found):
    """Read to the end of the reply, or to ``cut`` chunks of it; tell whether the end came."""
    async for text in socket:
        frame = json.loads(text)
        assert frame["type"] != "error", frame
        found["id"] = (
            frame.get("turn", {}).get("id", found["id"]) if frame["type"] == "submitted" else found["id"]
        )
        if "seq" in frame:
            found["seqs"].append(frame["seq"])
            found["cursor"] = frame["cursor"]
        if frame["type"] == "content":
            found["text"] += frame["text"]
        if frame["type"] == "end":
            found["state"] = frame["data"]["state"]
            return True
        if len(found["seqs"]) in GIVEN["cuts"] and "seq" in frame:
            return False
    return False


async def main():
    found = {"id": None, "seqs": [], "cursor": None, "text": "", "state": None}
    asked = {"type": "submit", "session_id": GIVEN["session"], "text": GIVEN["text"], "model": GIVEN["model"]}
    for url in GIVEN["urls"]:
        async with connect(f"{url}/api/ws", additional_headers=HEADERS) as socket:
            if found["id"] is None:
                await socket.send(json.dumps({**asked, "create": True}))
            else:
                follow = {"type": "follow", "turn_id": found["id"], "cursor": found["cursor"]}
                await socket.send(json.dumps(follow))
            if await read(socket, found):
                break
            socket.transport.abort()
    print(json.dumps(found))


asyncio.run(main())
