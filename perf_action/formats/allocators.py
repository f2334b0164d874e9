"""Names of allocation functions: in a memory profile they are no frames, the one that called them allocated."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ALLOCATOR = re.compile(
    r"(?:__libc_|__GI_+|__interceptor_|_?je_|je_|tc_|_rjem_|_rjem_je_|mi_|tcmalloc::\w+::|__)?"
    r"(?:malloc|calloc|realloc|reallocarray|memalign|posix_memalign|aligned_alloc|valloc|pvalloc|mallocx|rallocx|"
    r"sdallocx|malloc_default|prof_backtrace\w*|do_memalign\w*|do_malloc\w*)(?:_impl)?|tc_new(?:array)?\w*"
    r"|_?Py(?:Object|Mem)_(?:Raw|Debug|DebugRaw)?(?:Malloc|Calloc|Realloc)|_?Py(?:Object_ArenaM|Mem_ArenaA)\w+"
    r"|pymalloc_(?:alloc|realloc)|allocate_from_new_pool|new_arena|(?:__)?mmap(?:64)?|__mmap"
    r"|(?:__)?(?:mremap|s?brk)|__(?:glibc_|default_)?morecore|(?:sysmalloc|sysmalloc_mmap|_int_(?:malloc|realloc|memalign)"
    r"|sysmalloc_mmap_fallback|tcache_init|ptmalloc_init|_int_new_arena|arena_get2)"
    r"(?:\.(?:part|constprop|isra|cold)\.?\d*)*"
    r"|operator new(?:\[\])?(?:\s*\(.*\))?|_Zn[wa][mj]\w*"
    r"|(?:__rustc::)?__?r(?:ust|g|dl)_(?:alloc|alloc_zeroed|realloc)|alloc::alloc::(?:alloc|alloc_zeroed|realloc|exchange_malloc)"
    r"|<alloc::alloc::Global as core::alloc::(?:\w+::)*Allocator>::\w+|<?alloc::alloc::Global>?::\w+"
    r"|<?std::alloc::System>?::\w+|<std::alloc::System as core::alloc::(?:\w+::)*(?:Allocator|GlobalAlloc)>::\w+"
    r"|std::sys::alloc::\w+::<impl core::alloc::(?:\w+::)*GlobalAlloc for std::alloc::System>::\w+"
    r"|std::sys::alloc::\w+::aligned_malloc"
    r"|<[\w:]+ as core::alloc::(?:\w+::)*GlobalAlloc>::\w+",
    re.DOTALL,
)
_LONGEST = 200


def is_allocator(name: str) -> bool:
    return len(name) <= _LONGEST and _ALLOCATOR.fullmatch(name) is not None


def callers_only(names: Sequence[str]) -> int:
    """How many of `names` (root first) are left when allocation functions are taken off the leaf; at least one."""
    keep = len(names)
    while keep > 1 and is_allocator(names[keep - 1]):
        keep -= 1
    return keep
