"""What happens to a fleet: pods die, hang, are rolled; servers restart, die, hang; the network breaks."""

import asyncio
import contextlib
import time

from chaos.accounts import SETTLES_S, Report
from chaos.fleet import LEASE_S, Fleet, Pod

PODS = {"kill": 5, "zombie": 1, "roll": 1}
NETWORK = {
    "cut_line": 1,
    "refuse_line": 1,
    "swallow_line": 1,
    "delay_line": 1,
    "cut_door": 1,
    "swallow_door": 1,
}
ENGINES = {"restart_engine": 2, "kill_engine": 1, "pause_engine": 1}


ALONE = 0.3
"""The share of mishaps that come alone: what they cost can be told."""


class Mishaps:
    """One by one and on top of each other, as the dice will have it."""

    def __init__(self, fleet: Fleet, report: Report, dice, *, network=True, engines=False):
        self.fleet = fleet
        self.report = report
        self.dice = dice
        self.weights = PODS | (NETWORK if network and fleet.proxied else {}) | (ENGINES if engines else {})
        self.most_down = 1
        self._tasks = set()
        self._engine_busy = False
        self._back: dict[str, float] = {}

    async def run(self, kills):
        """Go on until so many pods were killed and all is well again. Raises what went wrong on the way."""
        names, weights = list(self.weights), list(self.weights.values())
        while self.report.kills < kills:
            (name,) = self.dice.choices(names, weights)
            alone = self.dice.random() < ALONE
            if alone:
                await self._quiet()
            self._begin(name)
            if alone:
                await self._quiet()
            await asyncio.sleep(self.dice.uniform(1.0, 4.0))
            for task in [task for task in self._tasks if task.done()]:
                self._tasks.discard(task)
                task.result()
        await asyncio.gather(*self._tasks)

    async def _quiet(self):
        """Wait until all is well again, leases included."""
        if self._tasks:
            await asyncio.gather(*self._tasks)
            self._tasks.clear()
            await asyncio.sleep(SETTLES_S)

    def _begin(self, name):
        """Begin it, if there is somebody left whom it can happen to."""
        if name.endswith("_engine"):
            if not self._engine_busy:
                self._spawn(getattr(self, name)(self.dice.choice(self.fleet.engines.names)))
            return
        healthy = self.fleet.healthy
        if len(healthy) < len(self.fleet.pods) - self.most_down:
            return
        pod = self.dice.choice(healthy)
        if name.endswith("_line"):
            self._spawn(getattr(self, name)(pod, self.dice.choice(list(pod.lines))))
        else:
            self._spawn(getattr(self, name)(pod))

    def _spawn(self, work):
        self._tasks.add(asyncio.create_task(work))

    async def kill(self, pod: Pod, wait=None):
        """SIGKILL; somebody starts it again."""
        self.report.kills += 1
        with self._down(f"kill {pod.name}", pod):
            await pod.kill()
            await asyncio.sleep(self.dice.uniform(0.5, 3) if wait is None else wait)
            await pod.start_again()

    async def zombie(self, pod: Pod):
        """SIGSTOP for longer than its lease, then SIGCONT.

        It counts as an outage: a reader finds out by its own patience, and hangs as long as that.
        """
        self.report.stops += 1
        with self._outage(f"stop {pod.name}"), self._down("", pod):
            pod.pause()
            await asyncio.sleep(2 * LEASE_S)
            pod.resume()

    async def roll(self, pod: Pod):
        """SIGTERM, and a new one when it has left."""
        self.report.rolls += 1
        with self._down(f"roll {pod.name}", pod):
            code = await pod.stop()
            if code != 0:
                self.report.fault("wrong", f"{pod.name} left with {code}")
            await pod.start_again()

    async def cut_line(self, pod: Pod, engine):
        """Reset a pod's connections to a server."""
        with self._broken(f"cut {pod.name} - {engine}"):
            pod.lines[engine].cut()

    async def refuse_line(self, pod: Pod, engine):
        """Let a pod find nobody at a server's address."""
        with self._broken(f"refuse {pod.name} - {engine}"):
            pod.lines[engine].refuse()
            await asyncio.sleep(self.dice.uniform(0.5, 5))
            await pod.lines[engine].heal()

    async def swallow_line(self, pod: Pod, engine):
        """Partition a pod from a server: nothing passes, and nobody is told."""
        with self._broken(f"swallow {pod.name} - {engine}"):
            pod.lines[engine].swallow()
            await asyncio.sleep(self.dice.uniform(1, 12))
            if self.dice.random() < 0.5:
                pod.lines[engine].cut()
            await pod.lines[engine].heal()

    async def delay_line(self, pod: Pod, engine):
        """Make the way to a server a long one."""
        with self._broken(f"delay {pod.name} - {engine}"):
            pod.lines[engine].delay = 0.2
            await asyncio.sleep(self.dice.uniform(1, 5))
            pod.lines[engine].delay = 0.0

    async def cut_door(self, pod: Pod):
        """Reset the connections of a pod's readers."""
        with self._broken(f"cut readers - {pod.name}"):
            pod.door.cut()

    async def swallow_door(self, pod: Pod):
        """Partition a pod from its readers."""
        with self._broken(f"swallow readers - {pod.name}"):
            pod.door.swallow()
            await asyncio.sleep(self.dice.uniform(1, 8))
            await pod.door.heal()

    async def restart_engine(self, name):
        """Stop a server in good order and start it again."""
        with self._away(f"restart {name}"):
            await self.fleet.engines.act("restart", name)

    async def kill_engine(self, name):
        """SIGKILL a server; somebody starts it again."""
        with self._away(f"kill {name}"):
            await self.fleet.engines.act("kill", name)
            await asyncio.sleep(self.dice.uniform(0.5, 5))
            await self.fleet.engines.act("start", name)

    async def pause_engine(self, name, seconds=None):
        """SIGSTOP a server for a while."""
        with self._away(f"pause {name}"):
            await self.fleet.engines.pause(name)
            await asyncio.sleep(seconds or self.dice.uniform(2, 20))
            await self.fleet.engines.resume(name)

    @contextlib.contextmanager
    def _down(self, what, pod):
        """Note that a pod is away; a second one with it, or right after it, counts as an outage."""
        now = time.monotonic()
        others = [other for other in self.fleet.pods if other is not pod]
        stacked = any(other.busy or now - self._back.get(other.name, 0) < SETTLES_S for other in others)
        pod.busy = True
        with self._outage(what) if stacked else contextlib.nullcontext():
            if what and not stacked:
                self.report.happened(what)
            yield
        if what and not stacked:
            self.report.happened(f"{what}: over")
        self._back[pod.name] = time.monotonic()
        pod.busy = False

    @contextlib.contextmanager
    def _broken(self, what):
        self.report.cuts += 1
        with self._outage(what):
            yield

    @contextlib.contextmanager
    def _away(self, what):
        self.report.restarts += 1
        self._engine_busy = True
        with self._outage(what):
            yield
        self._engine_busy = False

    @contextlib.contextmanager
    def _outage(self, what):
        self.report.happened(what)
        outage = self.report.outage(what)
        yield
        outage.ended = time.monotonic()
        self.report.happened(f"{what}: over")
