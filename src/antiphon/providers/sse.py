"""Server-sent events, read piece by piece."""

from antiphon.errors import ProviderGarbled

MAX_EVENT = 1 << 20
"""Bytes one event may have, over which the stream is taken for garbage."""

_BOM = b"\xef\xbb\xbf"


class SSEParser:
    """Turns bytes, split anywhere, into the payloads of ``data:`` fields.

    Other fields and comments are skipped: no model API needs them. Lines may end with LF, CRLF or CR. Bytes
    are never decoded here, so that a split within a character does no harm.
    """

    __slots__ = ("_after_cr", "_between", "_data", "_first", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = bytearray()  # an unfinished line; grows in place, so that tiny reads stay linear
        self._data: list[bytes] = []  # the data lines of the unfinished event
        self._size = 0
        self._after_cr = False
        self._first = True
        self._between = False  # whether nothing is pending

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the payloads of the events they complete.

        Raises:
            ProviderGarbled: an event is larger than ``MAX_EVENT``.
        """
        # Whole events of one line each are what a model sends nearly always.
        if (
            self._between
            and data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and len(data) <= MAX_EVENT
            and b"\r" not in data
        ):
            payloads = data[6:-2].split(b"\n\ndata: ")
            if data.count(b"\n") == 2 * len(payloads):
                return payloads
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in data:
            self._rest += data
            self._bound(len(self._rest))
            self._between = False
            return []
        return self._lines(data)

    def finish(self) -> list[bytes]:
        """Return what a stream that ended without its last blank line still holds."""
        self._after_cr = False
        return self.feed(b"\n\n")

    def _lines(self, data: bytes) -> list[bytes]:
        lines = data.split(b"\n")
        if self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._rest += lines.pop()
        if self._first:
            self._first = False
            lines[0] = lines[0].removeprefix(_BOM)
        events: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                payload = line[6:] if line.startswith(b"data: ") else line[5:]
                self._data.append(payload)
                self._size += len(payload) + 1
                self._bound(self._size)
            elif not line and self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
                self._size = 0
            elif line == b"data":
                self._data.append(b"")
                self._size += 1
                self._bound(self._size)
        self._bound(len(self._rest))
        self._between = not (self._rest or self._data or self._after_cr)
        return events

    def _bound(self, size: int) -> None:
        if size > MAX_EVENT:
            raise ProviderGarbled(f"The provider sent one event of more than {MAX_EVENT} bytes.")
