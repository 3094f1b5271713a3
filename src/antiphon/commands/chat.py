"""``antiphon chat``: a chat in the terminal, or one question and its answer.

Exit code: 0 when all was answered, 1 when a reply failed, was stopped or was refused, 2 when the server
cannot be reached. Replies, and nothing else, go to standard output.
"""

import asyncio
import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from antiphon.commands.chat_client import Client, part
from antiphon.commands.chat_commands import Chosen, Commands
from antiphon.commands.chat_reply import ChatError, Refused, Reply, Unreachable
from antiphon.commands.chat_screen import Hangup, Keyboard, Screen
from antiphon.ids import new_id

TITLE_CHARS = 80
STOP_S = 2.0
"""How long a stop may take before a word is said about it."""
UNREACHABLE = 2


def run(
    url: str,
    *,
    message: str | None = None,
    bot: str | None = None,
    model: str | None = None,
    session: str | None = None,
    user: str = "terminal",
) -> int:
    """Chat with the server at ``url``; return the exit code.

    Args:
        url: the server's address; without a scheme, ``http``.
        message: send this only and print the reply; ``-`` reads it from standard input.
        bot: which bot answers.
        model: which model answers.
        session: go on with this session.
        user: who asks.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    talkative = sys.stderr.isatty() if message is not None else sys.stdin.isatty()
    screen = Screen(sys.stdout, sys.stderr, talkative=talkative)
    chosen = Chosen(session, bot, model)
    try:
        client = Client(address(url), checked(user), screen.note)
        with asyncio.Runner() as runner:
            chat = Chat(runner, client, screen, chosen)
            try:
                return chat.one(message) if message is not None else chat.many()
            finally:
                runner.run(client.close())
    except Hangup:
        _discard_output()
    except KeyboardInterrupt:
        screen.end_line()
    except Unreachable as error:
        screen.end_line()
        screen.note(str(error))
        if error.at_once:
            screen.note("is `antiphon serve` running there?")
        elif chosen.session:
            screen.note(f"later, go on with: antiphon chat --url {url} --session {chosen.session}")
        return UNREACHABLE
    except ChatError as error:
        screen.end_line()
        screen.note(str(error))
    return 1


def address(url: str) -> str:
    """Return the server's address in full. Raises Refused."""
    full = (url if "://" in url else f"http://{url}").rstrip("/")
    try:
        parts = urlsplit(full)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise Refused(f"{url!r} is no address of a server; one looks like http://127.0.0.1:8000")
    return full


def checked(user: str) -> str:
    """Return the user's name if it can be sent. Raises Refused."""
    if not user.strip() or not user.isprintable():
        raise Refused("a user's name has at least one character and only printable ones")
    return user


class Chat:
    """A conversation, whichever session it is in."""

    def __init__(self, runner: asyncio.Runner, client: Client, screen: Screen, chosen: Chosen) -> None:
        self._run = runner.run
        self._client = client
        self._screen = screen
        self._chosen = chosen
        self._keyboard: Keyboard | None = None

    def one(self, message: str) -> int:
        """Send one message, print the reply, return the exit code."""
        text = sys.stdin.read().removesuffix("\n") if message == "-" else message
        if not text.strip():
            raise Refused("the message is empty")
        return 0 if self._run(self._say(text)) == "complete" else 1

    def many(self) -> int:
        """Read messages and commands until the end of input, return the exit code."""
        self._run(self._greet())
        keyboard = self._keyboard = Keyboard(self._screen)
        commands = Commands(self._client, self._screen, self._chosen)
        code = 0
        while (line := self._next(keyboard)) is not None:
            try:
                if line.startswith("/"):
                    self._run(commands.run(line))
                else:
                    code = 0 if self._run(self._say(line.strip())) == "complete" else 1
            except ChatError as error:
                self._screen.end_line()
                self._screen.note(str(error))
                code = UNREACHABLE if isinstance(error, Unreachable) else 1
                if code == UNREACHABLE and not keyboard.terminal:
                    return code
            except KeyboardInterrupt:
                self._screen.end_line()
        return 0 if keyboard.terminal else code

    def _next(self, keyboard: Keyboard) -> str | None:
        """Return the next line that says something, None when it is time to leave."""
        while True:
            try:
                line = keyboard.read()
            except KeyboardInterrupt:
                self._screen.prompt("\n")
                return None
            if line is None or line.strip() in ("/quit", "/exit"):
                return None
            if line.strip():
                return line

    async def _greet(self) -> None:
        """Meet the server; show what is under way in a session that is gone on with."""
        answer = await self._client.ask("GET", "/api/bots")
        name = self._chosen.bot or answer["default"]
        greeting = next((bot["greeting"] for bot in answer["bots"] if bot["name"] == name), "")
        who = self._chosen.model or name
        self._screen.aside(f"{who} at {self._client.url}. {greeting} /help lists the commands.")
        if self._chosen.session is not None:
            session = await self._client.ask("GET", f"/api/sessions/{part(self._chosen.session)}")
            for turn in session["running"]:
                if turn["ended_at"] is None:
                    await self._watch(Reply(session["id"], turn_id=turn["id"]))

    async def _say(self, text: str) -> str:
        """Send a message and show the reply; return how it ended."""
        if self._chosen.session is None:
            # The id is chosen here, so that making the session is safe to repeat.
            body = {"id": new_id("ses"), "title": " ".join(text.split())[:TITLE_CHARS]}
            made = await self._client.persist(lambda: self._client.ask("POST", "/api/sessions", body))
            self._chosen.session = str(made["id"])
            self._screen.aside(f"session {self._chosen.session}")
        chosen = self._chosen
        return await self._watch(Reply(self._chosen.session, text, bot=chosen.bot, model=chosen.model))

    async def _watch(self, reply: Reply) -> str:
        """Show a reply to its end. The first Ctrl-C stops it, the second stops watching it."""
        following = asyncio.create_task(self._client.follow(reply, self._screen.show))
        stopping: list[asyncio.Task[None]] = []
        again = "the server has not confirmed the stop yet; Ctrl-C again leaves"
        loop = asyncio.get_running_loop()
        telling = None

        def interrupt() -> None:
            nonlocal telling
            if stopping:
                following.cancel()
            else:
                stopping.append(asyncio.create_task(self._client.stop(reply)))
                telling = loop.call_later(STOP_S, self._screen.note, again)

        listening = self._keyboard.listen(interrupt) if self._keyboard else contextlib.nullcontext()
        try:
            with _on_interrupt(interrupt), listening:
                await following
        except asyncio.CancelledError:
            self._screen.end_line()
            self._screen.note("left before the server confirmed the stop")
            return "stopped"
        finally:
            if telling is not None:
                telling.cancel()
            for task in stopping:
                task.cancel()
            await asyncio.gather(*stopping, return_exceptions=True)
        return self._tell_end(reply)

    def _tell_end(self, reply: Reply) -> str:
        end = reply.end
        assert end is not None
        self._screen.end_line()
        if end.state == "failed":
            error = end.error
            why = f"{error.detail} ({error.code})" if error else "the server does not say why"
            self._screen.note(f"the reply failed: {why}")
        elif end.state != "complete":
            self._screen.note(end.state)
        return end.state


@contextlib.contextmanager
def _on_interrupt(call: Callable[[], Any]) -> Iterator[None]:
    """Call this at Ctrl-C, where the system lets an event loop do so."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, call)
    except (NotImplementedError, RuntimeError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _discard_output() -> None:
    """Keep the interpreter from complaining about a closed pipe at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
