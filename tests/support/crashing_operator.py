"""The operator, writing down its requests to the API server, and dying at the k-th of them if told so.

`REQUESTS_LOG` is a file; `CRASH_AT=3` `CRASH_WHEN=before|after` says when: before the request is sent, or once its
answer is there. What the watches read is not counted: nothing is decided in between. `RIGHTS_LOG` gets every request of
the process with its query. `TROUBLES` is a folder (see there).
"""

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
from support import troubles
from yarl import URL

from mlrun_operator.cluster.api_client import ApiClient
from mlrun_operator.cluster.errors import ApiError
from mlrun_operator.controller.__main__ import main

_plain_request = ApiClient._request


def arm(environment: dict[str, str]) -> None:
    """Make every request of this process count."""
    at, when = int(environment.get("CRASH_AT", "0")), environment.get("CRASH_WHEN", "after")
    log, numbers = Path(environment.get("REQUESTS_LOG", os.devnull)), itertools.count(1)

    async def counted(self: ApiClient, verb: str, resource: Any, url: str, **kwargs: Any) -> Any:
        if "limit" in kwargs.get("params", ()):
            return await _plain_request(self, verb, resource, url, **kwargs)
        mine, code = next(numbers) == at, 0  # of a request that is broken off
        if mine and when == "before":
            _note(log, f"{verb} {url} died")
            os._exit(137)
        try:
            answer = await _plain_request(self, verb, resource, url, **kwargs)
        except ApiError as error:
            code = error.code
            raise
        else:
            code = 200
            return answer
        finally:
            _note(log, f"{verb} {url} {code}")
            if mine:
                os._exit(137)

    ApiClient._request = counted  # type: ignore[method-assign]
    if "TROUBLES" in environment:
        troubles.arm(Path(environment["TROUBLES"]))
    if "RIGHTS_LOG" in environment:
        _note_all(Path(environment["RIGHTS_LOG"]))


def _note_all(log: Path) -> None:
    plain = aiohttp.ClientSession._request

    async def noted(self: aiohttp.ClientSession, method: str, url: Any, **kwargs: Any) -> Any:
        asked = URL(url)
        _note(log, f"{method} {asked.path} {'watch' if 'watch' in asked.query else '-'}")
        return await plain(self, method, url, **kwargs)

    aiohttp.ClientSession._request = noted  # type: ignore[method-assign, assignment]


def _note(log: Path, line: str) -> None:
    with log.open("a") as stream:
        stream.write(line + "\n")


if __name__ == "__main__":
    arm(dict(os.environ))
    sys.exit(main())
