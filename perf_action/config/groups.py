"""perf.yml as types: one frozen group for each top-level key. Keys are kebab-case in the file, snake_case here.

The JSON schema for editors is made from these classes, so their descriptions are what people read while they type.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from perf_action.config.budgets import parse_budgets
from perf_action.config.categories import CategoriesOption
from perf_action.config.group import Command, Group
from perf_action.config.needs import Need, check_needs
from perf_action.config.presets import names as preset_names
from perf_action.config.quantity import Launches, Range, Seconds, Share
from perf_action.config.service import Service
from perf_action.model.finding import Budget
from perf_action.model.trial import CallGraph


class Scenario(Group):
    """One load: a script of a load tool, or any command. With none of these: GET requests to `url`."""

    tool: Literal["locust", "k6", "command"] = "locust"
    """what makes the load"""
    script: str | None = None
    """the locustfile or k6 script, relative to the checkout of head"""
    command: Command | None = None
    """for tool: command; {port}, {url}, {out} and {requests} are replaced; may write a result into {out}"""
    result: str | None = None
    """the file the command writes, in any format that `perf-action show` reads; {out} is replaced"""
    users: int = Field(default=2, ge=1, le=100_000)
    """concurrent users (closed loop)"""
    host: str = "http://127.0.0.1:{port}"
    """where the load goes"""
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    """environment of the load tool; $NAME is taken from the environment"""
    args: list[str] = Field(default_factory=list)
    """further arguments of the load tool"""
    requests: int | None = Field(default=None, ge=1)
    """requests in a slice; default: calibrated to at least a quarter of a second"""
    duration: Seconds | None = None
    """length of a slice, where the scenario is timed"""
    warm_up: Seconds | None = None
    """how long to warm up; default: a number of requests"""
    max_error_rate: Share = 0.01
    """a higher share of failed requests means that nothing can be said"""
    replay: Literal["auto", "always", "never"] = "auto"
    """record the requests of the locust or k6 script once and replay them, in fixed counts, by a light client in a closed
    loop of `users` connections (a soak stays with the script); auto: where they can be made again with the same answers,
    and the script's users repeat themselves, do not pause and do not come at a rate"""

    @model_validator(mode="after")
    def _complete(self) -> Scenario:
        if self.tool == "command":
            if not self.command:
                raise ValueError("tool: command needs command")
            if self.script:
                raise ValueError("script goes with locust and k6, not with tool: command")
            if self.replay == "always":
                raise ValueError("replay goes with locust and k6, not with tool: command")
        else:
            if not self.script:
                raise ValueError(f"tool: {self.tool} needs script")
            if self.command or self.result:
                raise ValueError(f"command and result go with tool: command, not with {self.tool}")
        if self.requests and self.duration:
            raise ValueError("give requests or duration, not both")
        return self


ProfilerName = Literal[
    "none",
    "auto",
    "py-spy",
    "bytecodes",
    "perf",
    "cargo-flamegraph",
    "pprof",
    "memray",
    "heaptrack",
    "massif",
    "dhat",
    "memcheck",
    "callgrind",
    "jemalloc",
    "malloc-info",
]


class StageOptions(Group):
    """One stage of the measurement: a profiler under a load. profiler: none takes clean times."""

    profiler: ProfilerName = "auto"
    """which profiler; auto looks at the service and at this machine. A stage whose name says memory, heap, allocations
    or leaks gets one for memory, any other one for CPU"""
    load: str | None = None
    """which load; default: the first one"""
    rate: int | None = Field(default=None, ge=1, le=1000)
    """samples per second; default 250"""
    native: bool = False
    """native frames too (py-spy --native, memray --native); for perf: Python functions too (-X perf, from 3.12 on)"""
    gil: bool = False
    """only threads that hold Python's global lock (py-spy --gil)"""
    call_graph: CallGraph | None = None
    """how perf finds the callers: fp by frame pointers (-fno-omit-frame-pointer, -C force-frame-pointers), dwarf by
    debug information (large files), lbr by an Intel processor's records; default: fp for perf, dwarf for cargo-flamegraph"""
    subprocesses: bool = True
    """worker processes too"""
    url: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+(/\S*)?$")
    """where the service serves its profiles (pprof); {port} is replaced; default http://127.0.0.1:{port}/debug/pprof"""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    """headers of the requests to url; $NAME is taken from the environment"""
    launches: Launches | None = None
    """how many launches a side"""
    slices: int | None = Field(default=None, ge=1, le=100)
    """slices in a launch"""
    requests: int | None = Field(default=None, ge=1)
    """requests in a slice"""
    duration: Seconds | None = None
    """length of a slice"""


class Measure(Group):
    """How much is measured."""

    launches: Launches = Range(8, 24)
    """fresh starts of each side for the times, at least and at most"""
    slices: int = Field(default=4, ge=1, le=100)
    """slices of stable load in a launch"""
    max_minutes: float = Field(default=5.0, gt=0, le=600)
    """all that measuring may take, after set-up and build"""
    warm_up: int = Field(default=300, ge=0)
    """requests before anything is counted"""
    clean: bool = True
    """launches without a profiler, for the times; false leaves them out"""
    soak: Seconds = 45.0
    """length of the launch that looks for leaks; 0 for none"""
    placement: Literal["auto", "duet", "interleaved"] = "auto"
    """duet: base and head at once on swapped cores; auto: duet where two cores and two ports allow"""
    confirm: bool = False
    """measure what got worse a second time, and call it a regression only if it is seen again; a third of max-minutes
    is kept for that"""


