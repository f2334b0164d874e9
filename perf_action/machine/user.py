"""Running as somebody else where we are root: PostgreSQL, for one, refuses to run as root, and containers in CI are root.

By ``setpriv`` of util-linux (https://man7.org/linux/man-pages/man1/setpriv.1.html), which becomes the program, so that
signals and the process tree are as without it.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Sequence
from pathlib import Path

from perf_action.errors import CannotMeasure


class UserOf:
    """Starts as `user`; as we are, if that is empty or we are not root. CannotMeasure for a user that is not there."""

    def __init__(self, user: str, uid: Callable[[], int] = os.geteuid) -> None:
        self._entry: pwd.struct_passwd | None = None
        if user and uid() == 0:
            try:
                self._entry = pwd.getpwnam(user)
            except KeyError:
                raise CannotMeasure(
                    f"there is no user {user!r} on this machine; install what makes it"
                ) from None

    def argv(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The argv that runs `argv` as the user."""
        if self._entry is None:
            return tuple(argv)
        who = (f"--reuid={self._entry.pw_uid}", f"--regid={self._entry.pw_gid}", "--init-groups")
        return ("setpriv", *who, "--", *argv)

    def own(self, folder: Path) -> None:
        """Give the user a folder of ours, and the way to it; what is beside it stays hidden."""
        if self._entry is None:
            return
        os.chown(folder, self._entry.pw_uid, self._entry.pw_gid)
        folder.parent.chmod(0o711)
