"""The servers of ``make services``, in a folder of their own: started, spoken to, killed, stopped."""

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from other_programs import CI, lacking

SCRIPT = Path(__file__).parents[2] / "deploy" / "services" / "services.py"
NAMES = ("postgres", "redis", "nats")
VARIABLES = ["POSTGRES_URL", "REDIS_URL", "NATS_URL"]


def services(folder, *action):
    return subprocess.run(
        [sys.executable, SCRIPT, "--folder", folder, *action],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def done(folder, *action):
    result = services(folder, *action)
    assert result.returncode == 0, result.stderr
    return result.stdout


def pids(folder):
    return [int(done(folder, "pid", name)) for name in NAMES]


def addresses(folder):
    return dict(line.split("=", 1) for line in (folder / ".services.env").read_text().splitlines())


def connect(url):
    place = urlsplit(url)
    return socket.create_connection((place.hostname, place.port), timeout=10)


def redis(url, *words):
    """Send one command; return the one line of its answer, or None for nothing."""
    with connect(url) as connection:
        lines = connection.makefile("rwb")
        lines.write(b"*%d\r\n" % len(words))
        lines.writelines(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)
        lines.flush()
        answer = lines.readline()
        if answer == b"$-1\r\n":
            return None
        return (lines.readline() if answer.startswith(b"$") else answer).strip().decode()


def nats(url, subject, text=""):
    """Ask JetStream."""
    with connect(url) as connection:
        lines = connection.makefile("rwb")
        assert json.loads(lines.readline().removeprefix(b"INFO "))["jetstream"]
        lines.write(b'CONNECT {"verbose":false}\r\nSUB inbox 1\r\n')
        lines.write(f"PUB {subject} inbox {len(text)}\r\n{text}\r\n".encode())
        lines.flush()
        line = lines.readline()
        while not line.startswith(b"MSG"):
            assert line == b"PING\r\n", line
            line = lines.readline()
        return json.loads(lines.readline())


def postgres(url, sql):
    """Run a statement as the URL's user in its database; return the last row's last column."""
    place = urlsplit(url)
    with connect(url) as connection:
        stream = connection.makefile("rwb")
        greeting = f"user\0{place.username}\0database\0{place.path[1:]}\0\0".encode()
        stream.write(struct.pack("!ii", len(greeting) + 8, 3 << 16) + greeting)
        stream.write(b"Q" + struct.pack("!i", len(sql) + 5) + sql.encode() + b"\0")
        stream.flush()
        ready, value = 0, None
        while ready < 2:
            kind, length = struct.unpack("!ci", stream.read(5))
            body = stream.read(length - 4)
            assert kind != b"E", body
            ready += kind == b"Z"
            if kind == b"D":
                value = body[6:].decode()
        return value


@pytest.fixture
def folder(tmp_path):
    """Servers that run, and end with the test."""
    may_install = [] if CI else ["--no-install"]
    try:
        started = services(tmp_path, *may_install, "up")
        if started.returncode and "is missing" in started.stderr:
            lacking(f"{started.stderr.strip()} (make services)")
        assert started.returncode == 0, started.stderr
        yield tmp_path
    finally:
        services(tmp_path, "down", "--purge")


@pytest.fixture
def told(folder):
    """Their addresses, once each has something to remember."""
    urls = addresses(folder)
    assert list(urls) == VARIABLES
    assert postgres(
        urls["POSTGRES_URL"], "SELECT current_database() || current_setting('server_encoding')"
    ) == ("antiphonUTF8")
    postgres(urls["POSTGRES_URL"], "CREATE TABLE kept AS SELECT 'whole' AS text")
    assert redis(urls["REDIS_URL"], "SET", "kept", "whole") == "+OK"
    assert "error" not in nats(
        urls["NATS_URL"], "$JS.API.STREAM.CREATE.kept", '{"name":"kept","subjects":["kept"],"storage":"file"}'
    )
    assert nats(urls["NATS_URL"], "kept", "whole")["seq"] == 1
    return urls


def remembered(urls):
    return [
        postgres(urls["POSTGRES_URL"], "SELECT text FROM kept"),
        redis(urls["REDIS_URL"], "GET", "kept"),
        nats(urls["NATS_URL"], "$JS.API.STREAM.INFO.kept")["state"]["messages"],
    ]


def test_servers_outlive_kills_restarts_and_a_stop(folder, told):
    first = pids(folder)
    said = done(folder, "up")
    assert [line.split()[0] for line in said.splitlines()] == ["PostgreSQL", "Redis", "NATS"]
    assert all(url in said for url in told.values())
    assert pids(folder) == first, "a second call starts nothing"

    # Killed from outside; the script finds that out.
    for pid in first:
        os.kill(pid, 9)
    assert done(folder, "up") == said
    second = pids(folder)
    assert not set(second) & set(first)
    assert remembered(told) == ["whole", "whole", 1]

    done(folder, "kill", "postgres")
    assert done(folder, "status").splitlines()[0].split(maxsplit=1) == ["PostgreSQL", "does not run"]
    with pytest.raises(ConnectionRefusedError):
        connect(told["POSTGRES_URL"])
    done(folder, "start", "postgres")
    done(folder, "restart", "redis", "nats")
    assert not set(pids(folder)) & set(second)
    assert remembered(told) == ["whole", "whole", 1]

    done(folder, "down")
    assert not (folder / ".services.env").exists()
    for url in told.values():
        with pytest.raises(ConnectionRefusedError):
            connect(url)
    done(folder, "up")
    assert addresses(folder) == told
    assert remembered(told) == ["whole", "whole", 1]


def test_postgres_comes_back_while_clients_hold_on(folder, told):
    with connect(told["POSTGRES_URL"]) as held:
        greeting = b"user\0antiphon\0\0"
        held.sendall(struct.pack("!ii", len(greeting) + 8, 3 << 16) + greeting)
        assert held.recv(1) == b"R"
        done(folder, "kill", "postgres")
        done(folder, "start", "postgres")
        assert remembered(told)[0] == "whole"
        done(folder, "restart", "postgres")
        assert remembered(told)[0] == "whole"


def test_faults_are_told_in_one_line(tmp_path):
    unknown = services(tmp_path, "start", "oracle")
    assert unknown.returncode == 1
    assert unknown.stderr == "services: no server is named oracle: there are postgres, redis, nats\n"
    idle = services(tmp_path, "pid", "redis")
    assert idle.returncode == 1
    assert idle.stderr == "services: Redis does not run: services.py start redis\n"


PUT_INTO_AN_EMPTY_CHECKOUT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import services
from programs import Source

class Missing(services.Redis):
    def places(self):
        return iter(())
    def sources(self):
        return [Source("this test", lambda: Path(sys.argv[3]))]

services.CHECKOUT = Path(sys.argv[2])
services.SERVICES = (Missing,)
every = services.Services(services.CHECKOUT)
every.up()
print(*every.lines())
every.down(purge=True)
"""


def test_a_missing_program_is_got_where_tools_and_servers_share_a_folder(folder, tmp_path_factory):
    program = json.loads((folder / ".services" / "redis" / "state.json").read_text())["program"]["path"]
    checkout = tmp_path_factory.mktemp("checkout")
    result = subprocess.run(
        [sys.executable, "-c", PUT_INTO_AN_EMPTY_CHECKOUT, SCRIPT.parent, checkout, program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("(this test)\n")


def test_a_copy_never_touches_the_servers_of_its_original(folder, tmp_path_factory):
    running = pids(folder)
    copy = tmp_path_factory.mktemp("copy")
    subprocess.run(["cp", "-r", folder / ".services", copy], check=True)
    assert "is a copy" in services(copy, "up").stderr
    done(copy, "down")
    assert pids(folder) == running


def test_purge_leaves_no_data(folder, told):
    done(folder, "down", "--purge")
    assert [each.name for each in (folder / ".services").iterdir()] == ["lock"]
    done(folder, "up", "redis")
    assert list(addresses(folder)) == ["REDIS_URL"]
    assert redis(addresses(folder)["REDIS_URL"], "GET", "kept") is None
    done(folder, "up")
    urls = addresses(folder)
    assert postgres(urls["POSTGRES_URL"], "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == "0"
    assert "error" in nats(urls["NATS_URL"], "$JS.API.STREAM.INFO.kept")
