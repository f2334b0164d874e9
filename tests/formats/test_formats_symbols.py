"""Mangled names: the expected ones are what rustc-demangle 0.1 prints with {:#}, and c++filt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.formats.symbols import demangle
from perf_action.model.tree import costs
from perf_action.system import System

HERE = Path(__file__).resolve().parent
V0 = (
    ("_RIC4shopKb1_E", "shop::<true>"),
    ("_RIC4shopKc76_E", "shop::<'v'>"),
    ("_RIC4shopKh1f_E", "shop::<31>"),
    ("_RIC4shopKin7_E", "shop::<-7>"),
    ("_RIC4shopKo123456789abcdef01_E", "shop::<0x123456789abcdef01>"),
    ("_RIC4shopKRe616263_E", 'shop::<"abc">'),
    ("_RIC4shopKe616263_E", 'shop::<{*"abc"}>'),
    ("_RIC4shopKAh1_h2_EE", "shop::<{[1, 2]}>"),
    ("_RIC4shopKTh1_EE", "shop::<{(1,)}>"),
    ("_RIC4shopKRh5_E", "shop::<{&5}>"),
    ("_RIC4shopKVNtC4shop5PriceS5centsh5_EE", "shop::<{shop::Price { cents: 5 }}>"),
    ("_RIC4shopKVNtC4shop5PriceTh5_b1_EE", "shop::<{shop::Price(5, true)}>"),
    ("_RIC4shopKVNtC4shop5PriceUE", "shop::<{shop::Price}>"),
    ("_RNvC4shop5serve.cold.llvm.123", "shop::serve.cold"),
    ("_RNvC4shop5serve.llvm.123", "shop::serve"),
    ("_RNvC4shop5serve.cold.0", "shop::serve.cold.0"),
    ("_RNvC6_123foo3bar", "123foo::bar"),
    ("_RNCC4shop0", "shop::{closure#0}"),
    ("_RNYC4shop5thing", "shop::{Y:thing#0}"),
    ("_RINvC4shop5serveFG_RL0_hEuE", "shop::serve::<for<'a> fn(&'a u8)>"),
    ("_RINvC4shop5serveFUKCEuE", 'shop::serve::<unsafe extern "C" fn()>'),
    ("_RINvC4shop5serveDNtC4shop5PriceNtC4core4SendEL_E", "shop::serve::<dyn shop::Price + core::Send>"),
    (
        "_RINvC4shop5serveDG_INtC4core2FnTRL0_hEEp6OutputhEL_E",
        "shop::serve::<dyn for<'a> core::Fn<(&'a u8,), Output = u8>>",
    ),
    ("_RINvC4shop5serveAhj10_E", "shop::serve::<[u8; 16]>"),
    ("_RINvC4shop5serveSeE", "shop::serve::<[str]>"),
    ("_RINvC4shop5serveTEE", "shop::serve::<()>"),
    ("_RINvC4shop5serveTeEE", "shop::serve::<(str,)>"),
    ("_RINvC4shop5servePhOlE", "shop::serve::<*const u8, *mut i32>"),
    ("_RINvC4shop5serveQhRzE", "shop::serve::<&mut u8, &!>"),
    ("_RINvC4shop5serveL_E", "shop::serve::<'_>"),
    ("_RNvC4shopu8gdel_5qa", "shop::gödel"),
    ("_RNvNtC4shopu10mnchen_3ya4city", "shop::münchen::city"),
    ("_RNSC4shop6vtable", "shop::{shim:vtable#0}"),
    ("_RINvC4shop5serveKpE", "shop::serve::<_>"),
    ("_RNvXC4shopNtC4shop5OrderNtC4core5Clone5clone", "<shop::Order as core::Clone>::clone"),
    ("_RNvYhNtC4core5Clone5clone", "<u8 as core::Clone>::clone"),
    ("_RNvMs2_C4shopINtC4shop4CartpE3add", "<shop::Cart<_>>::add"),
    ("_RINvC4shop5serveWmRm1_m9_E", "shop::serve::<u32 is 1..=9>"),
)
NOT_MANGLED = (
    "_RIC4shopKATh1_h2_EE",
    "_RIC4shopKVNtC4shop5PriceS5centsh5_4namebO_EE",
    "_RNqCs4fqI2P2rA04_13const_genericINtB0_4BoolKb1_E",
    "_RINvC4shop5serveFKCUhEhE",
    "main",
    "_R",
    "_RNv",
    "Render",
    "_RINvC4shop5serve" + "R" * 1000 + "hE",
    "_RNvC4shop999999999999serve",
    "_RNvC4shop5serve junk",
    "_RNvB_5serve",
    "_ZN4shop5serveE",
    "_ZN4shop5serve17h0123456789abcdeXE",
    "_ZN9999shop5serve17h0123456789abcdefE",
    "_ZNKSt6vectorIiE4sizeEv",
    "_$LT$" * 2000,
)
LEGACY = (
    ("_ZN4shop5serve17h0123456789abcdefE", "shop::serve"),
    ("_ZN4shop5serve17h0123456789abcdefE.llvm.123AF", "shop::serve"),
    ("_ZN4shop5serve17h0123456789abcdefE.cold", "shop::serve.cold"),
    (
        "_ZN72_$LT$alloc..boxed..Box$LT$T$C$A$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17hb7b3cd31db4f3dd8E",
        "<alloc::boxed::Box<T,A> as core::ops::drop::Drop>::drop",
    ),
    ("_ZN4shop28_$u7b$$u7b$closure$u7d$$u7d$17hf9c1d2fa3f0b97b6E", "shop::{{closure}}"),
    # what a C++ demangler leaves: the hash is part of the name that the tool prints
    (
        "_$LT$u8$u20$as$u20$alloc..vec..spec_from_elem..SpecFromElem$GT$::from_elem::h94c27f6eb1b926c3",
        "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem::h94c27f6eb1b926c3",
    ),
    (
        "shop::keep::_$u7b$$u7b$closure$u7d$$u7d$::h94c27f6eb1b926c3",
        "shop::keep::{{closure}}::h94c27f6eb1b926c3",
    ),
)


@pytest.mark.parametrize(("mangled", "name"), [*V0, *LEGACY])
def test_names_are_those_that_people_wrote(mangled: str, name: str) -> None:
    assert demangle(mangled) == name


@pytest.mark.parametrize("name", NOT_MANGLED, ids=lambda name: name[:40])
def test_what_is_no_mangled_name_stays(name: str) -> None:
    assert demangle(name) == name


def test_names_that_repeat_themselves_are_given_up() -> None:
    """Each pair has the one before it twice: the name would have 2**40 parts."""
    text, places = "INvC4shop5serveTeeE", [15]
    for _ in range(40):
        places.append(len(text))
        back = base_62(places[-2])
        text += f"T{back}{back}E"
    name = f"_R{text}E"
    assert demangle(name) == name


def base_62(place: int) -> str:
    digits = ""
    value = place - 1
    while value >= 0:
        digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[value % 62] + digits
        value = value // 62 or -1
    return f"B{digits}_"


@given(
    base=st.sampled_from([mangled for mangled, _ in [*V0, *LEGACY]]),
    at=st.integers(0, 60),
    new=st.text(alphabet="CMXYNIBLKRQPOASTFDWEpsGu_$.0123456789abcdefh", max_size=3),
)
@settings(max_examples=300)
def test_anything_is_a_name(base: str, at: int, new: str) -> None:
    assert isinstance(demangle(base[:at] + new + base[at + 1 :]), str)


def test_names_in_any_capture_are_readable(system: System, tmp_path: Path) -> None:
    path = tmp_path / "x.folded"
    path.write_text("main;_RNvC4shop5serve 3\nmain;_ZN4shop4Cart3addEi 4\nmain;_Zbroken 5\n")
    names = {key.name for key in costs(formats.read(path, system).captures[0].profile)}
    assert {"main", "shop::serve", "_Zbroken"} < names
    without = formats.read(path, System({"PATH": str(tmp_path)})).captures[0].profile
    assert {key.name for key in costs(without)} == {"main", "shop::serve", "_ZN4shop4Cart3addEi", "_Zbroken"}


@pytest.mark.slow
def test_c_plus_plus_names_are_those_of_cxxfilt(system: System, tmp_path: Path) -> None:
    path = tmp_path / "x.folded"
    path.write_text("_ZN4shop4Cart3addEi 4\n_ZN4shop4Cart3addEd 4\n_ZSt4cout 1\n_ZN1aC1Ev.part.0 1\n")
    names = {key.name for key in costs(formats.read(path, system).captures[0].profile)}
    assert names == {"shop::Cart::add(int)", "shop::Cart::add(double)", "std::cout", "a::a() [clone .part.0]"}


@pytest.mark.slow
def test_all_rust_names_of_a_program_are_those_of_cxxfilt(system: System, tmp_path: Path) -> None:
    shop = HERE / "programs" / "heap_shop.rs"
    assert system.run(["rustc", "-o", "shop", str(shop)], cwd=tmp_path).code == 0
    listed = system.run(["nm", "shop"], cwd=tmp_path).stdout
    mangled = sorted(set(re.findall(r"(?m) (_R\w+|_ZN[\w$.]+17h[0-9a-f]{16}E)$", listed)))
    said = system.run(["c++filt", "--no-verbose"], stdin="\n".join(mangled).encode()).stdout.split("\n")
    assert len(mangled) > 500
    assert {name: demangle(name) for name in mangled} == dict(zip(mangled, said, strict=True))
