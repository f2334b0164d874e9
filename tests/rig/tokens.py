"""Who may do what: act enforces no ``permissions:``, so the rig's servers do, from the token that they are shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = {"none": 0, "read": 1, "write": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """As the GITHUB_TOKEN of a job. `permissions` are those of its ``permissions:`` block."""

    secret: str = field(repr=False)
    permissions: Mapping[str, str]
    login: str = "github-actions[bot]"
    user_id: int = 41898282

    def may(self, scope: str, level: str) -> bool:
        return LEVELS[self.permissions.get(scope, "none")] >= LEVELS[level]


def find(tokens: tuple[Token, ...], header: str) -> Token | None:
    """The token of an Authorization header: Bearer and token (API), or Basic x-access-token (git)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif scheme.lower() not in ("bearer", "token"):
        return None
    return next((t for t in tokens if t.secret == value), None)
