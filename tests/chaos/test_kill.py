"""A short chaos run; ``make chaos`` is the long one."""

from pathlib import Path

import pytest

from chaos.harness import chaos

pytestmark = pytest.mark.chaos


async def test_killed_again_and_again_nothing_is_lost_or_repeated(tmp_path):
    report = await chaos(tmp_path, kills=5, replies_a_kill=20, seed=1)
    print(report)
    assert report.clean, report
    assert report.replies == 100
    assert report.takeovers > 0, "no kill hit a running reply: the test tested nothing"


async def test_delivering_before_the_commit_is_noticed(tmp_path):
    program = (str(Path(__file__).parent / "sabotaged.py"), "deliver-first")
    report = await chaos(tmp_path, kills=8, replies_a_kill=20, seed=2, program=program)
    assert not report.clean, "delivering before the commit went unnoticed"
