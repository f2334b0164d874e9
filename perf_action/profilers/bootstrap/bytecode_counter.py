"""Runs inside the service, in launches under ``profiler: bytecodes`` only: counts the bytecodes that each function
executes, by call stack, with the trace function of CPython (https://docs.python.org/3/library/sys.html#sys.settrace).

Counting begins when the service binds an address: importing it would take many times longer, and is not what a request
costs. Standard library alone, as `sitecustomize` says.
"""

# pathlib would be one more import that the service did not ask for
# ruff: noqa: PTH104, PTH118, PTH123, SLF001

from __future__ import annotations

import json
import os
import sys
import threading

#: where f_trace_opcodes is set as a function is called, 3.12 hears of no opcode and 3.13 of none in the first call of
#: each function (https://github.com/python/cpython/issues/114480); their monitoring does
#: (https://docs.python.org/3/library/sys.monitoring.html), and the frame tells whose it was
_DEAF = sys.version_info >= (3, 12)
_TOOL = 3


def _executed(_code, _offset) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    node = getattr(sys._getframe(1).f_trace, "node", None)
    if node is not None:
        node.cell[0] += 1


class Node:
    """A function as called by one chain of callers: `count` bytecodes of its own, in `cell[0]`."""

    __slots__ = ("cell", "children", "code", "local", "parent")

    def __init__(self, parent, code) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.parent, self.code = parent, code
        self.children: dict = {}  # type: ignore[type-arg]
        self.cell = cell = [0]

        def local(_frame, event, _argument):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            if event == "opcode":
                cell[0] += 1
            return local

        local.node = self  # type: ignore[attr-defined]
        self.local = local


class Counter:
    """Counts in all threads from `start` on; `write` gives the tree as JSON."""

    def __init__(self) -> None:
        self._root = Node(None, None)
        self._on = False

    def start_at_bind(self) -> None:
        """Start when an address is bound: https://docs.python.org/3/library/audit_events.html."""

        def hook(event: str, _arguments: tuple) -> None:  # type: ignore[type-arg]
            if event == "socket.bind" and not self._on:
                self._on = True
                self.start()

        sys.addaudithook(hook)

    def start(self) -> None:
        """In this thread and in those that it starts from now on."""
        if _DEAF:
            monitoring = sys.monitoring  # type: ignore[attr-defined]
            monitoring.use_tool_id(_TOOL, "perf-action")
            monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, _executed)
            monitoring.set_events(_TOOL, monitoring.events.INSTRUCTION)
        threading.settrace(self._called)
        sys.settrace(self._called)

    def stop(self) -> None:
        """In this thread; others end with the process."""
        threading.settrace(None)
        sys.settrace(None)
        if _DEAF and self._on:
            sys.monitoring.set_events(_TOOL, 0)  # type: ignore[attr-defined]

    def forget(self) -> None:
        """A forked child counts anew: what its parent had executed is in the parent's file."""
        todo = [self._root]
        while todo:
            node = todo.pop()
            node.cell[0] = 0
            todo.extend(node.children.values())

    def _called(self, frame, _event, _argument):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        back = frame.f_back
        parent = getattr(back.f_trace, "node", None) if back is not None else None
        children = (parent or self._root).children
        code = frame.f_code
        node = children.get(code)
        if node is None:
            node = children[code] = Node(parent or self._root, code)
        frame.f_trace_opcodes, frame.f_trace_lines = not _DEAF, False
        return node.local

    def write(self, path: str) -> None:
        """Whole or not at all."""
        codes: dict = {}  # type: ignore[type-arg]
        nodes: list = []  # type: ignore[type-arg]
        todo = [(-1, child) for child in list(self._root.children.values())]
        while todo:
            parent, node = todo.pop()
            code = node.code
            name = getattr(code, "co_qualname", code.co_name)
            index = codes.setdefault((name, code.co_filename, code.co_firstlineno), len(codes))
            nodes.append((parent, index, node.cell[0]))
            todo.extend((len(nodes) - 1, child) for child in list(node.children.values()))
        document = {
            "format": "perf-action bytecodes",
            "version": 1,
            "python": ".".join(map(str, sys.version_info[:3])),
            "codes": list(codes),
            "nodes": nodes,
        }
        with open(path + ".part", "w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(document, file)
        os.rename(path + ".part", path)


def count_bytecodes(out: str, at_the_end) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Count until the process ends; `at_the_end` registers what is done then."""
    counter = Counter()

    def close() -> None:
        counter.stop()
        counter.write(os.path.join(out, f"bytecodes.{os.getpid()}.json"))

    at_the_end(close)
    os.register_at_fork(after_in_child=counter.forget)
    counter.start_at_bind()
