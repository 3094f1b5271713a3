"""Several server processes on one port: starts them, replaces those that die, and stops them all.

Each process has a **slot**, which has listening sockets of its own that the supervisor keeps open; so no
connection is refused while a process is replaced. New connections go to slots with a process that is ready.

SIGTERM, SIGINT   stop: the processes get SIGTERM, and SIGKILL after a grace time; a second signal insists
SIGHUP            replace one process after another, each by a new one that is ready before the old one leaves

It has no thread and no event loop of asyncio's, reaps whatever is handed to it, and so may be process 1.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog

from antiphon.inherited import LISTEN_FDS, PARENT_FD, READY_FD, Listeners

logger = structlog.get_logger(__name__)

GRACE_S = 15.0
INSISTING_GRACE_S = 3.0
STARTING_S = 120.0
YOUNG_S = 5.0
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0

Announce = Callable[[int], None]


def run(
    arguments: Sequence[str],
    *,
    workers: int,
    host: str,
    port: int,
    environment: Mapping[str, str],
    announce: Announce,
) -> int:
    """Supervise until a signal; return the exit code.

    Args:
        arguments: the command line of a server process, the program first.
        workers: how many of them.
        host: what to listen on.
        port: same; 0 for any free one.
        environment: the variables of a server process; those of ``inherited`` are added.
        announce: called with the port once requests are taken.
    """
    try:
        listeners = Listeners(host, port, workers)
    except OSError as error:
        _log("error", "cannot_listen", host=host, port=port, reason=error.strerror or str(error))
        return 1
    with contextlib.closing(listeners), contextlib.closing(_Signals()) as signals:
        return Supervisor(arguments, environment, listeners, announce, signals).run()


class _Signals:
    """The signals that came, as something that can be waited for."""

    def __init__(self) -> None:
        self.pipe, self._in = os.pipe()
        for end in (self.pipe, self._in):
            os.set_blocking(end, False)
        self._wakeup = signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)
        # Who started this with nohup or in the background has had some ignored, and means it.
        kinds = [kind for kind in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(kind) != signal.SIG_IGN]
        kinds += [signal.SIGTERM, signal.SIGCHLD]
        self._handlers = {kind: signal.signal(kind, lambda *_: None) for kind in kinds}

    def read(self) -> bytes:
        """Return the numbers of the signals since the last time."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self.pipe, 4096)
        return b""

    def close(self) -> None:
        """Put back what handled them before."""
        for kind, handler in self._handlers.items():
            signal.signal(kind, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self.pipe)
        os.close(self._in)


class _Child:
    """A server process."""

    __slots__ = ("kill_at", "leaving", "process", "ready", "ready_pipe", "started")

    def __init__(self, process: "subprocess.Popen[bytes]", ready_pipe: int) -> None:
        self.process = process
        self.ready_pipe = ready_pipe
        self.started = time.monotonic()
        self.kill_at: float | None = self.started + STARTING_S
        self.ready = False
        self.leaving = False

    def signal(self, number: int) -> None:
        # Not by the Popen, which would take the exit status that reaping waits for.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def leave(self, grace: float) -> None:
        """Ask it to end, and end it if it hasn't within the grace time."""
        self.leaving = True
        until = time.monotonic() + grace
        self.kill_at = until if self.kill_at is None else min(until, self.kill_at)
        self.signal(signal.SIGTERM)


class _Slot:
    """A place for a server process; two are in it while one replaces the other."""

    __slots__ = ("child", "failures", "incoming", "number", "outgoing", "start_at")

    def __init__(self, number: int) -> None:
        self.number = number
        self.child: _Child | None = None
        self.incoming: _Child | None = None
        self.outgoing: _Child | None = None
        self.failures = 0
        self.start_at: float | None = 0.0

    @property
    def children(self) -> Iterator[_Child]:
        """Those that live."""
        return (child for child in (self.child, self.incoming, self.outgoing) if child is not None)

    @property
    def serves(self) -> bool:
        """Whether somebody takes its connections."""
        return self.child is not None and self.child.ready and not self.child.leaving


