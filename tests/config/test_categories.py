"""`categories:` of perf.yml: rules of the user's, and one clear line for what is no rule."""

from __future__ import annotations

import time
from typing import Any

import pytest

from perf_action.config import Config, digest, parse
from perf_action.config.categories import category_rules
from perf_action.errors import ConfigError
from perf_action.model.category import CategoryRule


def _config(categories: Any) -> Config:
    settings = {
        "service": {"command": "python app.py", "ready": {"tcp": "127.0.0.1:{port}"}},
        "load": {"baseline": {"script": "locustfile.py"}},
    }
    return parse({**settings, "categories": categories}, "perf.yml")


def test_rules_come_as_they_stand_in_the_file() -> None:
    config = _config(
        {
            "serialization": [{"function": "encode_*", "file": "*/codec.py"}],
            "rate limits": [{"module": ["a", "b"], "but-not": "c"}, {"function": "d", "caller": "e"}],
        }
    )
    assert category_rules(config.categories) == (
        CategoryRule(category="serialization", function=("encode_*",), file=("*/codec.py",)),
        CategoryRule(category="rate limits", module=("a", "b"), but_not=("c",)),
        CategoryRule(category="rate limits", function=("d",), caller=("e",)),
    )
    assert category_rules(_config({}).categories) == ()


def test_what_frames_are_called_does_not_change_what_is_measured() -> None:
    assert digest(_config({})) == digest(_config({"mine": [{"function": "encode_*"}]}))


@pytest.mark.parametrize(
    ("categories", "said"),
    [
        (
            {"locks": [{"functoin": "a"}]},
            "categories.locks.0.functoin: unknown key; did you mean 'function'?",
        ),
        ({"serialisation": [{"function": "a"}]}, "did you mean 'serialization'?"),
        ({"A\nb": [{"function": "a"}]}, "is not a plain name"),
        ({"locks": [{"caller": "a"}]}, "fits every frame"),
        ({"locks": [{"function": "**"}]}, "fits everything"),
        ({"locks": [{"function": "^(a+)+$"}]}, "looks like a regular expression"),
        ({"locks": [{"function": "*a*a*a*a*a*a*a*a*a*"}]}, "10 stars"),
        ({"locks": [{"function": "a" * 201}]}, "201 characters"),
        ({"locks": [{"function": ["a"] * 101}]}, "more than 100 patterns"),
        ({"locks": [{"function": "a"}] * 501}, "more than 500 rules"),
        ({"locks": {"function": "a"}}, "categories.locks"),
        ({"locks": [{"function": 3}]}, "categories.locks.0.function"),
    ],
)
def test_a_bad_rule_is_refused_in_one_line(categories: Any, said: str) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError) as refused:
        _config(categories)
    assert said in str(refused.value)
    assert str(refused.value).startswith("perf.yml: categories")
    assert "\n" not in str(refused.value)
    assert time.process_time() - start < 2
