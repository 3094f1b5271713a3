"""The commands of the terminal chat: what a line that begins with ``/`` does."""

from collections.abc import Awaitable, Callable

from antiphon.commands.chat_client import Client, part
from antiphon.commands.chat_reply import Refused, Reply
from antiphon.commands.chat_screen import Screen

HELP = """\
/new          begin a new session
/stop         stop what still runs in this session (during a reply: Ctrl-C, or type /stop)
/models       list the models
/bots         list the bots
/bot NAME     have this bot answer from now on; without a name: the server's default
/model NAME   have this model answer from now on; without a name: the bot's own
/help         this
/quit         leave, as Ctrl-D does

A line that ends in \\ goes on in the next. A message that begins with / is sent with a space before it.
"""


class Chosen:
    """What the next message is sent with; None leaves it to the server."""

    def __init__(self, session: str | None, bot: str | None, model: str | None) -> None:
        self.session = session
        self.bot = bot
        self.model = model


class Commands:
    """Runs commands. Raises ChatError for what the server refuses."""

    def __init__(self, client: Client, screen: Screen, chosen: Chosen) -> None:
        self._client = client
        self._screen = screen
        self._chosen = chosen
        self._table: dict[str, Callable[[str], Awaitable[None]]] = {
            "/new": self._new,
            "/stop": self._stop,
            "/models": self._models,
            "/bots": self._bots,
            "/bot": self._bot,
            "/model": self._model,
            "/help": self._help,
        }

    async def run(self, line: str) -> None:
        """Run one command line."""
        name, _, argument = line.strip().partition(" ")
        command = self._table.get(name)
        if command is None:
            self._screen.note(f"there is no command {name}; /help lists those there are")
        else:
            await command(argument.strip())

    async def _new(self, _: str) -> None:
        self._chosen.session = None
        self._screen.note("the next message begins a new session")

    async def _stop(self, _: str) -> None:
        running = []
        if self._chosen.session:
            session = await self._client.ask("GET", f"/api/sessions/{part(self._chosen.session)}")
            running = [turn for turn in session["running"] if turn["ended_at"] is None]
        for turn in running:
            await self._client.stop(Reply(session["id"], turn_id=turn["id"]))
        self._screen.note(f"stopped {len(running)} replies" if running else "nothing is under way")

    async def _models(self, _: str) -> None:
        answer = await self._client.ask("GET", "/api/models")
        for model in answer["models"]:
            mark = "*" if model["id"] == self._chosen.model else " "
            self._screen.write(f"{mark} {model['id']}\n")
        for provider in answer["unavailable"]:
            self._screen.note(f"{provider['provider']}: {provider['detail']}")

    async def _bots(self, _: str) -> None:
        answer = await self._client.ask("GET", "/api/bots")
        current = self._chosen.bot or answer["default"]
        for bot in answer["bots"]:
            mark = "*" if bot["name"] == current else " "
            self._screen.write(f"{mark} {bot['name']:<16} {bot['title']} ({bot['model']})\n")

    async def _bot(self, name: str) -> None:
        answer = await self._client.ask("GET", "/api/bots")
        names = sorted(bot["name"] for bot in answer["bots"])
        if name and name not in names:
            raise Refused(f"there is no bot {name!r}; there are: {', '.join(names)}")
        self._chosen.bot, self._chosen.model = name or None, None
        self._screen.note(f"{name or answer['default']} answers, with its own model")

    async def _model(self, name: str) -> None:
        if name:
            answer = await self._client.ask("GET", "/api/models")
            ids = {model["id"] for model in answer["models"]}
            if name not in ids | {known.partition("/")[2] for known in ids}:
                self._screen.note(f"the server does not list {name!r}; trying it all the same")
        self._chosen.model = name or None
        self._screen.note(f"{name} answers" if name else "the bot's own model answers")

    async def _help(self, _: str) -> None:
        self._screen.write(HELP)
