"""``antiphon doctor``: sound set-ups, broken ones, and no key in what it says."""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import socket
import sqlite3

import pytest

from antiphon.commands import doctor as examined
from antiphon.commands import doctor_sqlite
from antiphon.config import Settings, SettingsError, load_settings
from antiphon.database import migrate, sole_user
from antiphon.from_settings import OLLAMA_PORT
from antiphon.stores.sql.migrate import HEAD
from antiphon.testing.model_server import serve
from doctor import ENVIRONMENT, read_findings, run_doctor

SECRET = "sk-a-very-secret-key"


def ollama_runs():
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", OLLAMA_PORT), 0.2):
        return True
    return False


@pytest.fixture
def doctor(tmp_path, monkeypatch, capsys):
    """Examine an empty directory in an environment that has only what is given."""
    monkeypatch.chdir(tmp_path)

    def examine(*, as_json=False, **environment):
        with monkeypatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in (ENVIRONMENT | environment).items():
                patch.setenv(name, value)
            try:
                settings, faults = load_settings(), ""
            except SettingsError as error:
                settings, faults = None, str(error)
            code = examined.run(settings, faults=faults, as_json=as_json)
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
        assert said.err == ""
        return code, said.out

    return examine


@pytest.fixture
def report(doctor):
    """Examine; return the exit code, and what was found as (topic, level, text)."""

    def examine(**environment):
        code, out = doctor(as_json=True, **environment)
        return code, read_findings(code, out)

    return examine


def problems(findings):
    return [(topic, text) for topic, level, text in findings if level == "problem"]


def migrated(directory):
    (directory / "data").mkdir()
    path = directory / "data" / "antiphon.db"
    migrate(load_settings({"database_url": f"sqlite:///{path}"}))
    return path


