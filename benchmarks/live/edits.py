"""The pull requests: what each edits, and what has to be said of it.

Each edit replaces text that occurs once in the service's source, so that an example that has changed is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

Replacement = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """`expect`: nothing (no regression), or what has to be named: the function that got slower, the site that leaks."""

    service: str
    name: str
    replacements: tuple[Replacement, ...]
    slower: str = ""
    leaks: str = ""

    def apply(self, root: Path) -> None:
        """Edit the service below `root`. ValueError if it is not as expected."""
        for path, old, new in self.replacements:
            file = root / f"schema-registry-{self.service}" / path
            text = file.read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise ValueError(f"{file}: {old!r} occurs {text.count(old)} times")
            file.write_text(text.replace(old, new), encoding="utf-8")


_PYTHON = (
    Edit(
        service="python",
        name="comment",
        replacements=(
            ("registry/canonical.py", "    if isinstance(node, str):\n", "    # names and words alike\n    if isinstance(node, str):\n"),
        ),
    ),
    Edit(
        service="python",
        name="slower",
        slower="canonicalise",
        replacements=(
            ("registry/canonical.py", "from typing import Any\n", "from typing import Any\nfrom unicodedata import normalize\n"),
            ("registry/canonical.py", "        return quoted(node)\n", '        return quoted(normalize("NFC", node))\n'),
            (
                "registry/canonical.py",
                "    members = []\n    for key in sorted(node):\n        value = node[key]\n",
                ("    normal = {}\n    for key, value in node.items():\n"
                '        name = normalize("NFC", key)\n'
                "        if name in normal:\n            raise ValueError(name)\n"
                "        normal[name] = value\n"
                "    members = []\n    for key in sorted(normal):\n        value = normal[key]\n"),
            ),
        ),
    ),
    Edit(
        service="python",
        name="moved",
        replacements=(
            (
                "registry/canonical.py",
                "        return LITERALS.get(repr(node)) or repr(node)\n    members = []\n",
                ("        return LITERALS.get(repr(node)) or repr(node)\n    return canonical_object(node, names)\n\n\n"
                "def canonical_object(node: dict[str, Any], names: bool) -> str:\n    members = []\n"),
            ),
        ),
    ),
    Edit(
        service="python",
        name="inlined",
        replacements=(
            ("registry/routes.py", "from __future__ import annotations\n\n", "from __future__ import annotations\n\nimport hashlib\n"),
            (
                "registry/routes.py",
                "    if fingerprint(canonicalise(schema)) != registered.fingerprint:\n",
                "    if hashlib.sha256(canonicalise(schema).encode()).hexdigest() != registered.fingerprint:\n",
            ),
        ),
    ),
    Edit(
        service="python",
        name="leak",
        leaks="record_request",
        replacements=(
            ("registry/audit.py", "        if faults.LEAK:\n            self", "        if body:\n            self"),
        ),
    ),
)  # fmt: skip

_RUST = (
    Edit(
        service="rust",
        name="comment",
        replacements=(
            ("src/canonical.rs", "    let start = out.len();\n", "    // what this node adds begins here\n    let start = out.len();\n"),
        ),
    ),
    Edit(
        service="rust",
        name="slower",
        slower="canonicalise",
        replacements=(
            (
                "src/canonical.rs",
                "            members.sort_unstable_by_key(|(name, _)| name);\n",
                ("            members.sort_by_cached_key(|(name, _)| name.clone());\n"
                "            let lower: Vec<String> = members.iter().map(|(name, _)| name.to_lowercase()).collect();\n"
                "            black_box(&lower);\n"),
            ),
        ),
    ),
    Edit(
        service="rust",
        name="moved",
        replacements=(
            (
                "src/canonical.rs",
                "        Value::Object(members) => {\n            let mut members",
                ("        Value::Object(members) => write_object(members, names, out),\n"
                "        Value::String(text) => write_quoted(text, out),\n"
                "        _ => out.push_str(&node.to_json()),\n    }\n    let _ = start;\n}\n\n"
                "#[inline(never)]\nfn write_object(members: &[(String, Value)], names: Names, out: &mut String) {\n"
                "            let mut members"),
            ),
            (
                "src/canonical.rs",
                ("            out.push('}');\n        }\n        Value::String(text) => write_quoted(text, out),\n"
                "        _ => out.push_str(&node.to_json()),\n    }\n    if faults::on(Fault::Slow) {\n"),
                "            out.push('}');\n    let start = out.len();\n    if faults::on(Fault::Slow) {\n",
            ),
        ),
    ),
    Edit(
        service="rust",
        name="inlined",
        replacements=(
            (
                "src/canonical.rs",
                "                        write_sorted(items, out)\n",
                ("                        let mut texts: Vec<String> = items.iter().map(canonical).collect();\n"
                "                        texts.sort_unstable();\n"
                "                        out.push('[');\n"
                '                        out.push_str(&texts.join(","));\n'
                "                        out.push(']');\n"),
            ),
            ("src/canonical.rs", "fn write_sorted(", "#[allow(dead_code)]\nfn write_sorted("),
        ),
    ),
    Edit(
        service="rust",
        name="leak",
        leaks="record_request",
        replacements=(
            ("src/audit.rs", "        if faults::on(Fault::Leak) {\n", "        if response.status > 0 {\n"),
            ("src/audit.rs", "use crate::faults::{self, Fault};\n", ""),
        ),
    ),
)  # fmt: skip

EDITS = (*_PYTHON, *_RUST)
