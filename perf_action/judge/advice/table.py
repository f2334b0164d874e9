"""All conditions on frames, compiled: what a function is to each of them, as whole numbers with one bit a condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from perf_action.judge.advice.rules import Frames
from perf_action.judge.code.language import Places, language_bits
from perf_action.judge.code.own import is_own_place
from perf_action.judge.code.places import Place
from perf_action.judge.globs import Globs
from perf_action.model.profile import FunctionKey

#: libraries that are linked into the program as symbols of C, and methods of Rust's primitive types
_FOREIGN: Final = ("sqlite3", "pysqlite", "_sqlite3", "ZSTD_", "XXH", "<str>::", "<[", "<char>::")
#: files and functions that run whatever comes: what is beneath them is not the doing of who started them
_LOOPS: Final = Globs(
    (pattern, 0)
    for pattern in (
        *("asyncio/base_events.py", "asyncio/events.py", "*uvicorn/*", "*gunicorn/*", "*hypercorn/*", "*trio/_core/*"),
        *("socketserver.py", "http/server.py", "wsgiref/*", "*werkzeug/serving.py", "*waitress/*", "*tornado/ioloop.py"),
        *("threading.py", "concurrent/futures/thread.py", "*anyio/_backends/*", "*celery/*", "*gevent/*"),
        *("net/http.(*conn).serve", "net/http.(*Server).*", "tokio::runtime::*", "hyper::*", "actix_rt::*"),
    )
)  # fmt: skip


class Asked(NamedTuple):
    """A condition on frames, and the language whose stacks it is about (any: of all)."""

    frames: Frames
    language: str


class _Role(NamedTuple):
    """What a pattern is for: `bit` of its condition, in one of the three lists."""

    bit: int
    where: int
    in_file: bool
    own: bool


class Seen(NamedTuple):
    """What a function is to all conditions."""

    match: int
    under: int
    not_under: int
    own: bool
    loop: bool
    language: int


class Table:
    """All conditions, compiled. Each function is looked at once."""

    def __init__(self, asked: Sequence[Asked], places: Places) -> None:
        self.asked = tuple(asked)
        self._places = places
        #: conditions that ask for no caller, and those whose match need not be the leaf
        self.free = sum(1 << i for i, a in enumerate(asked) if not a.frames.under)
        self.kept = sum(1 << i for i, a in enumerate(asked) if not a.frames.leaf)
        self._roles: list[_Role] = []
        names: list[tuple[str, int]] = []
        files: list[tuple[str, int]] = []
        for i, (frames, _) in enumerate(asked):
            for where, patterns in enumerate((frames.match, frames.under, frames.not_under)):
                for pattern in patterns:
                    name, _, file = pattern.partition(" @ ")
                    number = len(self._roles)
                    names.append((name.strip(), number))
                    files += [(file.strip(), number), ("*/" + file.strip(), number)] if file else []
                    self._roles.append(_Role(1 << i, where, bool(file), frames.own and where == 0))
        self._names, self._files = Globs(names), Globs(files)
        self._known: dict[FunctionKey, Seen] = {}
        self._in_files: dict[tuple[str, str], set[int]] = {}

    def of(self, key: FunctionKey) -> Seen:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look(key)
        return found

    def _look(self, key: FunctionKey) -> Seen:
        place = self._places[key]
        own = is_own_place(place, key) and not place.names[0].startswith(_FOREIGN)
        masks = [0, 0, 0]
        inside = self._inside(place)
        for number in {n for name in place.names for n in self._names.fitting(name)}:
            role = self._roles[number]
            # a file of the service may be called like one of a library
            may = own if role.own else not (own and role.in_file)
            if may and (not role.in_file or number in inside):
                masks[role.where] |= role.bit
        loop = not own and any(_LOOPS.fitting(text) for text in (place.path, place.names[0]))
        return Seen(masks[0], masks[1], masks[2], own, loop, language_bits(key, place))

    def _inside(self, place: Place) -> set[int]:
        """The roles whose file or module this is; found once for each file."""
        at = place.path, place.module
        if at not in self._in_files:
            self._in_files[at] = {n for text in at if text for n in self._files.fitting(text)}
        return self._in_files[at]
