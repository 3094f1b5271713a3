"""Users who post and read as a load test's do, each on the next pod. Tells what they saw."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import requests

given = json.loads(sys.argv[1])
pods, users, posts = given["pods"], given["users"], given["posts"]


def use(user):
    """Post at one pod and read at the next; return the posts made, and how often something was amiss."""
    made, amiss = [], 0
    with requests.Session() as http:
        for number in range(posts):
            here, there = (pods[(user + number + i) % len(pods)] + "/api/chat" for i in range(2))
            body = {"message": f"{user}.{number}", "sender": f"user {user}"}
            answer = http.post(here, json=body, timeout=30)
            assert answer.status_code == 201, answer.text
            made.append(answer.json())
            board = http.get(there, timeout=30).json()
            ids = [post["id"] for post in board]
            amiss += made[-1] not in board or ids != sorted(set(ids), reverse=True)
        assert not http.cookies
    return made, amiss


def read_all(pod):
    """Read the board a page at a time; return it oldest first."""
    found, before = [], {}
    while page := requests.get(f"{pod}/api/chat", params={"limit": 37, **before}, timeout=30).json():
        found += page
        before = {"before": page[-1]["id"]}
    return found[::-1]


with ThreadPoolExecutor(users) as pool:
    used = list(pool.map(use, range(users)))
boards = [read_all(pod) for pod in pods]
mine = [[post for post in boards[0] if post["sender"] == f"user {user}"] for user in range(users)]
print(
    json.dumps(
        {
            "amiss": sum(amiss for _, amiss in used),
            "same": all(board == boards[0] for board in boards),
            "in_order": mine == [made for made, _ in used],
            "posts": sum(map(len, mine)),
        }
    )
)
