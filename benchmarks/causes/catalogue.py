"""The catalogue as types, and its defects found in the source of their services.

A fault is switched on in one place of its service, outside the file of faults; the pull request of a defect replaces the
switch there by true. Places are searched for, so that a service that has changed is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.pull_request import EXAMPLES

CATALOGUE = Path(__file__).with_name("catalogue.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """`switch` is how the source asks for the fault of a name; `true` stands in its place where it is always on.
    `definition` matches where a function is defined, `NAME` being its name.
    """

    suffixes: tuple[str, ...]
    faults: tuple[str, ...]
    switch: str
    spelling: str
    true: str
    definition: str
    comment: str


LANGUAGES = {
    "python": Language(
        suffixes=(".py",), faults=("faults.py",), switch="faults.{}", spelling="UPPER_CASE", true="True",
        definition=r"^\s*(async )?def NAME\(", comment="#",
    ),
    "rust": Language(
        suffixes=(".rs",), faults=("faults.rs",), switch="faults::on(Fault::{})", spelling="CamelCase", true="true",
        definition=r"^\s*(pub )?fn NAME[(<]", comment="//",
    ),
    "go": Language(
        suffixes=(".go",), faults=("faults.go",), switch="faults.{}", spelling="camelCase", true="true",
        definition=r"^func (\([^)]*\) )?NAME\(", comment="//",
    ),
    "c": Language(
        suffixes=(".c",), faults=("faults.c",), switch="fault_on(FAULT_{})", spelling="UPPER_CASE", true="true",
        definition=r"^(?!.*;$)[a-zA-Z].*\bNAME\(", comment="//",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`file` is relative to the service's folder."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One entry; see the head of catalogue.yml for what its keys mean."""

    fault: str
    what: str
    function: str
    stage: tuple[str, ...]
    also: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    kind: str = "cpu"
    soak: float = 0.0
    advice: tuple[str, ...] = ()
    check: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`comment` is the file in which a comment is put; `settings` replace keys of perf.yml; `stages` are options by name."""

    name: str
    comment: str
    settings: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]
    defects: tuple[Defect, ...]

    @property
    def folder(self) -> Path:
        return EXAMPLES / f"schema-registry-{self.name}"

    @property
    def language(self) -> Language:
        return LANGUAGES[self.name]

    def switch(self, fault: str) -> str:
        """The text that asks whether the fault is on."""
        words = fault.split("-")
        spelt = {
            "UPPER_CASE": "_".join(words).upper(),
            "CamelCase": "".join(map(str.capitalize, words)),
            "camelCase": words[0] + "".join(map(str.capitalize, words[1:])),
        }
        return self.language.switch.format(spelt[self.language.spelling])

    def switched(self, fault: str) -> Place:
        """Where the source asks for the fault. ValueError unless it is one place."""
        wanted = re.compile(rf"(?<![\w.]){re.escape(self.switch(fault))}(?!\w)")
        return self._one(wanted, f"{self.switch(fault)} of {fault}")

    def defined(self, function: str) -> Place:
        """Where the function is defined. ValueError unless it is one place."""
        wanted = re.compile(self.language.definition.replace("NAME", re.escape(function)))
        return self._one(wanted, f"the definition of {function}")

    def _one(self, wanted: re.Pattern[str], what: str) -> Place:
        found = [place for place, text in self._lines() if wanted.search(text)]
        if len(found) != 1:
            raise ValueError(f"{self.folder.name}: {what} is there {len(found)} times, not once")
        return found[0]

    def _lines(self) -> Iterator[tuple[Place, str]]:
        """Every line of the source but of what switches faults and of what is built."""
        for file in sorted(self.folder.rglob("*")):
            path = file.relative_to(self.folder)
            if file.suffix not in self.language.suffixes or path.parts[0] in ("target", "build", "tests"):
                continue
            if file.name not in self.language.faults:
                for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                    yield Place(file=path.as_posix(), line=number), text


def services() -> tuple[Service, ...]:
    """The catalogue. TypeError names a key that it does not know."""
    data = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["services"]
    return tuple(_service(name, entry) for name, entry in data.items())


def _service(name: str, entry: Mapping[str, Any]) -> Service:
    defects = tuple(
        Defect(fault=fault, **{k: tuple(v) if isinstance(v, list) else v for k, v in keys.items()})
        for fault, keys in entry["defects"].items()
    )
    return Service(name=name, **{**entry, "settings": entry.get("settings") or {}, "defects": defects})