# Sound


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_first_start_is_sound_and_changes_nothing(tmp_path, arguments):
    done = run_doctor(tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "PROBLEM" not in done.stdout
    assert "the first start makes it" in done.stdout
    assert "sizebot answers by default" in done.stdout
    if not ollama_runs():
        assert "none on port" in done.stdout
        assert "only the built-in bots answer" in done.stdout
    if arguments:
        assert json.loads(done.stdout)["ok"] is True
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_end_the_program_with_a_problem(tmp_path):
    done = run_doctor(tmp_path, "--port", "70000")
    assert (done.returncode, done.stderr) == (1, "")
    assert "PROBLEM  settings   PORT=70000" in done.stdout


def test_a_database_in_use(tmp_path, report):
    path = migrated(tmp_path)
    code, findings = report()
    assert code == 0
    database = [text for topic, _, text in findings if topic == "database"]
    assert f"schema {HEAD}, the newest" in database[0]
    assert "not in use" in database[1]
    with sole_user(path):
        _, findings = report()
    assert ("database", "ok", "in use by a running antiphon") in findings


async def test_a_provider_that_answers(report):
    server = await serve()
    given = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": server.url}
    code, findings = await asyncio.to_thread(report, **given)
    await server.close()
    assert code == 0
    (told,) = [text for topic, _, text in findings if topic == "provider" and text.startswith("openai")]
    assert "(key set): test-100-50-0" in told


def test_models_given_in_the_file_are_not_asked_for(tmp_path, report):
    (tmp_path / "antiphon.toml").write_text(
        '[providers.p]\nbase_url = "http://127.0.0.1:1/v1"\nmodels = ["m"]\n[bots.b]\nmodel = "p/m"\n'
    )
    code, findings = report(ANTIPHON_DEFAULT_BOT="b")
    assert code == 0
    assert ("bots", "ok", "b, echo, sizebot; b answers by default") in findings
    assert any("not asked" in text for _, _, text in findings)


# Broken


def test_all_wrong_settings_are_told_without_secrets(doctor):
    short, password = "tooshort-42", "pass-word-42"
    code, said = doctor(
        PORT="99999",
        ANTIPHON_SECRET=short,
        DATABASE_URL=f"mysql://someone:{password}@box/db",
    )
    assert code == 1
    for name in ("PORT=", "ANTIPHON_SECRET:", "DATABASE_URL:"):
        assert f"PROBLEM  settings   {name}" in said
    assert short not in said
    assert password not in said


async def test_a_provider_that_refuses_the_key_and_repeats_it(doctor):
    body = f'{{"error": {{"message": "wrong key {SECRET}"}}}}'.encode()

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        code, said = await asyncio.to_thread(doctor, OPENAI_API_KEY=SECRET, OPENAI_BASE_URL=url)
    assert code == 1
    assert "PROBLEM  provider   openai at 127.0.0.1:" in said
    assert "Correct OPENAI_API_KEY" in said


def test_a_provider_that_is_not_there(report):
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        code, findings = report(OLLAMA_HOST=f"127.0.0.1:{taken.getsockname()[1]}")
    assert code == 1
    ((topic, text),) = problems(findings)
    assert (topic, text.split()[0]) == ("provider", "ollama")


def test_a_provider_whose_address_is_none(report):
    code, findings = report(OPENAI_API_KEY=SECRET, OPENAI_BASE_URL="nowhere")
    assert code == 1
    ((topic, text),) = problems(findings)
    assert (topic, text.split()[0]) == ("provider", "openai:")


def test_a_default_bot_that_is_not_there(report):
    code, findings = report(ANTIPHON_DEFAULT_BOT="nobody")
    assert code == 1
    assert [topic for topic, _ in problems(findings)] == ["bots"]


def test_a_bot_without_its_provider(report):
    code, findings = report(ANTIPHON_DEFAULT_MODEL="absent/model")
    assert code == 1
    assert problems(findings) == [("bots", "assistant cannot answer: there is no 'absent/model'")]


def test_a_file_that_is_no_database(tmp_path, report):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "antiphon.db").write_bytes(b"not a database at all " * 100)
    code, findings = report()
    assert code == 1
    assert "cannot be read" in problems(findings)[0][1]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer than this program's"),
        ("DROP TABLE alembic_version", "belongs to another program"),
    ],
)
def test_a_database_of_somebody_else(tmp_path, statement, told, report):
    path = migrated(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(statement)
        database.commit()
    code, findings = report()
    assert code == 1
    assert told in problems(findings)[0][1]


@pytest.mark.parametrize("path", ["file/antiphon.db", "."])
def test_a_database_that_cannot_be_made(tmp_path, path, report):
    (tmp_path / "file").write_text("in the way")
    code, findings = report(DATABASE_URL=f"sqlite:///{path}")
    assert code == 1
    assert [topic for topic, _ in problems(findings)] == ["database"]


def test_a_port_that_is_taken(report):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, findings = report(PORT=str(taken.getsockname()[1]))
    assert code == 1
    assert [topic for topic, _ in problems(findings)] == ["port"]


def test_a_log_that_is_lost_with_the_process_is_a_warning(report):
    code, findings = report(ANTIPHON_CHUNK_LOG="memory")
    assert code == 0
    assert ("log", "warning", "running replies are in memory, and lost with the process") in findings


def test_few_open_files_are_a_warning(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    (finding,) = examined._open_files(Settings())
    assert finding.level == "warning"
    assert "ulimit" in finding.advice
    assert "ANTIPHON_MAX_CONNECTIONS" in finding.advice


@pytest.mark.parametrize(("free", "level"), [(10 << 30, "ok"), (500 << 20, "warning"), (1 << 20, "problem")])
def test_room_on_the_disk(monkeypatch, tmp_path, free, level):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 0, free))
    settings = load_settings({"database_url": f"sqlite:///{tmp_path}/a.db"})
    (finding,) = doctor_sqlite.disk(settings)
    assert finding.level == level
