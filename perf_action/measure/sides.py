"""The sides of a run, ready to be launched: base and head in a worktree each, or head alone where it lies."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from perf_action.config import Service
from perf_action.errors import CannotMeasure
from perf_action.git import Access, open_repository
from perf_action.machine.builds import Kept, is_fixed, kept, key_of
from perf_action.machine.commands import inherited
from perf_action.machine.prepare import Prepared, identical, prepare, python_of
from perf_action.machine.toolchain import folders_of, tools_for
from perf_action.machine.touched import touched
from perf_action.machine.worktree import Checkout, Revision, in_place, revision, worktree
from perf_action.model.touched import TouchedFile
from perf_action.model.trial import Side
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """`prepared` has head, and base where there is one that could be set up; `failed` says why base is missing.

    `identical` says why there is nothing to compare, if both are the same program; `touched` is what differs in their
    sources.
    """

    prepared: Mapping[Side, Prepared]
    identical: str = ""
    failed: tuple[tuple[Side, str], ...] = ()
    notes: tuple[str, ...] = ()
    touched: tuple[TouchedFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workshop:
    """Where sides are set up: logs are kept, `scratch` is not, and `stack` puts away what was taken out."""

    service: Service
    repository: Path
    system: System
    logs: Path
    scratch: Path
    access: Access | None
    say: Callable[[str], None]
    stack: contextlib.ExitStack


@contextlib.contextmanager
def prepared_sides(
    service: Service,
    repository: Path,
    base: str,
    system: System,
    *,
    logs: Path,
    access: Access | None,
    say: Callable[[str], None],
) -> Iterator[Sides]:
    """Check out, set up and build. `base` is a commit, or empty for head alone. What fails for head raises; base that
    cannot be built is left out, with the reason.
    """
    with contextlib.ExitStack() as stack:
        shop = _Workshop(
            service=service,
            repository=repository,
            system=system,
            logs=logs,
            scratch=Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="perf-action-"))),
            access=access,
            say=say,
            stack=stack,
        )
        yield _both(base, shop) if base else _alone(shop)


def _alone(shop: _Workshop) -> Sides:
    shop.say("head: setting up")
    head = _prepare(Side.HEAD, in_place(shop.system, shop.repository), shop)
    return Sides(prepared={Side.HEAD: head}, notes=head.notes)


def _both(base: str, shop: _Workshop) -> Sides:
    system, repository, access = shop.system, shop.repository, shop.access
    wanted = {
        Side.BASE: revision(system, repository, base, access=access),
        Side.HEAD: revision(system, repository, "HEAD", uncommitted=True, access=access),
    }
    places = _places(wanted, shop)
    checkouts = {side: _checked_out(side, found, places.get(side), shop) for side, found in wanted.items()}
    prepared: dict[Side, Prepared] = {}
    failed: list[tuple[Side, str]] = []
    for side, checkout in checkouts.items():
        place = places.get(side)
        doing = "taking an earlier build of" if place and place.built else "setting up"
        shop.say(f"{side.value}: {doing} {checkout.commit[:10]}")
        try:
            prepared[side] = _prepare(side, checkout, shop, place, two_sides=True)
        except CannotMeasure as error:
            if side is Side.HEAD:
                raise
            failed.append((side, str(error)))
            shop.say(f"base: {error}")
    same = identical(prepared[Side.BASE], prepared[Side.HEAD]) if Side.BASE in prepared else None
    files, why = _touched(checkouts, system)
    notes = tuple(dict.fromkeys(note for p in prepared.values() for note in p.notes))
    return Sides(
        prepared=prepared,
        identical=same or "",
        failed=tuple(failed),
        notes=(*notes, *why),
        touched=files,
    )


def _checked_out(side: Side, found: Revision, place: Kept | None, shop: _Workshop) -> Checkout:
    checkout = worktree(
        shop.system,
        shop.repository,
        found,
        side=side,
        directory=shop.service.directory,
        access=shop.access,
        kept=place,
    )
    return shop.stack.enter_context(checkout)


def _touched(
    checkouts: Mapping[Side, Checkout], system: System
) -> tuple[tuple[TouchedFile, ...], tuple[str, ...]]:
    """What differs between the sources; if git cannot tell, all functions are judged alike."""
    try:
        return touched(checkouts[Side.BASE], checkouts[Side.HEAD], system), ()
    except CannotMeasure as error:
        return (), (f"which functions the change touches is not known: {error}",)


def _places(wanted: Mapping[Side, Revision], shop: _Workshop) -> dict[Side, Kept]:
    """Where the builds of both sides are kept, or nothing: paths of different lengths cannot be compared."""
    service, system = shop.service, shop.system
    if service.reuse_build == "never" or not (service.setup or service.build):
        return {}
    top = open_repository(system, shop.repository).directory
    folders = [f for f in folders_of((top / service.directory).resolve(), top) if f.is_dir()] or [top]
    env = inherited(system.environ)
    tools = tools_for(folders, python=python_of(env), env=env, system=system)
    opened = {
        side: shop.stack.enter_context(kept(system, key_of(service, found.tree, env, tools)))
        for side, found in wanted.items()
    }
    places = {side: place for side, place in opened.items() if place}
    return places if len(places) == len(wanted) else {}


def _prepare(
    side: Side, checkout: Checkout, shop: _Workshop, place: Kept | None = None, *, two_sides: bool = False
) -> Prepared:
    own = place.own if place else shop.scratch / side.value
    own.mkdir(exist_ok=True)
    log = shop.logs / f"{side.value}-setup.log"
    built = place is not None and place.built
    service, system = shop.service, shop.system
    prepared = prepare(checkout, service, system, log=log, scratch=own, two_sides=two_sides, built=built)
    if place and not built and is_fixed(service, folders_of(prepared.directory, checkout.path)):
        place.seal()
    return prepared
