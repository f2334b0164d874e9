"""Writes small perf.data files: any samples with any names, which perf itself has to read.

Functions lie in memory that a process got from mmap, as those of a JIT do, so that perf takes their names from
/tmp/perf-PID.map; the number of the process is one that no process has.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PID = (1 << 22) + 4711
BASE, SIZE = 0x10000000, 0x100
CLOCK, TASK_CLOCK, FAULTS = 0, 1, 2
_IDENTIFIER, _IP, _TID, _TIME, _CALLCHAIN = 1 << 16, 1, 2, 4, 1 << 5
_USER = (1 << 64) - 512
_MMAP2, _COMM, _SAMPLE, _LOST = 10, 3, 9, 2


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<IHH", kind, 2, 8 + len(body)) + body


def _text(text: bytes) -> bytes:
    return text + b"\0" * (8 - len(text) % 8)


@dataclass
class PerfFile:
    """`functions` are names by number; a stack is their numbers, root first."""

    functions: Sequence[str]
    events: Sequence[int] = (CLOCK,)
    call_graph: bool = True
    records: list[bytes] = field(default_factory=list)
    features: dict[int, bytes] = field(default_factory=dict)
    max_stack: int = 0
    pid: int = PID
    time: int = 1_000_000_000

    def __post_init__(self) -> None:
        self.comm(b"service")
        where = struct.pack("<IIQQQ", self.pid, self.pid, BASE, SIZE * (len(self.functions) + 1), 0)
        body = where + struct.pack("<IIQQII", 0, 0, 0, 0, 5, 2) + _text(b"//anon")
        self.records.append(record(_MMAP2, body))

    def comm(self, name: bytes, tid: int | None = None) -> None:
        self.records.append(record(_COMM, struct.pack("<II", self.pid, tid or self.pid) + _text(name)))

    def lost(self, count: int) -> None:
        self.records.append(record(_LOST, struct.pack("<QQ", 1, count)))

    def address(self, function: int) -> int:
        return BASE + SIZE * function + 8

    def sample(
        self, stack: Sequence[int], *, event: int = 0, tid: int | None = None, raw: Sequence[int] = ()
    ) -> None:
        """`raw` are addresses in place of a stack, leaf first."""
        addresses = raw or [self.address(f) for f in reversed(stack)]
        self.time += 1_000_000
        body = struct.pack(
            "<QQIIQ", event + 1, addresses[0] if addresses else 0, self.pid, tid or self.pid, self.time
        )
        if self.call_graph:
            chain = [_USER, *addresses] if addresses else []
            body += struct.pack(f"<Q{len(chain)}Q", len(chain), *chain)
        self.records.append(record(_SAMPLE, body))

    def _attr(self, config: int, ids: tuple[int, int]) -> bytes:
        kinds = _IDENTIFIER | _IP | _TID | _TIME | (_CALLCHAIN if self.call_graph else 0)
        flags = 1 | 1 << 8 | 1 << 9 | 1 << 23
        attr = struct.pack("<IIQQQQQ", 1, 128, config, 1_000_000, kinds, 4, flags)
        attr = attr.ljust(108, b"\0") + struct.pack("<H", self.max_stack)
        return attr.ljust(128, b"\0") + struct.pack("<QQ", *ids)

    def data(self) -> bytes:
        ids = b"".join(struct.pack("<Q", n + 1) for n in range(len(self.events)))
        ids_at = 104
        attrs_at = ids_at + len(ids)
        attrs = b"".join(self._attr(config, (ids_at + 8 * n, 8)) for n, config in enumerate(self.events))
        data_at = attrs_at + len(attrs)
        data = b"".join(self.records)
        table_at = data_at + len(data)
        at, table, rest, bits = table_at + 16 * len(self.features), b"", b"", [0] * 4
        for number, content in sorted(self.features.items()):
            table += struct.pack("<QQ", at + len(rest), len(content))
            rest += content
            bits[number // 64] |= 1 << number % 64
        places = struct.pack("<QQQQQQ", attrs_at, len(attrs), data_at, len(data), 0, 0)
        header = b"PERFILE2" + struct.pack("<QQ", 104, 144) + places + struct.pack("<4Q", *bits)
        return header + ids + attrs + data + table + rest

    @contextlib.contextmanager
    def written(self, folder: Path) -> Iterator[Path]:
        """The file, while the names of its functions can be found."""
        names = Path(f"/tmp/perf-{self.pid}.map")
        lines = [f"{BASE + SIZE * n:x} {SIZE:x} {name}\n" for n, name in enumerate(self.functions)]
        names.write_bytes("".join(lines).encode(errors="surrogateescape"))
        path = folder / "perf.data"
        path.write_bytes(self.data())
        try:
            yield path
        finally:
            names.unlink()
