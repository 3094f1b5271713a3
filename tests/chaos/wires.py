"""The three ways a reader of the fleet can listen, each read into the same accounts."""

from serving import events

CONTENT = ("content", "reasoning")


class Gone(Exception):
    """The server said explicitly that the reader cannot go on."""


class Turn:
    """``GET /api/turns/{id}/events``: one reply, until its end."""

    name = "turn"
    lasts = False

    def request(self, ask):
        return f"/api/turns/{ask.turn_id}/events", {}

    def take(self, event, accounts, where):
        native(event, accounts, where)


class Session:
    """``GET /api/sessions/{id}/events``: all replies of a session, for as long as the reader stays."""

    name = "session"
    lasts = True

    def request(self, ask):
        return f"/api/sessions/{ask.session}/events", {}

    def take(self, event, accounts, where):
        native(event, accounts, where)


class Board:
    """``GET /api/sse``: the same in the words of the subscription contract."""

    name = "board"
    lasts = True

    def request(self, ask):
        return "/api/sse", {"session_id": ask.session, "user_id": ask.user}

    def take(self, event, accounts, where):
        if event.name not in ("chunk", "message_complete"):
            return
        data = event.data
        account = accounts(int(event.id.partition(".")[0]))
        account.message_ids.add(data["message_id"])
        if event.name == "message_complete":
            account.completes += 1
            return
        told = data["metadata"]
        kind = data["chunk_type"]
        if kind == "system":
            kind = "reset" if told.get("reset") else "seam"
        if data["is_final"]:
            kind = "end"
        account.take(data["chunk_id"], kind, data["chunk"] if kind in CONTENT else "", where)
        if kind == "end":
            failed = data["chunk_type"] == "error"
            account.ends("failed" if failed else "complete", data["message_id"], told.get("code"))


WAYS = (Turn(), Session(), Board())


def native(event, accounts, where):
    """Take an event of the native API."""
    data = event.data
    if data["type"] == "turn":
        accounts(data["number"]).message_ids.add(data["message_id"])
    if "seq" not in data:
        return
    account = accounts(data["turn"])
    kind = data["type"]
    account.take(data["seq"], kind, data["text"] if kind in CONTENT else "", where)
    if kind == "end":
        end = data["data"]
        account.ends(end["state"], end["message_id"], (end.get("error") or {}).get("code"))


async def listen(http, url, way, ask, cursor, patience):
    """Yield the events from the cursor on. Raises Gone where the server refuses for good."""
    path, query = way.request(ask)
    headers = {"X-User-ID": ask.user} | ({"Last-Event-ID": cursor} if cursor else {})
    timeout = patience.timeout()
    async with http.get(url + path, params=query, headers=headers, timeout=timeout) as response:
        if response.status == 204:
            return
        if response.status in (429, 502, 503, 504):
            raise ConnectionError(f"{response.status}")
        if response.status != 200:
            raise Gone(f"{way.name} at {cursor}: {response.status} {await response.text()}")
        async for event in events(response):
            yield event
