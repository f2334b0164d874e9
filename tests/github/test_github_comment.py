"""The sticky comment against a stateful fake: one comment, found again, never anybody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from perf_action.config import CommentMode
from perf_action.github.comment import Posted, StickyComment, is_wanted
from perf_action.github.comment_text import Result, decompose

MARKER = "<!-- perf-action comment-id=default -->"
SOMEBODY = {"login": "mallory", "id": 666}
HEAD = "b81e04f7a2c9d3e5f6071829a3b4c5d6e7f8091a"
RESULT = Result(
    sha=HEAD, headline="🔴 Regression: encode costs +31 %", when="2026-11-25 14:03 UTC", run_id=500, attempt=1
)


@pytest.fixture
def post(connect) -> Callable[..., Posted]:
    def call(
        main: str = "## result",
        *,
        mode: CommentMode = CommentMode.ALWAYS,
        verdict: str = "regression",
        alarming: bool = True,
        comment_id: str = "default",
        result: Result = RESULT,
        token: str = "s3cret",
    ) -> Posted:
        sticky = StickyComment(connect(token), "o/r", 7, comment_id, "https://github.example/o/r")
        return sticky.publish(mode, main, result, verdict=verdict, alarming=alarming)

    return call


def test_first_created_then_updated(fake, post) -> None:
    first = post("one")
    second = post("two")
    assert (first.state, second.state) == ("created", "updated")
    assert first.comment_id == second.comment_id == fake.mine()[0]["id"]
    assert second.url.endswith(f"#issuecomment-{first.comment_id}")
    assert len(fake.comments) == 1
    assert "two" in fake.comments[0]["body"]
    assert "one" not in decompose(fake.comments[0]["body"]).main


def test_found_past_the_first_pages(fake, post) -> None:
    for n in range(230):
        fake.add(f"chatter {n}", SOMEBODY)
    post("one")
    for n in range(20):
        fake.add(f"more {n}", SOMEBODY)
    assert post("two").state == "updated"
    assert len(fake.mine()) == 1


def test_somebody_elses_comment_with_our_marker_is_left_alone(fake, post) -> None:
    theirs = f"{MARKER}\nmine now"
    fake.add(theirs, SOMEBODY)
    fake.add(theirs, {"login": "github-actions[bot]", "id": 666})
    fake.add(theirs, None)
    assert post().state == "created"
    assert [c["body"] for c in fake.comments[:3]] == [theirs] * 3
    assert len(fake.mine()) == 1


def test_a_comment_of_ours_that_only_quotes_the_marker_is_left_alone(fake, post) -> None:
    fake.add(f"> {MARKER}\nabout it")
    assert post().state == "created"


def test_each_comment_id_has_its_own(fake, post) -> None:
    post("a", comment_id="service-a")
    post("b", comment_id="service-b")
    post("b", comment_id="service")
    assert post("a again", comment_id="service-a").state == "updated"
    assert len(fake.comments) == 3


def test_a_token_of_a_person_knows_itself(fake, post) -> None:
    fake.add(f"{MARKER}\nof the bot")
    fake.me, fake.knows_me = {"login": "octocat", "id": 1}, True
    assert [post().state, post().state] == ["created", "updated"]
    assert len(fake.comments) == 2


def test_a_token_of_an_app_cannot_ask_but_converges_on_one(fake, post) -> None:
    fake.me = {"login": "our-app[bot]", "id": 77}
    first = post("one")
    second = post("two")
    assert len(fake.comments) == 1
    assert fake.comments[0]["id"] == first.comment_id == second.comment_id
    assert "two" in fake.comments[0]["body"]


@pytest.mark.parametrize("mode", list(CommentMode))
@pytest.mark.parametrize(
    ("verdict", "alarming", "wanted_by"),
    [
        ("unchanged", False, {"always"}),
        ("skipped", False, {"always"}),
        ("unchanged", True, {"always", "changes", "regressions"}),  # a broken budget
        ("improvement", False, {"always", "changes"}),
        ("inconclusive", False, {"always", "changes"}),
        ("no-baseline", False, {"always", "changes"}),
        ("error", False, {"always", "changes"}),
        ("regression", True, {"always", "changes", "regressions"}),
    ],
)
def test_when_a_comment_is_wanted(mode, verdict, alarming, wanted_by) -> None:
    assert is_wanted(mode, verdict=verdict, alarming=alarming, exists=False) is (mode.value in wanted_by)
    assert is_wanted(mode, verdict=verdict, alarming=alarming, exists=True) is (mode is not CommentMode.NEVER)


def test_good_news_replaces_bad_news_that_stands_there(fake, post) -> None:
    quiet = {"mode": CommentMode.CHANGES, "verdict": "unchanged", "alarming": False}
    assert post(**quiet).state == "not posted"
    assert fake.comments == []
    post("bad news")
    assert post("good news", **quiet).state == "updated"
    assert decompose(fake.comments[0]["body"]).main == "good news"


def test_never_asks_github_nothing(fake, post) -> None:
    assert post(mode=CommentMode.NEVER).state == "not posted"
    assert fake.requests == []


def test_403_is_not_posted_with_the_remedy(fake, post) -> None:
    fake.may_write = False
    posted = post()
    assert (posted.state, posted.refused) == ("not posted", True)
    assert "pull-requests: write" in posted.reason
    assert "forks" in posted.reason


def test_404_and_a_bad_token_are_not_posted(fake, post, respond) -> None:
    assert post(token="wrong").refused
    fake.hooks.append(lambda r: respond(404, "Not Found") if r.method == "POST" else None)
    posted = post()
    assert (posted.state, posted.refused) == ("not posted", True)
    assert "404 Not Found" in posted.reason


def test_a_body_that_is_too_long_is_cut(fake, post) -> None:
    main = (
        "## result\n\n<details><summary>rows</summary>\n\n```\n"
        + "row of numbers\n" * 9000
        + "```\n</details>"
    )
    assert post(main).state == "created"
    body = fake.comments[0]["body"]
    assert len(body) <= 65_536
    assert "The rest was cut off" in body
    assert body.count("```") % 2 == 0
    assert body.count("<details>") == body.count("</details>")


def test_a_body_that_github_finds_too_long_all_the_same_is_cut_shorter(fake, post, respond) -> None:
    def strict(request):
        too_long = request.method == "POST" and len(request.get_json()["body"]) > 30_000
        return respond(422, "Validation Failed", [{"message": "Body is too long"}]) if too_long else None

    fake.hooks.append(strict)
    assert post("x" * 50 + "\n" + "row\n" * 10_000).state == "created"
    assert len(fake.comments[0]["body"]) < 30_000


def test_422_for_another_reason_is_not_posted(fake, post, respond) -> None:
    fake.hooks.append(lambda r: respond(422, "Validation Failed") if r.method == "POST" else None)
    assert post().reason.endswith("422 Validation Failed")


def test_a_post_that_arrived_though_its_answer_did_not(fake, post, respond) -> None:
    lost = [True]

    def lose_the_answer(request):
        if request.method == "POST" and lost:
            lost.clear()
            fake.add(request.get_json()["body"])
            return respond(502, "bad gateway")
        return None

    fake.hooks.append(lose_the_answer)
    assert post().state == "updated"
    assert len(fake.comments) == 1


def test_a_post_that_did_not_arrive_is_sent_once_more(fake, post, respond) -> None:
    stumbles = [502]
    fake.hooks.append(lambda r: respond(stumbles.pop(), "oops") if r.method == "POST" and stumbles else None)
    assert post().state == "created"
    stumbles.extend([502] * 10)
    fake.comments.clear()
    assert post().refused
    assert fake.comments == []


def test_two_that_create_at_once_end_with_one(fake, post) -> None:
    barrier = threading.Barrier(2)
    waiting = threading.local()

    def meet_before_posting(request):
        if request.method == "POST" and not getattr(waiting, "done", False):
            waiting.done = True
            barrier.wait(10)

    fake.hooks.append(meet_before_posting)
    results: list[Posted] = []
    runs = [replace(RESULT, run_id=n, sha=f"{n:040x}") for n in (1, 2)]
    threads = [
        threading.Thread(target=lambda r=r: results.append(post(f"run {r.run_id}", result=r))) for r in runs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == 2
    assert len(fake.mine()) == 1
    assert {r.comment_id for r in results} == {fake.mine()[0]["id"]}


def test_duplicates_from_earlier_are_removed(fake, post) -> None:
    oldest = fake.add(f"{MARKER}\nold")
    fake.add(f"{MARKER}\nyounger")
    theirs = fake.add(f"{MARKER}\ntheirs", SOMEBODY)
    assert post().comment_id == oldest
    assert [c["id"] for c in fake.comments] == [oldest, theirs]


def test_a_run_that_was_overtaken_does_not_replace_the_later_one(fake, post) -> None:
    later, earlier = replace(RESULT, run_id=9, sha="9" * 40), replace(RESULT, run_id=8, sha="8" * 40)
    post("later", result=later)
    post("earlier", result=earlier)
    text = decompose(fake.comments[0]["body"])
    assert text.main == "later"
    assert [r.run_id for r in text.results] == [9, 8]
