"""What a client has received that never says so."""

from antiphon.dialects.session_receipts import TAKEN_WITHIN_S, TOGETHER_S, Receipts


class Case:
    def __init__(self):
        self.time = 0.0
        self.receipts = Receipts(lambda: self.time)
        self.receipts.begin("1.0")

    def arrive(self, *cursors):
        """Write frames, ask, and be answered; a cursor ends with ``!`` where a reply ends."""
        for cursor in cursors:
            self.receipts.written(cursor.removesuffix("!"), ends=cursor.endswith("!"))
        self.receipts.ask()
        self.receipts.answered()
        return self.receipts.known()

    def wait(self, seconds=TAKEN_WITHIN_S):
        self.time += seconds
        return self.receipts.known()


def test_what_was_not_answered_is_not_known():
    case = Case()
    case.receipts.written("1.1", ends=False)
    assert case.receipts.may_ask
    assert case.receipts.known() == "1.0"
    case.receipts.ask()
    assert not case.receipts.may_ask
    case.receipts.written("1.2", ends=False)
    assert not case.receipts.may_ask  # one question at a time
    case.receipts.answered()
    assert case.receipts.known() == "1.1"
    assert case.receipts.may_ask


def test_frames_that_come_one_by_one_count_at_once():
    case = Case()
    for cursor in ("1.1", "1.2", "1.3!"):
        assert case.arrive(cursor) == cursor.removesuffix("!")
        case.wait(TOGETHER_S)


def test_of_frames_that_come_together_the_first_counts_until_the_others_were_taken():
    case = Case()
    assert case.arrive("1.1", "1.2", "2.1,1.2") == "1.1"
    assert case.arrive("1.3,2.1") == "1.1"
    assert case.wait(TAKEN_WITHIN_S / 2) == "1.1"
    assert case.wait() == "1.3,2.1"


def test_what_others_came_after_was_taken():
    case = Case()
    assert case.arrive("1.1", "1.2") == "1.1"
    case.wait(TOGETHER_S)
    assert case.arrive("1.3", "1.4") == "1.3"


def test_what_came_up_to_the_end_of_a_reply_counts():
    case = Case()
    assert case.arrive("1.1", "1.2!", "2.0") == "1.2"
    case.wait()
    assert case.arrive("2.1", "2.2!") == "2.2"
    assert case.wait() == "2.2"


def test_an_end_that_was_made_up_for_counts_once_it_was_taken():
    case = Case()
    assert case.arrive("1.1", "1.2", "1.3", "1.4!") == "1.1"
    assert case.wait() == "1.4"
