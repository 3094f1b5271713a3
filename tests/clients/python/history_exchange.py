"""A conversation whose client keeps the history, by POST and by WebSocket. Tells the answers."""

import asyncio
import json
import sys

import aiohttp
import websockets

given = json.loads(sys.argv[1])


def user(text):
    return {"sender": "user", "text": text}


async def by_http():
    """Ask one thing after another, with all that was said before."""
    history, answers = [], []
    async with aiohttp.ClientSession(given["url"]) as http:
        for text in given["texts"]:
            history.append(user(text))
            body = {"history": history, "model": given["model"]}
            async with http.post("/api/chat", json=body) as answer:
                assert answer.status == 200, await answer.text()
                answers.append((await answer.json())["message"])
            history.append({"sender": "agent", "text": answers[-1]})
        async with http.post("/api/chat", json={"history": []}) as answer:
            refused = [answer.status, await answer.json()]
    return answers, refused


async def by_socket():
    """Do the same on a socket, then send all at once, and something else in between."""
    answers = []
    async with websockets.connect(given["ws"] + "/api/ws/chat") as socket:
        history = []
        for text in given["texts"]:
            history.append(user(text))
            await socket.send(json.dumps({"history": history, "model": given["model"]}))
            answers.append(json.loads(await socket.recv())["message"])
            history.append({"sender": "agent", "text": answers[-1]})
        for text in given["texts"]:
            await socket.send(json.dumps({"history": [user(text)], "model": given["model"]}))
        at_once = [json.loads(await socket.recv())["message"] for _ in given["texts"]]
        refused = []
        for frame in (
            "nope",
            b"\xff",
            json.dumps({"history": [*history, history[-1]]}),
            json.dumps({"history": history}),
        ):
            await socket.send(frame)
            refused.append(json.loads(await socket.recv()))
        await socket.send(json.dumps({"history": [user("hello")]}))
        greeting = json.loads(await socket.recv())
    return answers, at_once, refused, greeting


async def main():
    answers, refused = await by_http()
    socket_answers, at_once, socket_refused, greeting = await by_socket()
    print(
        json.dumps(
            {
                "http": answers,
                "http_refused": refused,
                "socket": socket_answers,
                "at_once": at_once,
                "socket_refused": socket_refused,
                "greeting": greeting,
            }
        )
    )


asyncio.run(main())
