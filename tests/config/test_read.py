from __future__ import annotations

from pathlib import Path

import pytest

from perf_action.config import FailOn, digest, parse, read_config
from perf_action.errors import ConfigError
from perf_action.model.finding import Budget

SMALL = {
    "service": {"command": "python app.py --port {port}"},
    "load": {"baseline": {"script": "locustfile.py"}},
}


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "perf.yml"
    path.write_text(text)
    return path


#: as version 1 made them
SMALL_DIGEST, READY_DIGEST = "31158b710a06", "3acc8a60604b"
MINIMAL = "service: {command: python app.py}\nload: {baseline: {script: l.py}}\n"


def test_defaults_stand_for_everything_else(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, MINIMAL))
    assert config.measure.launches == (8, 24)
    assert config.fail_on == [FailOn.NEVER]
    assert (
        config.load_of(parse({**SMALL, "stages": {"cpu": {"profiler": "py-spy"}}}, "x").stages["cpu"])
        == "baseline"
    )


def test_units_are_canonical() -> None:
    config = parse(
        {
            **SMALL,
            "service": {"command": "x", "ready": {"tcp": "127.0.0.1:{port}", "timeout": "1.5m"}},
            "budgets": {
                "memory.peak": "500MB",
                "cpu.hot_function": "10%",
                "latency.p95": "100ms",
                "cpu.per_request": "+5%",
                "load.throughput": ">= 100",
                "memory.allocation_rate": "100MB/s",
            },
        },
        "perf.yml",
    )
    assert config.service.ready is not None
    assert config.service.ready.timeout == 90.0
    assert config.limits == (
        Budget(rule="memory.peak", limit=5e8, unit="bytes"),
        Budget(rule="cpu.hot_function", limit=0.1, unit="ratio"),
        Budget(rule="latency.p95", limit=1e8, unit="ns"),
        Budget(rule="cpu.per_request", limit=0.05, unit="ratio", relative=True),
        Budget(rule="load.throughput", limit=100.0, unit="count", at_least=True),
        Budget(rule="memory.allocation_rate", limit=1e8, unit="bytes/s"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("servce: {command: x}\n", "servce: unknown key; did you mean 'service'?"),
        (MINIMAL + "measure: {lunches: 3}\n", "measure.lunches: unknown key; did you mean 'launches'?"),
        (MINIMAL + "measure: {launches: 9..3}\n", "measure.launches: '9..3' is not a range such as 8..24"),
        (MINIMAL + "measure: {max-minutes: 0}\n", "measure.max-minutes: input should be greater than 0"),
        (MINIMAL + "fail-on: [budgt]\n", "'budgt' is not one of"),
        (MINIMAL + "fail-on: [never, budget]\n", "never cannot stand beside other words"),
        (MINIMAL + "stages: {cpu: {profiler: pyspy}}\n", "did you mean 'py-spy'?"),
        (MINIMAL + "stages: {cpu: {profiler: py-spy, load: x}}\n", "there is no load 'x'; there is baseline"),
        (MINIMAL + "budgets: {memory.peak: 5 zorks}\n", "the unit 'zorks' is not known"),
        (MINIMAL + "budgets: {memory.peak: .nan}\n", "is not a quantity"),
        (MINIMAL + "baseline: {branch: '--upload-pack=x'}\n", "is not a plain name"),
        ("service: {command: x}\n", "load: missing"),
        ("service: {}\nload: {a: {script: l}}\n", "command: missing (or pid, url or container"),
        ("service: {command: x, pid: 3}\nload: {a: {script: l}}\n", "give one of command and pid"),
        ("service: {pid: 3, build: make}\nload: {a: {script: l}}\n", "build goes with command"),
        ("service: {url: 'file:///etc'}\nload: {a: {script: l}}\n", "service.url"),
        ("service: {command: x}\nload: {}\n", "at least one load is needed"),
        (
            "service: {command: x, ready: {url: a, tcp: b}}\nload: {a: {script: l}}\n",
            "exactly one of url, tcp, log and command",
        ),
        (
            "service: {command: x, port: 80}\nload: {a: {script: l}}\nmeasure: {placement: duet}\n",
            "duet needs two ports",
        ),
        ("service: {command: x}\nload: {a: {tool: command}}\n", "tool: command needs command"),
        (
            "service: {command: x}\nload: {a: {script: l, requests: 5, duration: 3s}}\n",
            "requests or duration, not both",
        ),
        ("a: [\n", "not YAML"),
        ("- a\n", "no settings in it"),
        ("", "no settings in it"),
        ("a: !!python/object/apply:os.system [ls]\n", "not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(write(tmp_path, text))
    message = str(caught.value)
    assert expected in message
    assert "perf.yml" in message
    assert "\n" not in message


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; write one, or name yours with --config"):
        read_config(tmp_path / "perf.yml")


def test_overrides_replace_what_the_file_says(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, MINIMAL), {"measure.launches": "3", "fail-on": "budget, leak"})
    assert config.measure.launches == (3, 3)
    assert config.fail_on == [FailOn.BUDGET, FailOn.LEAK]


def test_the_digest_knows_no_secret_and_no_policy() -> None:
    plain = digest(parse(SMALL, "x"))
    assert plain == digest(
        parse(
            {**SMALL, "service": {**SMALL["service"], "env": {"TOKEN": "a"}}, "budgets": {"memory.peak": 1}},
            "x",
        )
    )
    assert plain == digest(parse({**SMALL, "accept": ["label", "commit"]}, "x"))
    assert plain != digest(parse({**SMALL, "load": {"baseline": {"script": "l.py", "users": 9}}}, "x"))
    need = {"command": "db", "env": {"PASSWORD": "a"}}
    needy = digest(parse({**SMALL, "needs": {"db": need}}, "x"))
    assert needy != plain
    assert needy == digest(parse({**SMALL, "needs": {"db": {**need, "env": {}}}}, "x"))


def test_keys_that_are_younger_than_a_kept_history_do_not_change_its_digest() -> None:
    """Digests of settings without them, as versions before them made them: a history must not end with an update."""
    ready = {"service": {**SMALL["service"], "ready": {"tcp": "127.0.0.1:{port}"}}, "load": SMALL["load"]}
    assert digest(parse(SMALL, "x")) == SMALL_DIGEST
    assert digest(parse(ready, "x")) == READY_DIGEST


def test_secrets_do_not_show_in_the_text_of_a_config() -> None:
    config = parse({**SMALL, "service": {"command": "x", "env": {"TOKEN": "s3cret"}}}, "x")
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "needs: {db: {command: x, shared: true}, c: {command: 'x {needs.bd.port}'}}",
            "did you mean {needs.db.port}?",
        ),
        ("needs: {db: {command: 'x {needs.db.port}'}}", "of needs before it, there is none"),
        ("needs: {a: {command: x}, db: {command: 'x {needs.a.port}', shared: true}}", "there is none"),
        ("needs: {DB: {command: x}}", "is not a plain name"),
        ("needs: {db: {command: x, port: 5432}}\nmeasure: {placement: duet}", "duet starts two of it"),
        ("needs: {db: {command: x, port: 70000}}", "70000 is no port"),
        ("needs: {db: {command: x, reset-it: y}}", "did you mean 'reset'?"),
        ("needs: {db: {command: x, user: 'a; b'}}", "should match pattern"),
        ("accept: [lable]", "did you mean 'label'?"),
        ("budgets: {preset: giude}", "did you mean 'guide'?"),
        ("budgets: {memory.peek: 5MB}", "did you mean 'memory.peak'?"),
    ],
)
def test_needs_budgets_and_accepting_are_checked(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_config(write(tmp_path, MINIMAL + more + "\n"))
    assert message in str(error.value)


def test_the_service_may_only_ask_for_needs_that_there_are(tmp_path: Path) -> None:
    text = "service: {command: 'x {needs.postgres.prot}'}\nload: {a: {script: l}}\nneeds: {postgres: {command: y}}\n"
    with pytest.raises(
        ConfigError, match=r"service.command: \{needs.postgres.prot\} stands for nothing; did you mean"
    ):
        read_config(write(tmp_path, text))
