"""`show` what is in a capture, and `convert` it for another tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perf_action import formats
from perf_action.errors import InputError, UsageError, one_line
from perf_action.formats.listing import listing
from perf_action.formats.source import ReadOptions
from perf_action.formats.writing import CAPTURE_WRITERS, PROFILE_WRITERS, kind_names, profile_with
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture
from perf_action.model.units import canonical_unit, factor
from perf_action.render.numbers import quantity
from perf_action.system import System, write_bytes, write_text

_BAR: Final = 10
_PICTURES: Final = (".svg", ".html")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--kind", help="One kind of value only, e.g. cpu, peak, leaked, allocated.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Functions; 0 for all."
)
@click.option("--native", is_flag=True, help="Keep C frames where the capture tells them apart (memray).")
def show(file: Path, form: str, kind: str | None, limit: int, native: bool) -> None:
    """Show what is in a capture: the functions that cost most, and the metrics.

    The kind of file is told by its content: perf, py-spy, memray, heaptrack, massif, DHAT, memcheck, callgrind, jemalloc,
    gperftools, pprof, speedscope, folded stacks, flame graphs, V8, Firefox, Chrome traces, austin, k6, locust, and the
    results of many benchmark tools.

    \b
    perf-action show profile.folded
    perf-action show memray.bin --kind peak --limit 5
    perf-action show cpu.pb.gz --format json --limit 0
    """
    capture = _read(file, kind, ReadOptions(native=native))
    document = listing(capture, kind=kind, limit=limit)
    if form == "json":
        click.echo(json.dumps(document, indent=1))
    else:
        _print(document)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--kind", help="The kind of value to write; the first one if not given (pb.gz, json: all).")
@click.option("--native", is_flag=True, help="Keep C frames where the capture tells them apart (memray).")
@click.option(
    "--lines", is_flag=True, help="Source lines and inlined functions, where that takes longer (perf)."
)
@click.option("--timeline", is_flag=True, help="When each sample was taken, where that takes longer (perf).")
def convert(file: Path, out: Path, kind: str | None, *, native: bool, lines: bool, timeline: bool) -> None:
    """Write FILE, a capture of any supported tool, as OUT for another one.

    \b
    OUT ends in           what it is
    .folded               stacks for flamegraph.pl and others, one kind
    .pb.gz                pprof, for go tool pprof and others, all kinds
    .speedscope.json      for speedscope.app, all kinds
    .svg .html            a flame graph, one kind
    .metrics.json         the metrics alone
    .json                 what `show --format json --limit 0` prints

    \b
    perf-action convert memray.bin leaks.svg --kind leaked
    perf-action convert profile.folded profile.pb.gz
    """
    suffix = _suffix(out)
    capture = _read(file, kind, ReadOptions(native=native, lines=lines, timeline=timeline))
    if suffix in CAPTURE_WRITERS:
        _write(out, CAPTURE_WRITERS[suffix](capture))
        return
    profile = profile_with(capture, kind)
    if profile is None:
        raise InputError(file, "holds metrics and no profile", remedy="convert it to .json or .metrics.json")
    _write(
        out,
        PROFILE_WRITERS[suffix](profile) if suffix in PROFILE_WRITERS else _picture(profile, file, suffix),
    )


def _read(file: Path, kind: str | None, options: ReadOptions) -> Capture:
    capture = formats.read(file, System(), options)
    names = kind_names(capture)
    if kind is not None and not any(kind in (name, name.partition(":")[0]) for name in names):
        raise UsageError(f"{file}: has no {kind!r}; it has {', '.join(names) or 'metrics only'}")
    return capture


def _suffix(out: Path) -> str:
    known = sorted([*PROFILE_WRITERS, *CAPTURE_WRITERS, *_PICTURES], key=len, reverse=True)
    found = next((suffix for suffix in known if out.name.endswith(suffix)), None)
    if found is None:
        raise UsageError(f"{out}: do not know what to write; end it in one of {' '.join(sorted(known))}")
    return found


def _picture(profile: Profile, file: Path, suffix: str) -> str:
    from html import escape  # noqa: PLC0415

    from perf_action.render.flamegraph import Drawings  # noqa: PLC0415 - not needed for the other formats

    title = one_line(file.name, 100)
    svg = Drawings().of(profile).svg(title)
    if suffix == ".svg":
        return svg
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n{svg}\n'


def _write(out: Path, content: str | bytes) -> None:
    if isinstance(content, str):
        write_text(out, content)
    else:
        write_bytes(out, content)


def _print(document: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=False)
    console.print(Text(document["format"], style="bold"))
    for note in document["notes"]:
        console.print(Text(f"note: {one_line(note)}", style="yellow"))
    for profile in document["profiles"]:
        console.print(_functions(profile))
    if document["metrics"]:
        console.print(_metrics(document["metrics"]))


def _functions(profile: dict[str, Any]) -> Table:
    unit, shown, count = profile["unit"], len(profile["functions"]), profile["function_count"]
    rest = f", {shown} of {count} functions" if shown < count else ""
    event = f" ({one_line(profile['event'], 60)})" if "event" in profile else ""
    title = f"{profile['kind']}{event}: {quantity(profile['total'], unit)} in all{rest}"
    table = Table(title=Text(one_line(title), style="bold"), title_justify="left", box=None, pad_edge=False)
    for column in ("self", "", "total", ""):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=_BAR)
    table.add_column("function", overflow="fold", ratio=1)
    for function in profile["functions"]:
        name = Text(one_line(function["name"], 200))
        name.append(f"  {_short(function['file'] or function['module'] or '')}", style="dim")
        table.add_row(
            quantity(function["self"], unit),
            quantity(function["self_share"], "ratio"),
            quantity(function["total"], unit),
            quantity(function["total_share"], "ratio"),
            Text("█" * round(function["self_share"] * _BAR), style="red"),
            name,
        )
    return table


def _short(place: str) -> str:
    """The last two parts of a path: enough to know it by, and a row stays one line."""
    return one_line("/".join(place.split("/")[-2:]), 60)


def _metrics(metrics: list[dict[str, Any]]) -> Table:
    table = Table(title=Text("metrics", style="bold"), title_justify="left", box=None, pad_edge=False)
    for column in ("median", "samples"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("name", overflow="fold", ratio=1)
    for metric in metrics:
        values = sorted(metric["samples"])
        middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
        shown = quantity(middle * factor(metric["unit"]), canonical_unit(metric["unit"]))
        table.add_row(shown, str(len(values)), Text(one_line(metric["name"], 200)))
    return table
