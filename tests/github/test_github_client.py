from __future__ import annotations

import pytest

from perf_action.errors import PerfActionError
from perf_action.github.client import (
    ApiError,
    Client,
    Forbidden,
    NotFound,
    RateLimited,
    Unprocessable,
    Unreachable,
)

COMMENTS = "/repos/o/r/issues/7/comments"


def test_every_page_is_read(fake, connect) -> None:
    for n in range(250):
        fake.add(f"comment {n}")
    bodies = [c["body"] for c in connect().pages(COMMENTS)]
    assert bodies == [f"comment {n}" for n in range(250)]
    assert fake.requests[0].endswith("per_page=100")
    assert fake.count("GET") == 3


def test_a_next_page_elsewhere_is_not_fetched(fake, connect, respond) -> None:
    def elsewhere(_request):
        answer = respond(200, "")
        answer.data = b"[]"
        answer.headers["Link"] = '<http://127.0.0.1:9/steal?page=2>; rel="next"'
        return answer

    fake.hooks.append(elsewhere)
    with pytest.raises(ApiError, match="another server"):
        list(connect().pages(COMMENTS))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Forbidden), (403, Forbidden), (404, NotFound), (422, Unprocessable), (418, ApiError)],
)
def test_errors_name_the_request_and_the_reason(fake, connect, respond, status, kind) -> None:
    fake.hooks.append(lambda _r: respond(status, "Because\n::error::x", [{"message": "too long"}]))
    with pytest.raises(kind) as caught:
        connect().post(COMMENTS, {"body": "x"})
    assert type(caught.value) is kind
    assert str(caught.value) == f"POST {COMMENTS}: {status} Because\\x0a::error::x: too long"
    assert isinstance(caught.value, PerfActionError)
    assert caught.value.exit_code == 3


def test_reading_is_tried_again_after_a_stumble_and_writing_is_not(fake, connect, respond) -> None:
    stumbles = [502, 503]
    fake.hooks.append(lambda _r: respond(stumbles.pop(), "oops") if stumbles else None)
    assert connect().get(COMMENTS) == []
    stumbles = [502]
    with pytest.raises(Unreachable, match="502"):
        connect().post(COMMENTS, {"body": "x"})
    assert fake.comments == []


def test_a_server_that_stays_down(fake, connect, respond) -> None:
    fake.hooks.append(lambda _r: respond(500, "down"))
    with pytest.raises(Unreachable, match="500 down"):
        connect().get(COMMENTS)
    assert fake.count("GET") == 4


def test_nobody_listens(clock) -> None:
    client = Client(clock, api_url=f"http://127.0.0.1:{clock.free_port()}", token="s3cret", backoff_s=0.001)
    with pytest.raises(Unreachable, match="does not answer") as caught:
        client.get("/user")
    assert "s3cret" not in str(caught.value)
    client.close()


@pytest.mark.parametrize(
    ("status", "message", "headers", "slept"),
    [
        (429, "slow down", {"Retry-After": "7"}, 7.0),
        (403, "slow down", {"Retry-After": "0"}, 1.0),
        (403, "limit", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000012"}, 12.0),
        (403, "You have exceeded a secondary rate limit", {}, 60.0),
    ],
)
def test_a_short_rate_limit_is_waited_for(
    fake, connect, respond, clock, *, status, message, headers, slept
) -> None:
    answers = [respond(status, message, **headers)]
    fake.hooks.append(lambda _r: answers.pop() if answers else None)
    connect().post(COMMENTS, {"body": "x"})
    assert clock.slept == [slept]
    assert len(fake.comments) == 1


def test_a_long_rate_limit_is_an_error(fake, connect, respond, clock) -> None:
    fake.hooks.append(lambda _r: respond(429, "slow down", **{"Retry-After": "3600"}))
    with pytest.raises(RateLimited, match="another 3600 s"):
        connect().get(COMMENTS)
    assert clock.slept == []


def test_many_short_rate_limits_end_too(fake, connect, respond, clock) -> None:
    fake.hooks.append(lambda _r: respond(429, "slow down", **{"Retry-After": "40"}))
    with pytest.raises(RateLimited):
        connect().get(COMMENTS)
    assert clock.slept == [40.0, 40.0]


def test_the_token_is_in_the_header_only(fake, connect) -> None:
    client = connect()
    client.get(COMMENTS)
    shown = repr(client) + repr(vars(client)) + repr(vars(client._session))
    assert "s3cret" not in shown
    assert not any("s3cret" in request for request in fake.requests)


def test_an_answer_that_is_not_json(fake, connect, respond) -> None:
    def page(_request):
        answer = respond(200, "")
        answer.data = b"<html>login</html>"
        return answer

    fake.hooks.append(page)
    with pytest.raises(ApiError, match="not JSON"):
        connect().get("/user")


def test_a_write_does_not_follow_a_redirect(fake, connect, respond) -> None:
    fake.hooks.append(lambda _r: respond(301, "Moved", Location=f"{fake.url}/elsewhere"))
    with pytest.raises(ApiError, match="301"):
        connect().post(COMMENTS, {"body": "x"})
    assert len(fake.requests) == 1
