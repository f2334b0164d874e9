"""What is asked of GitHub about accepting a regression, and what is made of strange answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from werkzeug import Response

from perf_action.github.accepting import spoken
from perf_action.github.context import read_context
from perf_action.model.accepted import Spoken

HEAD = "b81e04f7a2c9d3e5f6071829a3b4c5d6e7f8091a"
PULL = {
    "number": 7,
    "user": {"login": "mallory"},
    "body": "Faster\n\nPerf-accept: encode until 2026-12-31 because I say so",
    "labels": [
        {"name": "bug", "description": None},
        {"name": "perf-accept: cpu.per_request", "description": "agreed in #6"},
    ],
}
EVENTS = [
    {"event": "labeled", "actor": {"login": "mallory"}, "label": {"name": "bug"}},
    {"event": "labeled", "actor": {"login": "carol"}, "label": {"name": "perf-accept: cpu.per_request"}},
    {"event": "closed", "actor": None},
]
COMMIT = {"commit": {"message": "Faster\n\nPerf-accept: x"}, "author": {"login": "mallory"}}
MESSAGE = Spoken(source="commit", text=COMMIT["commit"]["message"], where=f"commit {HEAD[:10]}", by="mallory")
LABEL = Spoken(
    source="label",
    text="perf-accept: cpu.per_request",
    where="label of #7",
    by="carol",
    description="agreed in #6",
)


def answers(fake, **known):
    paths = {
        "pull": "/repos/o/r/pulls/7",
        "events": "/repos/o/r/issues/7/events",
        "commit": f"/repos/o/r/commits/{HEAD}",
        "pulls": f"/repos/o/r/commits/{'a' * 40}/pulls",
        "pushed": f"/repos/o/r/commits/{'a' * 40}",
    }
    by_path = {paths[name]: data for name, data in known.items()}

    def hook(request):
        if request.path in by_path:
            return Response(json.dumps(by_path[request.path]), content_type="application/json")
        return None

    fake.hooks.append(hook)


def test_labels_with_who_set_them_then_the_text_and_the_message(fake, connect, context):
    answers(fake, pull=PULL, events=EVENTS, commit=COMMIT)
    assert spoken(context, connect()) == (
        LABEL,
        Spoken(source="commit", text=PULL["body"], where="text of #7", by="mallory"),
        MESSAGE,
    )


def test_nobody_is_asked_who_set_labels_that_accept_nothing(fake, connect, context):
    answers(fake, pull={**PULL, "labels": PULL["labels"][:1], "body": None}, commit=COMMIT)
    assert spoken(context, connect()) == (MESSAGE,)
    assert not any("events" in r for r in fake.requests)


def test_where_nothing_answers_the_labels_of_the_event_stand(fake, connect, context):
    pull_request = replace(context.pull_request, labels=("bug", "perf-accepted"))
    found = spoken(replace(context, pull_request=pull_request), connect())
    assert found == (Spoken(source="label", text="perf-accepted", where="label of #7"),)


def test_after_a_push_the_pull_request_is_asked_for(fake, connect, context):
    answers(fake, pulls=[PULL], events=EVENTS, pushed=COMMIT)
    found = spoken(replace(context, event="push", pull_request=None), connect())
    assert found[0] == LABEL
    assert found[-1].where == f"commit {'a' * 10}"


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch", ""])
def test_other_events_say_nothing(fake, connect, context, event):
    assert spoken(replace(context, event=event, pull_request=None), connect()) == ()
    assert fake.requests == []


@pytest.mark.parametrize(
    "strange",
    [{}, [], "x", None, {"labels": "x"}, {"labels": [1, None, {"name": 5}], "body": 7, "user": "x"}],
)
def test_strange_answers_say_nothing(fake, connect, context, strange):
    answers(fake, pull=strange, commit=strange)
    assert spoken(context, connect()) == ()
    answers(fake, pulls=strange, pushed=strange)
    assert spoken(replace(context, event="push", pull_request=None), connect()) == ()


def test_labels_of_the_event_are_names_only(tmp_path):
    event = {
        "pull_request": {
            "number": 7,
            "head": {"sha": HEAD},
            "labels": [{"name": "perf-accepted"}, {"name": 4}, "x", None],
        }
    }
    (tmp_path / "event.json").write_text(json.dumps(event))
    made = read_context(
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_REPOSITORY": "o/r",
        }
    )
    assert made is not None
    assert made.pull_request is not None
    assert made.pull_request.labels == ("perf-accepted",)
