"""Writes profiles as pprof protobuf (see `__init__.py`), so that every tool of the ecosystem opens them; nothing is lost.

What pprof has no field for (tool, fidelity, requests, notes) goes into a comment, threads and times into labels, the
order of kinds into the default sample type. The same profile gives the same bytes.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

from perf_action.formats.paths import paths
from perf_action.formats.pprof import OWN_COMMENT
from perf_action.formats.pprof.profile_pb2 import Profile as Message
from perf_action.formats.pprof.values import type_of
from perf_action.model.profile import Profile


def to_pprof(profile: Profile) -> bytes:
    """The profile, gzipped."""
    return gzip.compress(_Encoder(profile).message.SerializeToString(deterministic=True), 6, mtime=0)


class _Encoder:
    """Builds the message. The function at index i has the id i + 1, as have frames (locations) and modules (mappings)."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._strings: dict[str, int] = {"": 0}
        self.message: Any = Message()
        self._head()
        self._functions()
        self._samples()
        self.message.string_table.extend(text.encode("utf-8", "backslashreplace") for text in self._strings)

    def _string(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings))

    def _head(self) -> None:
        profile, message = self._profile, self.message
        for kind in profile.kinds:
            name, unit = type_of(kind)
            message.sample_type.add(type=self._string(name), unit=self._string(unit))
        message.default_sample_type = message.sample_type[0].type
        if profile.period is not None:
            message.period = profile.period
            message.period_type.type, message.period_type.unit = (
                message.sample_type[0].type,
                message.sample_type[0].unit,
            )
        message.duration_nanos = profile.duration_ns or 0
        facts = {
            "tool": profile.tool,
            "tool_version": profile.tool_version,
            "fidelity": profile.fidelity,
            "granule": profile.granule,
            "requests": profile.requests,
            "notes": profile.notes,
        }
        message.comment.append(self._string(OWN_COMMENT + json.dumps(facts)))

    def _functions(self) -> None:
        profile, message, s = self._profile, self.message, self._profile.strings
        modules: dict[int, int] = {0: 0}
        for index, (name, file, module, line) in enumerate(
            zip(
                profile.function_name.tolist(),
                profile.function_file.tolist(),
                profile.function_module.tolist(),
                profile.function_line.tolist(),
                strict=True,
            )
        ):
            if module not in modules:
                modules[module] = len(modules)
                message.mapping.add(id=modules[module], filename=self._string(s[module]), has_functions=True)
            message.function.add(
                id=index + 1, name=self._string(s[name]), filename=self._string(s[file]), start_line=line
            )
        modules_of = [modules[m] for m in profile.function_module.tolist()]
        for index, (function, line) in enumerate(
            zip(profile.frame_function.tolist(), profile.frame_line.tolist(), strict=True)
        ):
            location = message.location.add(id=index + 1, mapping_id=modules_of[function])
            location.line.add(function_id=function + 1, line=line)

    def _samples(self) -> None:
        profile, path_of = self._profile, paths(self._profile)
        thread_key, time_key, ns = (
            self._string("thread"),
            self._string("time_ns"),
            self._string("nanoseconds"),
        )
        threads = None if profile.sample_thread is None else profile.sample_thread.tolist()
        times = None if profile.sample_time_ns is None else profile.sample_time_ns.tolist()
        for row, (stack, values) in enumerate(
            zip(profile.sample_stack.tolist(), profile.sample_values.tolist(), strict=True)
        ):
            sample = self.message.sample.add(value=values)
            sample.location_id.extend(frame + 1 for frame in reversed(path_of(stack)))
            if threads is not None and threads[row]:
                sample.label.add(key=thread_key, str=self._string(profile.strings[threads[row]]))
            if times is not None and times[row] >= 0:
                sample.label.add(key=time_key, num=times[row], num_unit=ns)
