"""GraphQL as one user: operations over HTTP, and over a socket message by message."""

import json

import aiohttp

from serving import Caller

SUBPROTOCOL = "graphql-transport-ws"
EVENT = (
    "{ type turnId turnNumber messageId promptId seq text data cursor end { state finishReason messageId } }"
)
REPLY = f"subscription ($of: ID!, $cursor: String) {{ events: reply(turnId: $of, cursor: $cursor) {EVENT} }}"
SESSION = (
    "subscription ($of: ID!, $cursor: String) "
    f"{{ events: sessionReplies(sessionId: $of, cursor: $cursor) {EVENT} }}"
)


class GraphQL(Caller):
    def __init__(self, url, user="ann"):
        headers = {"X-User-ID": user, "Accept": "application/graphql-response+json"}
        super().__init__(f"{url}/graphql", headers=headers)

    async def post(self, query, status=200, **variables):
        """Return the whole response."""
        body = {"query": query, "variables": variables}
        async with self.http.post(self.url, json=body) as response:
            told = await response.json(content_type=None)
            assert response.status == status, told
            return told

    async def ask(self, query, **variables):
        """Return the data of a response without errors."""
        told = await self.post(query, **variables)
        assert "errors" not in told, told
        return told["data"]

    async def refused(self, query, status=200, **variables):
        """Return the extensions and the text of the first error."""
        told = await self.post(query, status, **variables)
        error = told["errors"][0]
        return error["extensions"], error["message"]

    async def session(self, **given):
        made = await self.ask("mutation ($i: NewSession) { createSession(input: $i) { id } }", i=given)
        return made["createSession"]["id"]

    async def send(self, session, text, **given):
        query = "mutation ($i: NewMessage!) { sendMessage(input: $i) { id number messageId promptId state } }"
        given = {"sessionId": session, "text": text, **given}
        return (await self.ask(query, i=given))["sendMessage"]

    async def socket(self, *, init=True):
        made = Socket(await self.http.ws_connect(self.url, protocols=[SUBPROTOCOL]))
        if init:
            await made.send(type="connection_init")
            assert await made.next() == {"type": "connection_ack"}
        return made

    async def follow(self, query, of, *, cursor=None, most=None, reply=None):
        """Follow to the end of a reply, or ``most`` events; on a socket of its own."""
        socket = await self.socket()
        try:
            await socket.subscribe("1", query, of=of, cursor=cursor)
            return await socket.events("1", most, reply)
        finally:
            await socket.close()


class Reply:
    """What came of replies. Finds gaps and repeats as it goes."""

    def __init__(self):
        self.texts = {}
        self.next = {}
        self.ends = {}
        self.cursor = None
        self.types = []
        self.errors = None

    @property
    def text(self):
        (text,) = self.texts.values()
        return text

    def take(self, event):
        self.types.append(event["type"])
        self.cursor = event["cursor"] or self.cursor
        if event["seq"] is None:
            return
        turn = event["turnId"]
        due = self.next.get(turn, 0)
        assert event["seq"] == due, f"chunk {event['seq']} came where {due} was due"
        self.next[turn] = due + 1
        if event["type"] == "CONTENT":
            self.texts[turn] = self.texts.get(turn, "") + event["text"]
        elif event["type"] == "END":
            self.ends[turn] = event["end"]


class Socket:
    def __init__(self, ws):
        self.ws = ws

    async def send(self, **message):
        await self.ws.send_json(message)

    async def subscribe(self, name, query, **variables):
        await self.send(type="subscribe", id=name, payload={"query": query, "variables": variables})

    async def next(self, within=20):
        return json.loads(await self.ws.receive_str(timeout=within))

    async def closed(self):
        """Return the code and the reason with which the server closes."""
        message = await self.ws.receive(timeout=20)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return message.data, message.extra

    async def events(self, name, most=None, reply=None):
        """Take the events of an operation until it is over, or ``most`` of them."""
        reply = Reply() if reply is None else reply
        taken = 0
        while taken != most:
            message = await self.next()
            assert message["id"] == name, message
            if message["type"] == "complete":
                break
            if message["type"] == "error":
                reply.errors = message["payload"]
                break
            assert "errors" not in message["payload"], message
            reply.take(message["payload"]["data"]["events"])
            taken += 1
        return reply

    async def close(self):
        await self.ws.close()
