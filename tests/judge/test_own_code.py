"""Own code or not, for functions as real profilers name them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.judge.code.own import is_own, is_plain_symbol
from perf_action.model.profile import FunctionKey as Key

OWN = [
    Key("Basket.total", "shop.py"),
    Key("list_schemas", "registry/app.py"),
    Key("dumps", "/srv/app/json/a.py"),
    Key("py::Store.put", "/srv/app/registry/store.py", "[jit]"),
    Key("main.price", "./shop.go"),
    Key("main.(*Store).put.func1"),
    Key("example.com/registry/store.(*Store).Put", "store/store.go"),
    Key("github.com/acme/registry/store.(*Store).Put"),
    Key("registry::store::put::h59389bd19b69614d", "", "registry"),
    Key("<registry::Schema as serde::ser::Serialize>::serialize"),
    Key("main", "", "shop-c"),
    Key("price", "", "shop-c"),
    Key("climb'2", "/srv/orchard/orchard.c", "/srv/orchard/orchard"),
    Key("warehouse::Shelf<long>::count", "", "warehouse"),
    Key("void warehouse::pack<int>(int)"),
    Key("(anonymous namespace)::helper(int)"),
    Key("(anonymous)", "/srv/shop/shop_v8.js"),
]
NOT_OWN = [
    Key("JSONEncoder.encode", "json/encoder.py"),
    Key("get", "python3.11/queue.py"),
    Key("get", "/usr/lib/python3.11/queue.py"),
    Key("app", "starlette/routing.py"),
    Key("x", "/v/lib/python3.11/site-packages/nobody_knows/a.py"),
    Key("__init__", "<string>"),
    Key("_find_and_load", "<frozen importlib._bootstrap>"),
    Key("Counter.stop", "/opt/x/perf_action/profilers/bootstrap/bytecode_counter.py"),
    Key("runtime.main", "runtime/proc.go"),
    Key("encoding/json.(*encodeState).marshal"),
    Key("github.com/jackc/pgx/v5.(*Conn).Query"),
    Key("example.org/kept/pkg.Do", "/root/go/pkg/mod/example.org/kept@v1.2.0/pkg/do.go"),
    Key("<&mut serde_json::ser::Serializer<W> as serde::ser::Serializer>::serialize_str"),
    Key("core::ptr::drop_in_place::<registry::Schema>"),
    Key("<T as core::fmt::Debug>::fmt"),
    Key(
        "nobody::knows", "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/nobody-1.0.0/src/lib.rs"
    ),
    Key("std::thread::_State_impl<std::thread::_Invoker<std::tuple<int> > >::_M_run", "", "warehouse"),
    Key("void std::sort<int*>(int*, int*)"),
    Key("_M_invoke<0, 1, 2>"),
    Key("memcpy"),
    Key("__GI___strdup", "./string/strdup.c", "libc.so.6"),
    Key("inflate", "", "libz.so.1"),
    Key("[unknown]", "", "shop-c"),
    Key("do_syscall_64", "", "[kernel]"),
    Key("(below main)"),
    Key("0x000000000001ab70", "", "shop"),
    Key("listOnTimeout", "node:internal/timers"),
    Key("query", "/srv/shop/node_modules/pg/lib/client.js"),
    Key("(garbage collector)"),
]


@pytest.mark.parametrize("key", OWN, ids=str)
def test_own(key: Key) -> None:
    assert is_own(key)


@pytest.mark.parametrize("key", NOT_OWN, ids=str)
def test_not_own(key: Key) -> None:
    assert not is_own(key)


def test_a_symbol_of_c_alone_says_little() -> None:
    assert is_plain_symbol(Key("balance_nonroot", "", "shop-c"))
    assert not is_plain_symbol(Key("price", "/srv/shop/shop.c", "shop-c"))
    assert not is_plain_symbol(Key("registry::store::put"))


@given(st.builds(Key, st.text(max_size=60), st.text(max_size=60), st.text(max_size=30)))
def test_any_name_is_answered(key: Key) -> None:
    assert isinstance(is_own(key), bool)


@pytest.mark.timeout(10)
def test_enormous_names_are_answered_at_once() -> None:
    for name in ("<" * 10**6, "a::" * 10**6, "(" * 10**6, "x " * 10**6 + "::", "." * 10**6):
        for file in ("", "/" * 10**6, "site-packages/" * 10**5 + "a.py", "a.go"):
            is_own(Key(name, file))
