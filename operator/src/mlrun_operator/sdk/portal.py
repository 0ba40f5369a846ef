"""The bridge from blocking calls to the coroutines that hold the logic.

One daemon thread runs one event loop; it works in scripts, in notebooks (whose own loop is busy) and in threads. The
blocking twin of an asynchronous method is made by `blocking`, with its signature and its documentation, so that
nothing is written twice.
"""

import asyncio
import atexit
import contextlib
import functools
import inspect
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast, overload

from mlrun_operator.sdk.errors import SdkError

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")

_END: Final = object()
_CLOSING_SECONDS: Final = 40
_CANCELLED_SECONDS: Final = 5
# Coroutine functions that close what is open.
at_end: Final[list[Callable[[], Coroutine[Any, Any, None]]]] = []


class Portal:
    """The thread with the loop. What `at_end` holds is awaited before the interpreter ends."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="mlrun-operator-sdk", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Its result, waited for. Ctrl-C cancels it, and lets it close what it has open."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("a blocking call of the SDK inside of its own loop; use the asynchronous twin there")
        ended = threading.Event()

        async def told() -> T:
            try:
                return await coroutine
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(told(), self.loop)
        try:
            return future.result()
        except SdkError as error:
            # One sentence, without the way that it took through us; the asynchronous twin has the whole chain.
            raise error.with_traceback(None) from None
        except BaseException:
            if future.cancel():
                ended.wait(_CANCELLED_SECONDS)
            raise

    def iterate(self, many: AsyncIterator[T]) -> Iterator[T]:
        """What an asynchronous iterator gives, one by one as it comes."""

        async def following() -> Any:
            return await anext(many, _END)

        async def end() -> None:
            close = getattr(many, "aclose", None)
            if close is not None:
                await close()

        try:
            while (each := self.call(following())) is not _END:
                yield cast("T", each)
        finally:
            if self.loop.is_running():
                self.call(end())

    def close(self) -> None:
        """Close what is open and end the thread."""
        if self.pid != os.getpid() or not self.loop.is_running():
            return
        for closer in at_end:
            with contextlib.suppress(Exception):
                asyncio.run_coroutine_threadsafe(closer(), self.loop).result(_CLOSING_SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        if not self.loop.is_running():
            self.loop.close()


_lock: Final = threading.Lock()
_portals: Final[list[Portal]] = []


def portal() -> Portal:
    """The one of this process; a fork gets its own."""
    with _lock:
        if not _portals or _portals[-1].pid != os.getpid() or _portals[-1].loop.is_closed():
            _portals.append(Portal())
        return _portals[-1]


class Blocking(Generic[P, T]):
    """A method that waits for its asynchronous twin. The handle's twin is its `_twin`."""

    def __init__(self, method: Callable[..., Coroutine[Any, Any, Any]], convert: Callable[[Any], Any] | None) -> None:
        self._method = method
        self._convert = convert
        self.__doc__ = method.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        @functools.wraps(self._method)
        def waiting(handle: Any, *args: Any, **kwargs: Any) -> Any:
            result = portal().call(self._method(handle._twin, *args, **kwargs))
            if result is handle._twin:
                return handle
            return result if self._convert is None else self._convert(result)

        # Undo what says that it is a coroutine function.
        waiting.__dict__.pop("__wrapped__", None)
        waiting.__signature__ = inspect.signature(self._method)  # type: ignore[attr-defined]
        waiting.__qualname__ = f"{owner.__qualname__}.{name}"
        self._waiting: Any = waiting

    @overload
    def __get__(self, handle: None, owner: type) -> Callable[Concatenate[Any, P], T]: ...
    @overload
    def __get__(self, handle: object, owner: type) -> Callable[P, T]: ...
    def __get__(self, handle: object | None, owner: type) -> Any:
        return self._waiting if handle is None else self._waiting.__get__(handle, owner)


@overload
def blocking(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Blocking[P, T]: ...
@overload
def blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, A]], convert: Callable[[A], T]
) -> Blocking[P, T]: ...
def blocking(method: Callable[..., Any], convert: Callable[[Any], Any] | None = None) -> Blocking[..., Any]:
    """The blocking twin of an asynchronous method; `convert` makes a blocking handle of what it returns."""
    return Blocking(method, convert)


@overload
def blocking_function(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]: ...
@overload
def blocking_function(function: Callable[P, Coroutine[Any, Any, A]], convert: Callable[[A], T]) -> Callable[P, T]: ...
def blocking_function(function: Callable[..., Any], convert: Callable[[Any], Any] | None = None) -> Callable[..., Any]:
    """The blocking twin of an asynchronous function."""

    @functools.wraps(function)
    def waiting(*args: Any, **kwargs: Any) -> Any:
        result = portal().call(function(*args, **kwargs))
        return result if convert is None else convert(result)

    waiting.__dict__.pop("__wrapped__", None)
    waiting.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return waiting
