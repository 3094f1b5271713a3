"""``antiphon chat`` as people use it: a started server, a started chat, a terminal where one is needed."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess

import pytest

from antiphon.commands import chat_client
from antiphon.commands.chat_client import Client
from antiphon.commands.chat_reply import Event, Reply, Unreachable
from antiphon.testing.model_server import expected_text
from ports import free_port
from terminal import (
    ANTIPHON,
    ENVIRONMENT,
    PATIENCE_S,
    Breaking,
    Chatting,
    Served,
    Terminal,
    chat,
    wait_until,
)


def words(count, begin="w"):
    return " ".join(f"{begin}{k}" for k in range(count))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("shared")).start()
    yield served
    served.end()


@pytest.fixture
def own_server(tmp_path):
    served = Served(tmp_path)
    yield served
    served.end()


# One question, one answer


def test_one_shot_prints_the_reply_and_nothing_else(server):
    done = chat(server.url, "--model", "builtin/echo", "--message", "héllo\n  wörld 🎈")
    assert (done.returncode, done.stdout, done.stderr) == (0, "héllo\n  wörld 🎈\n", "")


def test_message_from_standard_input(server):
    done = chat(server.url.removeprefix("http://"), "--bot", "echo", "-m", "-", send="one\ntwo\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\ntwo\n", "")


def test_a_session_is_gone_on_with(server):
    session = server.api("POST", "/api/sessions", {"title": "to go on with"})["id"]
    for text in ("first", "second"):
        assert chat(server.url, "--session", session, "--bot", "echo", "-m", text).returncode == 0
    messages = server.api("GET", f"/api/sessions/{session}/messages")["messages"]
    assert [m["content"] for m in messages] == ["first", "first", "second", "second"]


def test_a_user_with_a_name_that_is_not_ascii(server):
    done = chat(server.url, "--user", "Zoë", "--bot", "echo", "-m", "hi")
    assert (done.returncode, done.stdout) == (0, "hi\n")
    assert len(server.api("GET", "/api/sessions?user_id=Zo%C3%AB", user="")["sessions"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--session", "nowhere"], "no session 'nowhere'"),
        (["--bot", "nobody"], "no bot 'nobody'"),
        (["--model", "none/such"], "no model 'none/such'"),
        (["--user", " "], "user's name"),
        (["--message", "  "], "message is empty"),
    ],
)
def test_a_refusal_is_one_plain_line(server, arguments, said):
    done = chat(server.url, "--message", "hi", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_that_is_not_there():
    done = chat(f"http://127.0.0.1:{free_port()}", "--message", "hi")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be reached" in done.stderr


def test_an_address_that_is_none():
    done = chat("ftp://somewhere", "--message", "hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no address of a server" in done.stderr


def test_output_that_nobody_reads(server):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as out:
        done = subprocess.run(
            [*ANTIPHON, "chat", "--url", server.url, "--bot", "echo", "-m", words(20)],
            check=False,
            env=ENVIRONMENT,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_interrupt_stops_the_reply(server, tmp_path):
    running = Chatting(tmp_path, server.url, "--user", "stopper", "--bot", "echo", "-m", words(400))
    running.wait_for("w10 ")
    running.process.send_signal(signal.SIGINT)
    assert running.end() == 1
    assert running.err.read_text() == "antiphon: stopped\n"
    reply = server.messages("stopper")[-1]
    assert reply["status"] == "stopped"
    assert running.out.read_text() == reply["content"] + "\n"
    assert words(400).startswith(reply["content"])


def test_a_second_interrupt_leaves_a_server_that_is_away(own_server, tmp_path):
    own_server.start()
    running = Chatting(tmp_path, own_server.url, "--bot", "echo", "-m", words(100))
    running.wait_for("w5 ")
    own_server.end(signal.SIGKILL)
    running.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Ctrl-C again leaves" in running.err.read_text(), "a word about it")
    running.process.send_signal(signal.SIGINT)
    assert running.end() == 1
    assert "left before the server confirmed the stop" in running.err.read_text()


# Many lines through a pipe


def test_lines_and_commands_through_a_pipe(server):
    lines = [
        "/bot echo",
        "one",
        "/new",
        "two",
        "/bots",
        "/model builtin/sizebot",
        "/models",
        "/stop",
        "/help",
    ]
    done = chat(server.url, "--user", "piper", send="\n".join([*lines, "/no such", "/quit", "never sent"]))
    assert done.returncode == 0
    assert done.stdout.startswith("one\ntwo\n")
    assert "* echo " in done.stdout
    assert "* builtin/sizebot" in done.stdout
    assert "/quit" in done.stdout
    assert "never sent" not in done.stdout
    assert "no command /no" in done.stderr
    assert "nothing is under way" in done.stderr
    assert [m["content"] for m in server.messages("piper")] == ["two", "two"]


def test_a_line_that_ends_in_a_backslash_goes_on(server):
    done = chat(server.url, "--bot", "echo", send="one\\\ntwo\n")
    assert (done.returncode, done.stdout) == (0, "one\ntwo\n")


# The server goes away in mid-reply


def test_a_reply_survives_a_killed_server(own_server, tmp_path):
    own_server.start()
    text = words(100)
    running = Chatting(tmp_path, own_server.url, "--model", "builtin/echo", "--message", text)
    running.wait_for("w20 ")
    own_server.end(signal.SIGKILL)
    wait_until(lambda: "waiting for the server" in running.err.read_text(), "a word about it")
    own_server.start()
    assert running.end() == 0
    assert running.out.read_text() == text + "\n"
    assert "the server is back" in running.err.read_text()
    assert [m["content"] for m in own_server.messages()] == [text, text]


def test_a_reply_survives_a_server_that_leaves(own_server, tmp_path):
    own_server.start()
    text = words(100)
    running = Chatting(tmp_path, own_server.url, "--model", "builtin/echo", "--message", text)
    running.wait_for("w20 ")
    own_server.end(signal.SIGTERM)
    own_server.start()
    assert running.end() == 0
    assert running.out.read_text() == text + "\n"


@pytest.fixture
def model_port(tmp_path):
    port = free_port()
    with (tmp_path / "model.log").open("wb") as log:
        process = subprocess.Popen(
            [*ANTIPHON, "test-model", "--port", str(port)], env=ENVIRONMENT, stdout=log, stderr=log
        )

    def listens():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    wait_until(listens, "the scripted model")
    yield port
    process.kill()
    process.wait(PATIENCE_S)


def test_a_reply_that_begins_again_is_told(own_server, tmp_path, model_port):
    (tmp_path / "antiphon.toml").write_text(
        f'[providers.scripted]\nbase_url = "http://127.0.0.1:{model_port}/v1"\n'
    )
    own_server.start()
    whole = expected_text("hello", 60)
    running = Chatting(tmp_path, own_server.url, "--model", "scripted/test-60-20-0", "-m", "hello")
    wait_until(lambda: len(running.out.read_text().split()) > 10, "some words")
    own_server.end(signal.SIGKILL)
    own_server.start()
    assert running.end() == 0
    void, _, again = running.out.read_text().removesuffix("\n").rpartition("\n")
    assert again == whole
    assert whole.startswith(void)
    assert running.err.read_text().count("the reply begins again") == 1


def test_a_reply_that_fails_is_told(own_server, tmp_path):
    (tmp_path / "antiphon.toml").write_text(
        f'[providers.gone]\nbase_url = "http://127.0.0.1:{free_port()}/v1"\nmodels = ["m"]\n'
    )
    own_server.environment["ANTIPHON_PROVIDER_RETRIES"] = "0"
    own_server.environment["ANTIPHON_RATE_SESSION"] = "1/hour"
    own_server.start()
    session = own_server.api("POST", "/api/sessions", {})["id"]
    done = chat(own_server.url, "--session", session, "--model", "gone/m", "-m", "hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the reply failed: " in done.stderr
    assert "(provider_unreachable)" in done.stderr
    done = chat(own_server.url, "--session", session, "-m", "hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "rate_limited, retry after " in done.stderr
    assert done.stderr.count("\n") == 1


async def test_waiting_ends(own_server, monkeypatch):
    monkeypatch.setattr(chat_client, "PATIENCE_S", 0.9)
    await asyncio.to_thread(own_server.start)
    said: list[str] = []
    client = Client(own_server.url, "someone", said.append)
    session = (await client.ask("POST", "/api/sessions", {}))["id"]

    def show(event: Event) -> None:
        if event.seq == 5:
            own_server.end(signal.SIGKILL)

    reply = Reply(session, words(100), bot="echo")
    with pytest.raises(Unreachable):
        await client.follow(reply, show)
    await client.close()
    assert reply.received >= 5
    assert any("waiting" in line for line in said)


# The connection breaks


async def test_nothing_is_lost_or_repeated_when_connections_break(server):
    proxy = Breaking(server.port, cut_after=1500)
    text = words(70, begin="cut")
    async with await asyncio.start_server(proxy, "127.0.0.1", free_port()) as listening:
        port = listening.sockets[0].getsockname()[1]
        done = await asyncio.to_thread(
            chat, f"http://127.0.0.1:{port}", "--user", "cut", "--bot", "echo", "-m", text
        )
    assert (done.returncode, done.stdout) == (0, text + "\n")
    assert proxy.sends == 2
    assert proxy.answers > 4
    session = server.api("GET", "/api/sessions", user="cut")["sessions"][0]
    assert session["turn_count"] == 1


# In a terminal


@pytest.fixture
def terminal(server, request):
    opened = Terminal(server.url, "--bot", "echo", "--user", request.node.name)
    yield opened
    opened.close()


def test_interrupts_in_a_terminal(server, terminal):
    terminal.expect("/help lists the commands")
    terminal.expect("> ")
    terminal.send(words(300) + "\r")
    terminal.expect("w299")  # as it was typed
    terminal.expect("antiphon: session ")
    terminal.expect("w20 ")  # the reply
    terminal.process.send_signal(signal.SIGINT)
    terminal.expect("antiphon: stopped")
    terminal.expect("> ")
    terminal.send("still there\r")
    terminal.expect("still there\r\n")
    terminal.expect("still there\r\n")
    terminal.expect("> ")
    terminal.interrupt_to_leave()
    assert terminal.end() == 0
    assert "Traceback" not in terminal.seen
    stopped, after = [m for m in server.messages("test_interrupts_in_a_terminal") if m["role"] == "assistant"]
    assert stopped["status"] == "stopped"
    assert words(300).startswith(stopped["content"])
    assert after["content"] == "still there"


def test_stop_typed_during_a_reply(terminal):
    terminal.expect("> ")
    terminal.send(words(300) + "\r")
    terminal.expect("antiphon: session ")
    terminal.expect("w20 ")
    terminal.send("/stop\nand on\n")
    terminal.expect("antiphon: stopped")
    terminal.expect("and on\r\n")  # what was typed meanwhile is sent next
    terminal.expect("> ")
    terminal.send("\x04")
    assert terminal.end() == 0


def test_a_paste_is_one_message(server, terminal):
    terminal.expect("> ")
    terminal.send("\x1b[200~pasted one\npasted two\x1b[201~")
    terminal.send("\r")
    terminal.expect("antiphon: session ")
    terminal.expect("pasted two\r\n")
    terminal.expect("> ")
    terminal.send("/quit\r")
    assert terminal.end() == 0
    assert [m["content"] for m in server.messages("test_a_paste_is_one_message")] == [
        "pasted one\npasted two"
    ] * 2


def test_a_reply_under_way_is_shown_when_its_session_is_opened(server):
    session = server.api("POST", "/api/sessions", {})["id"]
    server.api("POST", f"/api/sessions/{session}/messages", {"text": words(60), "bot": "echo"})
    terminal = Terminal(server.url, "--session", session)
    try:
        terminal.expect(words(60))
        terminal.expect("> ")
        terminal.send("\x04")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_a_terminal_gets_no_control_characters(terminal):
    terminal.expect("> ")
    terminal.send("/bot echo\r")
    terminal.expect("> ")
    terminal.send("a\x16\x1b[31mb\r")  # Ctrl-V lets the escape character be typed
    terminal.expect("antiphon: session ")
    terminal.expect("\n")
    terminal.expect("a[31mb\r\n")
    terminal.expect("> ")
    terminal.send("\x04")
    assert terminal.end() == 0
