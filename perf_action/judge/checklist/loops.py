"""Where in a stack an event loop calls back: from there on the code must not block, or all other requests wait.

asyncio runs callbacks and steps of coroutines in ``Handle._run``; uvloop does so in C, below ``uvloop.run``; trio in
``unrolled_run``; tokio polls tasks on the workers of its scheduler. What tokio is told to be blocking is not meant: it
runs outside the scheduler (``spawn_blocking``) or says so (``block_in_place``). In Node everything is called back, but for
what runs while modules are loaded.
https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code
https://docs.rs/tokio/latest/tokio/task/index.html#blocking-and-yielding
"""

from __future__ import annotations

from typing import Final, NamedTuple

from perf_action.model.profile import FunctionKey, Profile

#: a node that no event loop called back
OUTSIDE: Final = -1
#: further states of a node: below a function that runs a loop, of which the next function of Python's is called back;
#: in the machinery of asyncio or trio, which call back by one function; in that of tokio; while Node loads modules
_RUNNER, _MACHINERY, _TOKIO, _LOADING = -2, -3, -4, -5
_LONGEST: Final = 2000
_SCRIPTS: Final = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")


def callbacks(profile: Profile) -> list[int]:
    """For every stack node the node at which the event loop called back, `OUTSIDE` where none did."""
    kinds = [_kind(key) for key in profile.function_keys]
    functions = node_functions(profile)
    found: list[int] = []
    for node, parent in enumerate(profile.stack_parent.tolist()):
        above = found[parent] if parent >= 0 else OUTSIDE
        caller = kinds[functions[parent]] if parent >= 0 else _Kind()
        found.append(_step(node, kinds[functions[node]], caller, above))
    return [node if node >= 0 else OUTSIDE for node in found]


def node_functions(profile: Profile) -> list[int]:
    """The function of every stack node."""
    if not profile.stack_frame.size:
        return []
    functions: list[int] = profile.frame_function[profile.stack_frame].tolist()
    return functions


def is_python(file: str) -> bool:
    """Whether a function of this file is one of Python's, not of C."""
    return file.endswith(".py") or file.startswith("<")


class _Kind(NamedTuple):
    """What a function is to event loops: the state that it brings (0: none), whether what it calls is a callback, whether
    it may begin one below a runner or in tokio, and whether it is told to be blocking.
    """

    state: int = 0
    calls_back: bool = False
    python: bool = False
    polls: bool = False
    allowed: bool = False
    script: bool = False


def _step(node: int, kind: _Kind, caller: _Kind, above: int) -> int:
    if kind.allowed:
        return OUTSIDE
    if above >= 0 or above == _LOADING:
        return above
    if kind.script and not kind.state:
        return node
    begins = (above == _RUNNER and kind.python) or (above == _TOKIO and kind.polls)
    if not kind.state and (caller.calls_back or begins):
        return node
    return kind.state or above


def _kind(key: FunctionKey) -> _Kind:
    name, file = key.name[:_LONGEST], key.file[:_LONGEST].replace("\\", "/")
    if file.endswith(".py"):
        return _python_kind(name.rpartition(".")[2], file)
    if file.startswith("node:") or file.endswith(_SCRIPTS):
        loads = "internal/modules/" in file or "internal/bootstrap/" in file
        return _Kind(script=True, state=_LOADING if loads else 0)
    if "tokio::" not in name:
        return _Kind()
    if "tokio::runtime::scheduler::" in name:
        return _Kind(state=_TOKIO, allowed="block_in_place" in name)
    polls = "tokio::runtime::task::" in name and "poll" in name
    return _Kind(polls=polls, allowed="block_in_place" in name)


def _python_kind(last: str, file: str) -> _Kind:
    if file.endswith(("asyncio/runners.py", "uvloop/__init__.py")):
        return _Kind(state=_RUNNER)
    if file.endswith(("asyncio/base_events.py", "asyncio/events.py", "asyncio/unix_events.py")):
        return _Kind(state=_MACHINERY, calls_back=last == "_run" and file.endswith("asyncio/events.py"))
    if "trio/_core/" in file:
        return _Kind(state=_MACHINERY, calls_back=last == "unrolled_run")
    return _Kind(python=True)
