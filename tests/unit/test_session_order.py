"""Turns of one session that several pods tell of, not always in order."""

from test_two_pods import fleet_on, path  # noqa: F401 - a fixture

from antiphon.engine.cursor import parse_cursor
from antiphon.engine.submit import Ask
from antiphon.model import Principal
from patience import until

ANN = Principal("user:ann")


class Order:
    """A follower that notes which turns it is given, and checks each cursor against them."""

    def __init__(self):
        self.taken = []
        self.ended = set()

    def ready(self, cursor):
        """Nothing yet."""

    def begin(self, turn):
        self.taken.append(turn.number)

    def feed(self, turn, first, chunks, others, memo):
        cursor = parse_cursor(f"{turn.number}.{first + len(chunks)}{others}")
        for number in range(1, cursor.newest):
            assert cursor.of(number) is not None or number in self.ended, f"{cursor} passes over {number}"
        if chunks[-1].kind == "end":
            self.ended.add(turn.number)
        return True

    def after_end(self, turn, received, end, others):
        """Nothing follows."""

    def lost(self, turn):
        raise AssertionError("nothing is lost")

    def gone(self, cursor):
        raise AssertionError("nothing is deleted")


async def test_a_turn_whose_announcement_is_late_comes_before_the_next(path):  # noqa: F811
    async with fleet_on(path) as fleet:
        order = Order()
        follow = await fleet.pods[1].follow_session(ANN, "s", order, None)
        await fleet.submit()
        lost = []
        fleet.bus.lose = lambda topic: topic.startswith("session.") and not lost.append(topic)
        await fleet.submit()
        assert lost
        fleet.bus.lose = lambda topic: False
        asked = Ask(session_id="s", text="three")
        await fleet.pods[1].submit(ANN, asked)
        await until(lambda: len(order.ended) >= 3)
        assert order.taken == [1, 2, 3]
        fleet.pods[1].unfollow_session(ANN, "s", follow)


async def test_who_comes_later_is_not_given_what_was_received_before(path):  # noqa: F811
    async with fleet_on(path) as fleet:
        early, late = Order(), Order()
        late.ended.add(1)
        first = await fleet.pods[1].follow_session(ANN, "s", early, None)
        fleet.bus.lose = lambda topic: topic.startswith("session.")
        turn = await fleet.submit()
        await (await fleet.follow(turn, at=0)).whole()
        await fleet.pods[0].store.mark_delivered([turn.id])
        second = await fleet.pods[1].follow_session(ANN, "s", late, None)
        fleet.bus.lose = lambda topic: False
        await fleet.pods[1].submit(ANN, Ask(session_id="s", text="two"))
        await until(lambda: early.ended == {1, 2} and 2 in late.ended)
        assert early.taken == [1, 2]
        assert late.taken == [2]
        fleet.pods[1].unfollow_session(ANN, "s", first)
        fleet.pods[1].unfollow_session(ANN, "s", second)
