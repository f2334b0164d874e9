from __future__ import annotations

import shutil
import sys

import pytest

from perf_action.config import Service
from perf_action.errors import CannotMeasure, ConfigError
from perf_action.machine.prepare import identical, prepare, wants_virtualenv
from perf_action.machine.worktree import Checkout, in_place


def test_setup_and_build_run_in_order_in_the_directory_with_env_and_placeholders(
    prepared, checkout, tmp_path
):
    (checkout / "service").mkdir()
    ready = prepared(
        "app",
        directory="service",
        setup="printf '%s;' \"$A\" {checkout} > made",
        build=["sh", "-c", "echo built >> made; echo said"],
        env={"A": "$API_KEY", "LATER": "{work}/x"},
    )
    assert ready.directory == checkout.resolve() / "service"
    assert (checkout / "service/made").read_text() == f"s3cret/of+mine;{checkout};built\n"
    assert (tmp_path / "setup.log").read_text() == "said\n"


def test_a_failing_setup_says_what_it_printed_last_without_secrets(prepared, tmp_path):
    with pytest.raises(CannotMeasure) as error:
        prepared("app", setup="echo no access with $A >&2; exit 4", env={"A": "$API_KEY"})
    assert str(error.value) == (
        f"service.setup failed (exit code 4): no access with ***; the whole output is in {tmp_path / 'setup.log'}"
    )
    assert "s3cret" not in (tmp_path / "setup.log").read_text()


def test_a_build_killed_by_a_signal_says_so(prepared):
    with pytest.raises(CannotMeasure, match=r"^service\.build failed \(signal 9\)"):
        prepared("app", build="kill -9 $$")


def test_a_variable_that_is_not_set_stops_the_setup(prepared):
    with pytest.raises(ConfigError, match=r"service\.env\.A: the environment variable NOT_THERE is not set"):
        prepared("app", env={"A": "$NOT_THERE"})


@pytest.mark.parametrize(
    ("directory", "error"), [("../..", "is outside the checkout"), ("none", "there is no folder 'none'")]
)
def test_a_directory_that_is_not_in_the_checkout_is_refused(prepared, directory, error):
    with pytest.raises((ConfigError, CannotMeasure), match=error):
        prepared("app", directory=directory)


@pytest.mark.parametrize(
    ("setup", "mode", "two", "wanted"),
    [
        ("python -m pip install -r r.txt", "auto", True, True),
        ("python -m pip install -r r.txt", "auto", False, False),
        ("make", "auto", True, False),
        (None, "always", False, True),
        ("pip install x", "never", True, False),
    ],
)
def test_two_sides_that_install_get_a_python_each(setup, mode, two, wanted):
    service = Service.model_validate({"command": "app", "setup": setup, "virtualenv": mode})
    assert wants_virtualenv(service, two_sides=two) is wanted


@pytest.mark.slow
def test_a_virtual_environment_is_first_on_the_path_and_the_users_python_stays_as_it_was(
    checkout, tmp_path, system
):
    (tmp_path / "perf_probe.py").write_text("")
    config = Service.model_validate(
        {
            "command": "python app.py",
            "setup": f"python -c 'import sys, sysconfig; print(sys.prefix)' > prefix && cp '{tmp_path}/perf_probe.py' "
            '"$(python -c \'import sysconfig; print(sysconfig.get_path("purelib"))\')" && python -m pip --version',
        }
    )
    ready = prepare(
        in_place(system, checkout),
        config,
        system,
        log=tmp_path / "log",
        scratch=tmp_path / "s",
        two_sides=True,
    )
    assert (checkout / "prefix").read_text().strip() == str(tmp_path / "s/venv")
    assert ready.python == str(tmp_path / "s/venv/bin/python")
    assert system.run([ready.python, "-c", "import perf_probe"], env=ready.env).code == 0
    assert system.run([sys.executable, "-c", "import perf_probe"]).code != 0
    assert ready.notes[-1] == "set up in a Python virtual environment of its own"


def test_sides_with_the_same_files_or_the_same_program_are_identical(tmp_path, system):
    sides = {}
    for name, tree in (("base", "1" * 40), ("head", "2" * 40)):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy("/bin/true", folder / "app")
        config = Service.model_validate({"command": "./app --port {port}", "build": "true"})
        sides[name] = prepare(
            Checkout(path=folder, commit="c", tree=tree),
            config,
            system,
            log=tmp_path / "log",
            scratch=tmp_path,
        )
    assert identical(sides["base"], sides["base"]) == "both sides have the same files (tree 111111111111)"
    assert identical(sides["base"], sides["head"]) == "app is the same on both sides, byte for byte"
    shutil.copy("/bin/false", tmp_path / "head/app")
    assert identical(sides["base"], sides["head"]) is None


def test_the_same_script_says_nothing_about_what_it_imports(tmp_path, system):
    sides = []
    for name in ("base", "head"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app").write_text("#!/usr/bin/env python3\nimport other\n")
        config = Service.model_validate({"command": "./app", "build": "true"})
        checkout = Checkout(path=tmp_path / name, commit="c", tree=name)
        sides.append(prepare(checkout, config, system, log=tmp_path / "log", scratch=tmp_path))
    assert identical(*sides) is None