class BaselineOptions(Group):
    """Where earlier measurements are kept."""

    store: Literal["git", "directory", "none"] = "git"
    """a branch of this repository, a folder, or nowhere"""
    branch: str = "perf-data"
    """for store: git"""
    path: str = ".perf-baseline"
    """for store: directory"""
    remote: str = "origin"
    """for store: git"""
    stale_after: int = Field(default=14, ge=1)
    """days after which a baseline is called old"""

    @field_validator("branch", "remote")
    @classmethod
    def _plain(cls, value: str) -> str:
        if (
            not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", value)
            or ".." in value
            or value.endswith((".lock", "/", "."))
        ):
            raise ValueError(f"{value!r} is not a plain name of a branch or remote")
        return value


class CommentMode(str, Enum):
    ALWAYS = "always"
    CHANGES = "changes"
    REGRESSIONS = "regressions"
    NEVER = "never"


class Comment(Group):
    """The comment on the pull request."""

    mode: CommentMode = CommentMode.CHANGES
    """always, changes (when there is something to say, or a comment to update), regressions, never"""
    id: str = Field(default="default", pattern=r"^[A-Za-z0-9_.-]{1,50}$")
    """tells several uses in one repository apart"""


class FailOn(str, Enum):
    REGRESSION = "regression"
    BUDGET = "budget"
    LEAK = "leak"
    INCONCLUSIVE = "inconclusive"
    NEVER = "never"


class Accept(str, Enum):
    LABEL = "label"
    COMMIT = "commit"


#: what may stand under `budgets`, for editors; `parse_budgets` checks it
_LIMIT = {"type": ["string", "number", "null"]}
_BUDGETS = {
    "type": "object",
    "properties": {
        "preset": {
            "description": f"budgets to begin with: {', '.join(preset_names())}; or a list of them",
            "type": ["string", "array"],
            "items": {"type": "string"},
        },
        "ratchet": {
            "description": "let limits follow improvements: true, or how far above the best they stay (default 5%)",
            "type": ["boolean", "string", "number"],
        },
    },
    "additionalProperties": {
        "anyOf": [
            _LIMIT,
            {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        ]
    },
}


class Config(Group):
    """perf.yml."""

    service: Service
    load: dict[str, Scenario]
    """named loads"""
    stages: dict[str, StageOptions] = Field(default_factory=dict)
    """named stages, besides the clean launches and the soak"""
    measure: Measure = Measure()
    budgets: Annotated[dict[str, Any], WithJsonSchema(_BUDGETS)] = Field(default_factory=dict)
    """what: limit, such as memory.peak: 500MB, cpu.per_request: +5%, "function encode_*": 5%, "category locks": 5%,
    "route GET /items/*": {p95: 10ms}, "site store.*": 50MB; preset and ratchet hold for all"""
    baseline: BaselineOptions = BaselineOptions()
    fail_on: list[FailOn] = Field(default_factory=lambda: [FailOn.NEVER])
    """what makes the job red: regression, budget, leak, inconclusive; default never"""
    accept: list[Accept] = Field(default_factory=lambda: [Accept.LABEL])
    """who may accept a regression, so that it does not fail: label (a label on the pull request, which needs the triage
    role), commit (a line in the commit's message or the pull request's text, which its author writes); [] for nobody"""
    needs: dict[str, Need] = Field(default_factory=dict)
    """named services that the service needs, such as a database: started before it, for each side its own"""
    categories: CategoriesOption
    """category: rules for what frames do, before those of the program, such as
    serialization: [{function: "encode_*", file: "*/codec.py"}]; a name of your own makes a category of your own"""
    comment: Comment = Comment()
    check_run: bool = False
    """post a check run, too, with annotations on the changed lines; needs permission checks: write"""
    paths: list[str] = Field(default_factory=list)
    """measure only if one of these changed; ! excludes"""

    @field_validator("fail_on", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [word.strip() for word in value.split(",")] if isinstance(value, str) else value

    @field_validator("fail_on")
    @classmethod
    def _never_alone(cls, value: list[FailOn]) -> list[FailOn]:
        if FailOn.NEVER in value and len(value) > 1:
            raise ValueError("never cannot stand beside other words")
        return value

    @field_validator("budgets")
    @classmethod
    def _limits(cls, value: dict[str, Any]) -> dict[str, Any]:
        parse_budgets(value)
        return value

    @field_validator("load", "stages", "needs")
    @classmethod
    def _names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,40}", name):
                raise ValueError(f"{name!r} is not a plain name: small letters, digits, - and _")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        if not self.load:
            raise ValueError("load: at least one load is needed")
        for name, stage in self.stages.items():
            if stage.load is not None and stage.load not in self.load:
                raise ValueError(
                    f"stages.{name}.load: there is no load {stage.load!r}; there is {', '.join(self.load)}"
                )
        if self.measure.placement == "duet" and self.service.port:
            raise ValueError("measure.placement: duet needs two ports, but service.port fixes one")
        check_needs(self.needs, self.service, self.measure.placement)
        return self

    @property
    def limits(self) -> tuple[Budget, ...]:
        return parse_budgets(self.budgets)

    @property
    def loads_used(self) -> set[str]:
        """The names of the loads that are made: the first one, for clean times, and those of the stages."""
        return {next(iter(self.load)), *map(self.load_of, self.stages.values())}

    def load_of(self, stage: StageOptions) -> str:
        """The name of the load a stage uses."""
        return stage.load or next(iter(self.load))
