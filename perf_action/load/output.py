"""What a load tool printed: its last words for an error, the whole of it for the run folder, secrets in neither."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from perf_action.errors import LoadFailed
from perf_action.system import write_text

_SECRET_NAME = re.compile(r"key|token|secret|passw|pwd|credential|auth|cookie|dsn", re.IGNORECASE)
#: shorter values cannot be masked without making the text unreadable
_SHORTEST = 4
_TAIL_BYTES = 16_000
_TAIL_LINES = 8
_KEPT_BYTES = 1_000_000


class Secrets:
    """Values to be printed nowhere: the scenario's `own` environment (as written in perf.yml; a value made of {port} or
    {url} is none), and what else of `env`, the whole environment as the tool gets it, is named like a secret.
    """

    def __init__(self, own: Mapping[str, str], env: Mapping[str, str]) -> None:
        hidden = {name for name, text in own.items() if "$" in text or "{" not in text}
        values = [value for name, value in env.items() if name in hidden or _SECRET_NAME.search(name)]
        written = [
            form for v in values for form in (v, quote(v, safe=""), json.dumps(v)[1:-1], repr(v)[1:-1])
        ]
        self._values = sorted({form for form in written if len(form) >= _SHORTEST}, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` with every secret replaced by ``***``."""
        for value in self._values:
            text = text.replace(value, "***")
        return text


class Log:
    """The output of one tool in `path`. Lines that `telling` (a regular expression) matches are quoted before others."""

    def __init__(self, path: Path, secrets: Secrets, telling: str = "") -> None:
        self.path, self._secrets, self._telling = path, secrets, telling

    def failed(self, reason: str) -> LoadFailed:
        """The error that says `reason` and the last lines of the output."""
        said = [line.strip() for line in self._tail().splitlines() if line.strip()]
        said = [line for line in said if re.search(self._telling, line)] or said
        words = f"; its last output: {' ⏎ '.join(said[-_TAIL_LINES:])}" if said else ""
        return LoadFailed(self._secrets.mask(reason) + words)

    def mask(self, text: str) -> str:
        return self._secrets.mask(text)

    def close(self) -> None:
        """Leave the log without secrets, cut in the middle if it is very long; an empty one is removed."""
        if not self.path.exists():
            return
        text = self.path.read_text(encoding="utf-8", errors="replace")
        if not text:
            self.path.unlink()
            return
        if len(text) > _KEPT_BYTES:
            half = _KEPT_BYTES // 2
            text = f"{text[:half]}\n[… {len(text) - _KEPT_BYTES} characters left out …]\n{text[-half:]}"
        write_text(self.path, self._secrets.mask(text))

    def _tail(self) -> str:
        try:
            with self.path.open("rb") as file:
                skipped = max(0, file.seek(0, 2) - _TAIL_BYTES)
                file.seek(skipped)
                text = file.read().decode(errors="replace")
                # half a secret at the cut would not be found
                return self._secrets.mask(text.partition("\n")[2] if skipped else text)
        except OSError:
            return ""
