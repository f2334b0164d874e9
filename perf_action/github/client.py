"""GitHub's REST API as a transport: verbs, pages, errors, patience. What is wanted of it stands in the other files.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import Retry

from perf_action import __version__
from perf_action.errors import PerfActionError, one_line
from perf_action.system import System

#: a pause that GitHub asks for is kept up to this long in all, in seconds; a job must not sleep an hour
PATIENCE_S: Final = 90.0
MAX_PAGES: Final = 100
_TIMEOUT_S: Final = (10, 60)


class ApiError(PerfActionError):
    """GitHub did not do what was asked; the message names the request and repeats GitHub's reason."""

    exit_code: ClassVar[int] = 3


class Forbidden(ApiError):
    """401 or 403: the token may not do this, as with every pull request from a fork."""


class NotFound(ApiError):
    """404: it is not there, or the token may not see it."""


class Unprocessable(ApiError):
    """422: understood and refused, such as a body that is too long."""


class RateLimited(ApiError):
    """429, or 403 with a used-up quota, for longer than we wait."""


class Unreachable(ApiError):
    """No answer, or 5xx, also after trying again. A request that writes may or may not have been carried out."""


_ERRORS: Final[Mapping[int, type[ApiError]]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    422: Unprocessable,
}


class _Bearer(AuthBase):
    """Puts the token into the header, and nowhere else: not into a repr. (With an `auth` given, ~/.netrc is not read.)"""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """`api_url` is ``GITHUB_API_URL`` (GitHub Enterprise Server has its own); paths start with ``/``.

    Requests that are safe to repeat are repeated after 5xx and lost connections, with `backoff_s` times 1, 2, 4.
    """

    def __init__(self, system: System, *, api_url: str, token: str, backoff_s: float = 0.5) -> None:
        self.api_url = api_url.rstrip("/")
        self._system = system
        self._patience_s = PATIENCE_S
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": f"perf-action/{__version__}",
            }
        )
        retry = Retry(
            total=3,
            backoff_factor=backoff_s,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=("GET", "PATCH", "DELETE"),
            respect_retry_after_header=False,  # it is kept below, but not for hours
            raise_on_status=False,
        )
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def close(self) -> None:
        self._session.close()

    def get(self, path: str, **params: str | int) -> Any:
        return _json(self._ask("GET", self.api_url + path, params=params))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return _json(self._ask("POST", self.api_url + path, body=body))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return _json(self._ask("PATCH", self.api_url + path, body=body))

    def delete(self, path: str) -> None:
        self._ask("DELETE", self.api_url + path)

    def pages(self, path: str, **params: str | int) -> Iterator[Any]:
        """Every item of a list, over all its pages (https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api)."""
        url, query = self.api_url + path, {"per_page": 100, **params}
        for _ in range(MAX_PAGES):
            response = self._ask("GET", url, params=query)
            items = _json(response)
            if not isinstance(items, list):
                raise ApiError(f"GET {path}: a list was expected")
            yield from items
            url, query = response.links.get("next", {}).get("url", ""), {}
            if not url:
                return
            if not url.startswith(f"{self.api_url}/"):
                raise ApiError(f"GET {path}: the next page is on another server, {one_line(url, 200)}")

    def _ask(
        self,
        verb: str,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        what = f"{verb} {url.removeprefix(self.api_url).partition('?')[0]}"
        while True:
            try:
                # a redirected write would turn into a GET
                response = self._session.request(
                    verb, url, params=params, json=body, timeout=_TIMEOUT_S, allow_redirects=verb == "GET"
                )
            except requests.RequestException as error:
                raise Unreachable(
                    f"{what}: {self.api_url} does not answer ({type(error).__name__})"
                ) from None
            if response.status_code // 100 == 2:
                return response
            pause = _pause_asked_for(response, self._system.now())
            if pause is None:
                raise _error(what, response)
            if pause > self._patience_s:
                raise RateLimited(
                    f"{what}: GitHub's rate limit is used up for another {pause:.0f} s; run the job again later"
                )
            self._patience_s -= pause
            self._system.sleep(pause)


def _pause_asked_for(response: requests.Response, now_s: float) -> float | None:
    """Seconds to wait after a rate limit (one at least), None for any other answer.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    """
    if response.status_code not in (403, 429):
        return None
    after, reset = response.headers.get("Retry-After", ""), response.headers.get("X-RateLimit-Reset", "")
    if after.isdecimal():
        return max(1.0, float(after))
    if response.headers.get("X-RateLimit-Remaining") == "0" and reset.isdecimal():
        return max(1.0, float(reset) - now_s)
    limited = response.status_code == 429 or "secondary rate limit" in response.text[:2000]
    return 60.0 if limited else None


def _error(what: str, response: requests.Response) -> ApiError:
    status = response.status_code
    try:
        said = response.json()
        details = [
            str(e.get("message") or e.get("code")) for e in said.get("errors", []) if isinstance(e, dict)
        ]
        reason = ": ".join([str(said.get("message", "")), *details])
    except (ValueError, AttributeError, TypeError):
        reason = response.reason or ""
    kind = Unreachable if status >= 500 else _ERRORS.get(status, ApiError)
    return kind(f"{what}: {status} {one_line(reason, 300)}")


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise ApiError(
            f"{response.request.method} {response.request.path_url}: the answer is not JSON"
        ) from None
