from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.errors import UsageError
from perf_action.store import EntryKey, parse
from perf_action.store.base import surplus

_hex = st.text("0123456789abcdef", min_size=8, max_size=64)


@given(
    _hex,
    _hex,
    st.text("0123456789abcdef", min_size=40, max_size=40),
    st.integers(1, 10**18 - 1),
    st.integers(1, 999),
)
def test_the_path_of_a_key_reads_back(
    config: str, fingerprint: str, commit: str, run: int, attempt: int
) -> None:
    key = EntryKey(config_digest=config, fingerprint=fingerprint, commit=commit, run_id=run, attempt=attempt)
    assert parse(key.path) == key


@pytest.mark.parametrize(
    "path",
    [
        "",
        "README.md",
        "../../etc/passwd",
        f"../{'c' * 12}/{'f' * 12}/{'a' * 40}-1-1.json.gz",
        f"{'c' * 12}/../{'a' * 40}-1-1.json.gz",
        f"{'c' * 12}/{'f' * 12}/{'a' * 40}-1-1.json.gz/x",
        f"{'c' * 12}/{'f' * 12}/{'a' * 40}-1-1.json",
        f"{'c' * 12}/{'f' * 12}/{'a' * 7}-1-1.json.gz",
        f"{'c' * 12}/{'f' * 12}/{'A' * 40}-1-1.json.gz",
        f"{'c' * 12}/{'f' * 12}/{'a' * 40}-0-1.json.gz",
        f"{'c' * 12}/{'f' * 12}/{'a' * 40}-٣-1.json.gz",
        f"{'c' * 12}/{'f' * 12}/{'a' * 40}-1-1.json.gz\n",
        f"/{'c' * 12}/{'f' * 12}/{'a' * 40}-1-1.json.gz",
    ],
)
def test_other_names_are_not_entries(path: str) -> None:
    assert parse(path) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("commit", ""), ("commit", "HEAD"), ("config_digest", "../../x"), ("run_id", 0), ("attempt", -1)],
)
def test_a_key_that_makes_no_path_cannot_exist(field: str, value: object) -> None:
    parts = {
        "config_digest": "c" * 12,
        "fingerprint": "f" * 12,
        "commit": "a" * 40,
        "run_id": 1,
        "attempt": 1,
    }
    with pytest.raises(UsageError, match="full commit"):
        EntryKey(**{**parts, field: value})  # type: ignore[arg-type]


def test_the_newest_of_each_series_stay(key) -> None:
    keys = [key(n, run=n) for n in range(1, 5)] + [key(9, run=2, attempt=2), key(1, config="d" * 12)]
    assert set(surplus(keys, 2)) == {key(1, run=1), key(2, run=2), key(9, run=2, attempt=2)}
    with pytest.raises(UsageError, match="at least 1"):
        surplus(keys, 0)
