"""The native WebSocket with clients that exist: cut in the middle, resumed by cursor on another pod."""

from antiphon.testing.model_server import expected_text
from native_socket import NativeClient
from serving import Client, Reply

MODEL = "test/test-100-20-0"


async def test_websockets_for_python(site, run_python):
    """Begun on one pod, cut, gone on with on another, cut, and finished through the front."""
    pods = [pod.replace("http", "ws") for pod in site.pods]
    told = await run_python(
        "native_socket",
        urls=[pods[0], pods[-1], site.ws],
        cuts=[15, 35],
        session="native-python",
        text="x",
        model=MODEL,
    )
    assert told["seqs"] == list(range(len(told["seqs"])))
    assert (told["state"], told["text"]) == ("complete", expected_text("x", 100))


async def test_ws_for_node(site, run_node):
    pods = [pod.replace("http", "ws") for pod in site.pods]
    sessions = ["native-node-1", "native-node-2"]
    told = await run_node("native_socket", urls=[pods[0], pods[-1]], sessions=sessions, text="x", model=MODEL)
    for session in sessions:
        reply = told["replies"][session]
        assert reply["seqs"] == list(range(len(reply["seqs"])))
        assert (reply["state"], reply["text"]) == ("complete", expected_text(f"x {session}", 100))


async def test_a_pod_dies_under_a_socket(make_site):
    """Its reply and a session's follow go on elsewhere from the cursors."""
    site = await make_site("fleet")
    first, second = site.servers
    async with NativeClient(first.url) as socket:
        await socket.ask("follow", session_id="s")
        turns = [await socket.submit(name, model=MODEL) for name in ("s", "t")]
        await socket.until(lambda frame: frame.get("seq") == 20)
        await first.kill()
        while await socket.frame() is not None:
            pass
        await socket.open(second.url)
        await socket.ask("follow", session_id="s", cursor=socket.cursors["s"])
        await socket.ask("follow", turn_id=turns[1]["id"], cursor=socket.cursors[turns[1]["id"]])
        assert await socket.whole(*turns) == [expected_text("x", 100)] * 2


async def test_one_transport_takes_over_from_the_other(site):
    """Begun by socket on one pod, finished by events on the other; and the other way round."""
    async with NativeClient(site.pods[0]) as socket, Client(site.pods[-1]) as client:
        turn = await socket.submit("both", model=MODEL)
        await socket.until(lambda frame: frame.get("seq") == 20)
        reply = Reply()
        reply.next, reply.cursor = 21, socket.cursors[turn["id"]]
        reply.text = socket.replies["both", 1].text
        socket.cut()
        await client.follow(turn["id"], reply)
        assert reply.text == expected_text("x", 100)

        turn = await client.send("both", "y", model=MODEL)
        reply = await client.follow(turn["id"], most=20)
        await socket.open()
        socket.begins["both", 2] = reply.next
        await socket.ask("follow", turn_id=turn["id"], cursor=reply.cursor)
        await socket.until(lambda frame: frame["type"] == "end")
        assert reply.text + socket.replies["both", 2].text == expected_text("y", 100)
