"""A chat client of the session socket: `websockets`, no user, no cursor, no acknowledgement of its own."""

import asyncio
import json
import sys
import urllib.request

import websockets


def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return json.loads(answer.read())


class Client:
    """Puts replies together by message, over all of its connections."""

    def __init__(self, url):
        self.url = url
        self.chunks = {}
        self.complete = {}
        self.repeats = 0
        self.errors = []

    async def read(self, socket, until):
        while not until():
            frame = json.loads(await socket.recv())
            message = frame.get("message_id")
            if frame["type"] == "chunk":
                had = self.chunks.setdefault(message, [])
                if frame["chunk_id"] < len(had):
                    self.repeats += 1
                    continue
                assert frame["chunk_id"] == len(had), frame
                had.append(frame["content"])
            elif frame["type"] == "complete":
                self.repeats += message in self.complete
                assert frame["content"] == "".join(self.chunks[message]), frame
                self.complete[message] = frame["content"]
            elif frame["type"] == "error":
                self.errors.append(frame["code"])

    def connect(self):
        # Without a bound: closing with a full queue waits for seconds.
        return websockets.connect(self.url, max_queue=None)


async def refused(url):
    try:
        async with websockets.connect(url):
            return None
    except websockets.exceptions.InvalidStatus as error:
        return error.response.status_code


def seen(client):
    return sum(map(len, client.chunks.values()))


def whole(client, texts):
    return len(client.complete) == len(texts)


async def main(url, ws, model, texts, away):
    customer = {"customer_name": "Ann", "customer_email": "ann@example.org", "flight_no": "LH 1"}
    session = call(f"{url}/chat/session", customer)["session_id"]
    client = Client(f"{ws}/ws/{session}/python")
    async with client.connect() as socket:
        await socket.send("{")
        await client.read(socket, lambda: client.errors)
        await socket.send(json.dumps({"type": "ping"}))
        pong = json.loads(await socket.recv())["type"]
        for text in texts:
            await socket.send(json.dumps({"message": text, "model": model}))
        await client.read(socket, lambda: len(client.chunks) == len(texts))
    for _ in range(3):
        await asyncio.sleep(away)
        if whole(client, texts):
            break
        async with client.connect() as socket:
            before = seen(client)
            # On a busy machine all may come first: then nothing more is due.
            await client.read(socket, lambda had=before: seen(client) > had + 5 or whole(client, texts))
    async with client.connect() as socket:
        if not whole(client, texts):
            await client.read(socket, lambda: whole(client, texts))
        try:
            async with asyncio.timeout(1.5):
                late = await socket.recv()
        except TimeoutError:
            late = None
    context = call(f"{url}/chat/session/{session}")["context"]
    return {
        "pong": pong,
        "errors": client.errors,
        "texts": sorted(client.complete.values()),
        "chunks": sum(map(len, client.chunks.values())),
        "repeats": client.repeats,
        "late": late,
        "message_count": context["message_count"],
        "unknown": await refused(f"{ws}/ws/nothing/python"),
    }


print(json.dumps(asyncio.run(main(**json.loads(sys.argv[1])))))
