"""What a measurement was taken on: enough to say whether two may be compared.

Times of different processors, kernels or tool versions are not comparable; counts are. The fingerprint keys stored
baselines.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Empty strings and zeros mean "not recorded" and never count as a difference.

    `memory_bytes` is what the process may use (cgroup limit or machine); `cpu_quota` in cores, 0 for no limit;
    `tools` and `extra` are (name, value) pairs, sorted: the versions of what measures, builds and runs the service, and
    what is only shown, such as digests of lock files.
    """

    cpu_model: str = ""
    cores: int = 0
    cpu_quota: float = 0.0
    memory_bytes: int = 0
    kernel: str = ""
    os: str = ""
    arch: str = ""
    image: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    def fingerprint(self) -> str:
        """Twelve hex digits over everything that times depend on; memory sizes are rounded to GiB."""
        parts = [
            self.cpu_model,
            self.cores,
            self.cpu_quota,
            round(self.memory_bytes / 2**30),
            self.kernel,
            self.arch,
            self.image,
            self.tools,
        ]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    def differences(self, head: Environment) -> tuple[str, ...]:
        """One line for each recorded fact that differs between this (base) and `head`."""
        out = []
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(head, f.name)
            if f.name in ("tools", "extra"):
                a, b = dict(mine), dict(theirs)
                out += [
                    f"{k}: {a[k]} in base, {b[k]} in head"
                    for k in sorted(a.keys() & b.keys())
                    if a[k] != b[k]
                ]
            elif f.name == "memory_bytes":
                if mine and theirs and round(mine / 2**30) != round(theirs / 2**30):
                    out.append(f"memory: {mine} bytes in base, {theirs} in head")
            elif mine and theirs and mine != theirs:
                out.append(f"{f.name}: {mine} in base, {theirs} in head")
        return tuple(out)

    def same_hardware(self, head: Environment) -> bool:
        """Whether times of the two may be compared: no recorded fact about processor, kernel, image or memory differs."""
        mine, theirs = (
            Environment(
                **{f.name: getattr(e, f.name) for f in fields(e) if f.name not in ("tools", "extra", "os")}
            )
            for e in (self, head)
        )
        return not mine.differences(theirs)
