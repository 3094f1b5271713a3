"""Contracts A and B as their clients use them: load scripts with requests, aiohttp and websockets."""

from antiphon.testing.model_server import expected_text

MODEL = "test/test-40-5-0"
TEXTS = ["one", "two", "three"]


async def test_posts_at_one_pod_are_read_at_the_other_in_order(site, run_python):
    told = await run_python("message_board", pods=site.pods, users=6, posts=20)
    assert told == {"amiss": 0, "same": True, "in_order": True, "posts": 120}
    again = await run_python("message_board", pods=[site.url], users=2, posts=3)
    assert (again["amiss"], again["same"]) == (0, True)


async def test_a_history_is_answered_over_both_transports(site, run_python):
    told = await run_python("history_exchange", url=site.url, ws=site.ws, texts=TEXTS, model=MODEL)
    replies = [expected_text(text, 40) for text in TEXTS]
    assert told["http"] == told["socket"] == told["at_once"] == replies
    assert told["http_refused"] == [422, {"error": "Chat history cannot be empty"}]
    *garbled, alternate, last = told["socket_refused"]
    assert all("JSON" in answer["error"] for answer in garbled)
    assert alternate == {"error": "Messages must alternate between user and agent"}
    assert last == {"error": "Last message must be from user"}
    assert told["greeting"]["message"]
