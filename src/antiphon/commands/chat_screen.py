"""What the terminal chat writes and reads: replies to standard output, everything else to standard error."""

import asyncio
import contextlib
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import TextIO

from antiphon.commands.chat_reply import Event

PROMPT = "> "
CONTINUED = "… "
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
# Everything a terminal would obey, but for tab and newline.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Hangup(Exception):
    """Nobody reads standard output any more."""


class Screen:
    """Writes. A reply goes out as it came, but a terminal gets no control characters with it.

    Args:
        out: takes the replies.
        notes: takes everything else.
        talkative: whether somebody is there to be told more than what went wrong.
    """

    def __init__(self, out: TextIO, notes: TextIO, *, talkative: bool) -> None:
        self._out = out
        self._notes = notes
        self.talkative = talkative
        self._terminal = out.isatty()
        self._colour = notes.isatty() and "NO_COLOR" not in os.environ
        self._one_terminal = self._terminal and notes.isatty()
        self._line_open = False
        self._thinking = False

    def show(self, event: Event) -> None:
        """Show one chunk of a reply."""
        if event.type == "content":
            self._end_thinking()
            self.write(event.text)
        elif event.type == "reasoning" and self.talkative and self._one_terminal:
            self._think(event.text)
        elif event.type == "reset":
            self.end_line()
            reason = event.data.get("reason") if isinstance(event.data, dict) else None
            self.note(f"the reply begins again ({reason})" if reason else "the reply begins again")
        elif event.type == "end":
            self.end_line()

    def write(self, text: str) -> None:
        """Write to standard output. Raises Hangup."""
        if not text:
            return
        try:
            self._out.write(_CONTROL.sub("", text) if self._terminal else text)
            self._out.flush()
        except BrokenPipeError:
            raise Hangup from None
        self._line_open = not text.endswith("\n")

    def end_line(self) -> None:
        """Begin a new line on standard output, unless one has begun."""
        self._end_thinking()
        if self._line_open:
            self.write("\n")

    def note(self, text: str) -> None:
        """Write one line to standard error."""
        self._end_thinking()
        if self._one_terminal and self._line_open:
            self.end_line()
        line = _CONTROL.sub("", " ".join(text.split()))
        self._tell(f"{_DIM}antiphon: {line}{_PLAIN}\n" if self._colour else f"antiphon: {line}\n")

    def aside(self, text: str) -> None:
        """Write one line to standard error if somebody is there who may want to know."""
        if self.talkative:
            self.note(text)

    def prompt(self, text: str) -> None:
        """Write a prompt to standard error."""
        self._tell(text)

    def _think(self, text: str) -> None:
        if not self._thinking:
            self.end_line()
        self._thinking = True
        text = _CONTROL.sub("", text)
        self._tell(f"{_DIM}{text}{_PLAIN}" if self._colour else text)

    def _end_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            self._tell("\n")

    def _tell(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._notes.write(text)
            self._notes.flush()


class Keyboard:
    """Reads lines from standard input; with line editing on a terminal, where a paste stays in one piece."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.terminal = sys.stdin.isatty()
        self._editing = self.terminal and sys.stdout.isatty() and _edit_lines()
        self._typed: deque[str] = deque()
        self._rest = b""
        self._ended = False

    def read(self) -> str | None:
        """Return the next message or command, None at the end; a line that ends in a backslash goes on."""
        lines: list[str] = []
        while True:
            line = self._line(CONTINUED if lines else PROMPT)
            if line is None:
                return "\n".join(lines) if lines else None
            if not line.endswith("\\"):
                return "\n".join([*lines, line])
            lines.append(line[:-1])

    @contextlib.contextmanager
    def listen(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call ``stop`` if somebody types ``/stop``; what else is typed meanwhile is read afterwards."""
        if not self.terminal or self._ended:
            yield
            return
        loop = asyncio.get_running_loop()
        descriptor = sys.stdin.fileno()

        def readable() -> None:
            data = os.read(descriptor, 1 << 16)
            if not data:
                self._ended = True
                loop.remove_reader(descriptor)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace").rstrip("\r")
                if text.strip() == "/stop":
                    stop()
                else:
                    self._typed.append(text)

        loop.add_reader(descriptor, readable)
        try:
            yield
        finally:
            loop.remove_reader(descriptor)

    def _line(self, prompt: str) -> str | None:
        if self._typed:
            return self._typed.popleft()
        if self._ended:
            return None
        if self.terminal and not self._editing:
            self._screen.prompt(prompt)
        try:
            return input(prompt if self._editing else "")
        except EOFError:
            if self.terminal:
                self._screen.prompt("\n")
            return None


def _edit_lines() -> bool:
    """Switch line editing on; whether there is any."""
    try:
        import readline  # noqa: PLC0415 - not everywhere, and it touches the terminal
    except ImportError:
        return False
    readline.parse_and_bind("set enable-bracketed-paste on")
    return True
