"""The command line."""

import os
import sys
from typing import Annotated, Any

import typer

from antiphon import __version__

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Port = Annotated[int | None, typer.Option(help="Port to listen on (PORT).")]
Host = Annotated[str | None, typer.Option(help="Address to listen on (HOST).")]
Database = Annotated[str | None, typer.Option("--database-url", help="Where to store (DATABASE_URL).")]


def _settings(**flags: Any) -> Any:
    from antiphon.config import SettingsError, load_settings  # noqa: PLC0415 - keeps --help fast

    try:
        return load_settings(flags)
    except SettingsError as error:
        _fail("These settings are wrong:", str(error))


def _fail(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(2)


Role = Annotated[str | None, typer.Option(help="api, worker or all (ANTIPHON_ROLE).")]
Workers = Annotated[int | None, typer.Option(help="Processes that share the port (ANTIPHON_WORKERS).")]


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    database_url: Database = None,
    role: Role = None,
    workers: Workers = None,
) -> None:
    """Serve chats until stopped."""
    _serve(host=host, port=port, database_url=database_url, role=role, workers=workers)


@app.command()
def worker(
    host: Host = None, port: Port = None, database_url: Database = None, workers: Workers = None
) -> None:
    """Run replies for the pods that take requests, until stopped; the port only tells how it is."""
    if port is None and "PORT" not in os.environ:
        port = 0  # whatever is free: nobody calls it but who is told to
    _serve(host=host, port=port, database_url=database_url, role="worker", workers=workers)


def _serve(**flags: Any) -> None:
    from antiphon.backends import MissingDriver  # noqa: PLC0415
    from antiphon.commands.serve import run  # noqa: PLC0415
    from antiphon.config import SettingsError  # noqa: PLC0415
    from antiphon.errors import StoreUnavailable  # noqa: PLC0415

    try:
        code = run(_settings(**flags))
    except (SettingsError, MissingDriver, StoreUnavailable) as error:
        _fail(str(error))
    sys.exit(code)


@app.command()
def migrate(database_url: Database = None) -> None:
    """Bring the database to the newest schema."""
    from antiphon.backends import MissingDriver  # noqa: PLC0415
    from antiphon.database import migrate as upgrade  # noqa: PLC0415
    from antiphon.errors import StoreUnavailable  # noqa: PLC0415

    try:
        changed = upgrade(_settings(database_url=database_url))
    except (StoreUnavailable, MissingDriver) as error:
        _fail(str(error))
    typer.echo("migrated" if changed else "already at the newest schema")


@app.command()
def chat(
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8000",
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="Send this (-: standard input), print the reply.")
    ] = None,
    bot: Annotated[str | None, typer.Option(help="Which bot answers.")] = None,
    model: Annotated[str | None, typer.Option(help="Which model answers, <provider>/<model>.")] = None,
    session: Annotated[str | None, typer.Option(help="Go on with this session.")] = None,
    user: Annotated[str, typer.Option(help="Who you are to the server.")] = "terminal",
) -> None:
    """Chat in the terminal; Ctrl-C stops a reply, a server that restarts is waited for."""
    from antiphon.commands.chat import run  # noqa: PLC0415

    sys.exit(run(url, message=message, bot=bot, model=model, session=session, user=user))


@app.command()
def doctor(
    host: Host = None,
    port: Port = None,
    database_url: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report for machines.")] = False,
) -> None:
    """Tell what is configured, what can be reached and what is wrong; exit code 1 if something is."""
    from antiphon.commands.doctor import run  # noqa: PLC0415
    from antiphon.config import SettingsError, load_settings  # noqa: PLC0415

    settings, faults = None, ""
    try:
        settings = load_settings({"host": host, "port": port, "database_url": database_url})
    except SettingsError as error:
        faults = str(error)
    sys.exit(run(settings, faults=faults, as_json=as_json))


@app.command("settings")
def settings_reference() -> None:
    """Print the reference of all settings as Markdown."""
    from antiphon.commands.settings_reference import run  # noqa: PLC0415

    sys.exit(run())


@app.command("graphql-schema")
def graphql_schema() -> None:
    """Print the GraphQL schema in its definition language."""
    from antiphon.transports.graphql.schema import definition  # noqa: PLC0415

    sys.stdout.write(definition())


@app.command("test-model")
def scripted_model(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 9100,
) -> None:
    """Serve a scripted OpenAI-compatible model, for tests and measurements."""
    from antiphon.testing.model_server import run  # noqa: PLC0415

    run(host, port)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line."""
    app()