class Supervisor:
    """The processes of one port. ``run`` is called once."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        listeners: Listeners,
        announce: Announce,
        signals: _Signals,
    ) -> None:
        self._arguments = arguments
        self._environment = environment
        self._listeners = listeners
        self._announce = announce
        self._signals = signals
        self._slots = [_Slot(number) for number in range(len(listeners.slots))]
        self._live: list[int] = []
        self._announced = False
        self._stops = 0
        self._code = 0
        self._last_end = ""
        # Slots whose process is still to be replaced.
        self._rolling: deque[_Slot] = deque()
        self._had_terminal = os.isatty(0)
        # Nothing is ever written to it: its end tells the children that this process is gone.
        self._parent_pipe, self._parent_in = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals.pipe, selectors.EVENT_READ, self._take_signals)

    def run(self) -> int:
        """Supervise until a signal; return the exit code."""
        try:
            while self._tick():
                for key, _ in self._selector.select(self._patience()):
                    key.data()
        finally:
            for child in self._children():
                child.signal(signal.SIGKILL)
            self._selector.close()
            os.close(self._parent_pipe)
            os.close(self._parent_in)
        return self._code

    def _children(self) -> list[_Child]:
        return [child for slot in self._slots for child in slot.children]

    def _patience(self) -> float | None:
        """Return how long nothing is to be done unless something happens."""
        times = [child.kill_at for child in self._children()] + [slot.start_at for slot in self._slots]
        given = [at for at in times if at is not None]
        return max(0.0, min(given) - time.monotonic()) if given else None

    def _tick(self) -> bool:
        """Do what is due; return whether to go on."""
        now = time.monotonic()
        for child in self._children():
            if child.kill_at is not None and child.kill_at <= now:
                self._kill(child)
        for slot in self._slots:
            if slot.start_at is not None and slot.start_at <= now:
                slot.start_at = None
                slot.child = self._start(slot)
                if slot.child is None:
                    self._delay(slot, 0.0)
        if not self._stops:
            self._roll_on()
            self._say_how_it_started()
        self._steer()
        return not self._stops or bool(self._children())

    def _start(self, slot: _Slot) -> _Child | None:
        sockets = [listener.fileno() for listener in self._listeners.slots[slot.number]]
        ready, ready_in = os.pipe()
        own = {
            LISTEN_FDS: ",".join(map(str, sockets)),
            PARENT_FD: str(self._parent_pipe),
            READY_FD: str(ready_in),
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - the command line is the caller's own
                self._arguments,
                env={**self._environment, **own},
                pass_fds=(*sockets, self._parent_pipe, ready_in),
                stdin=subprocess.DEVNULL,
                # Ctrl-C reaches the whole group of the terminal: the children would take what is passed on
                # to them for the second signal, which insists.
                process_group=0,
            )
        except OSError as error:
            os.close(ready)
            self._last_end = f"{self._arguments[0]} cannot be started: {error.strerror}"
            _log("error", "worker_not_started", reason=self._last_end)
            return None
        finally:
            os.close(ready_in)
        child = _Child(process, ready)
        self._selector.register(ready, selectors.EVENT_READ, lambda: self._take_ready(slot, child))
        return child

    def _take_ready(self, slot: _Slot, child: _Child) -> None:
        if child.ready_pipe < 0:
            return  # it ended in the same moment
        child.ready = bool(os.read(child.ready_pipe, 1)) and not child.leaving
        self._forget_pipe(child)
        if not child.ready:
            return
        child.kill_at = None
        if child is slot.incoming:
            slot.outgoing, slot.child, slot.incoming = slot.child, child, None
            if slot.outgoing is not None:
                slot.outgoing.leave(GRACE_S)

    def _forget_pipe(self, child: _Child) -> None:
        if child.ready_pipe >= 0:
            self._selector.unregister(child.ready_pipe)
            os.close(child.ready_pipe)
            child.ready_pipe = -1

    def _kill(self, child: _Child) -> None:
        child.kill_at = None
        reason = "it did not stop in time" if child.leaving else "it was not ready in time"
        _log("warning", "worker_killed", pid=child.process.pid, reason=reason)
        if self._stops:
            self._code = 1
        child.signal(signal.SIGKILL)

    def _take_signals(self) -> None:
        for number in self._signals.read():
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            elif number == signal.SIGHUP and self._had_terminal and not os.isatty(0):
                self._stop()  # not an operator's wish: the terminal was closed
            elif number == signal.SIGHUP:
                self._roll()
        self._reap()

    def _reap(self) -> None:
        """Take the exit statuses of all that ended, orphans included."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                code = os.waitstatus_to_exitcode(ended[1])
                for slot in self._slots:
                    for child in tuple(slot.children):
                        if child.process.pid == ended[0]:
                            child.process.returncode = code
                            self._forget_pipe(child)
                            self._bury(slot, child, code)

    def _bury(self, slot: _Slot, child: _Child, code: int) -> None:
        if child is slot.outgoing:
            slot.outgoing = None
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._last_end = f"process {child.process.pid} ended with {how}"
        if not self._stops:
            _log("warning", "worker_died", pid=child.process.pid, ended_with=how)
        if child is slot.incoming:
            slot.incoming = None
            self._rolling.clear()
            if not self._stops:
                _log("error", "restart_abandoned", reason=self._last_end)
            return
        # If its replacement is already on the way, that one takes the slot as it is.
        slot.child, slot.incoming = slot.incoming, None
        if slot.child is None and not self._stops:
            self._delay(slot, time.monotonic() - child.started if child.ready else 0.0)

    def _delay(self, slot: _Slot, lived: float) -> None:
        """Have the slot's process started again, later the oftener it failed in a row."""
        slot.failures = slot.failures + 1 if lived < YOUNG_S else 0
        delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (slot.failures - 1)) if slot.failures else 0.0
        slot.start_at = time.monotonic() + delay

    def _stop(self, code: int = 0) -> None:
        """Pass the wish on; insist at the second time, and do it at the third."""
        self._stops += 1
        self._code = max(self._code, code)
        self._rolling.clear()
        for slot in self._slots:
            slot.start_at = None
        for child in self._children():
            child.leave({1: GRACE_S, 2: INSISTING_GRACE_S}.get(self._stops, 0.0))

    def _roll(self) -> None:
        if not self._stops:
            _log("info", "restart", workers=len(self._slots))
            # One that is being replaced just now may have been started before what it is to take up.
            self._rolling.extend(self._slots)

    def _roll_on(self) -> None:
        """Begin with the next slot when all serve and the last one's old process has left."""
        settled = all(slot.serves and not slot.incoming and not slot.outgoing for slot in self._slots)
        if not self._rolling or not settled:
            return
        slot = self._rolling.popleft()
        slot.incoming = self._start(slot)
        if slot.incoming is None:
            self._rolling.clear()

    def _say_how_it_started(self) -> None:
        """Announce when requests are taken, or give up when no process came so far."""
        if self._announced or not all(slot.serves or slot.failures for slot in self._slots):
            return
        if any(slot.serves for slot in self._slots):
            self._announced = True
            with contextlib.suppress(OSError):  # as in _log
                self._announce(self._listeners.port)
        elif all(slot.child is None for slot in self._slots):
            _log("error", "gave_up", reason=f"no server process started: {self._last_end}")
            self._stop(code=1)

    def _steer(self) -> None:
        live = [slot.number for slot in self._slots if slot.serves]
        if live != self._live:
            self._live = live
            self._listeners.steer(live)


def _log(level: str, event: str, **fields: object) -> None:
    """Log, if anybody still reads it: a closed terminal or pipe must not end the server."""
    with contextlib.suppress(OSError):
        getattr(logger, level)(event, **fields)
