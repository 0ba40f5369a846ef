"""The containers of a pod as the kubelet reports them: whose each is, and how it ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from mlrun_operator.api import bounds, constants
from mlrun_operator.api.contract.live import PREFIX
from mlrun_operator.api.objects import Object, spec_of, status_of

OOM_KILLED: Final = "OOMKilled"
# What the kubelet says of a container that had not started when its pod was deleted, with exit code 137; its reason is
# the same as of one that was lost.
_NEVER_LOCATED: Final = "could not be located when the pod was terminated"
_MAX_WORDS: Final = bounds.LAST_WORDS.limit


class Role(Enum):
    """Whose a container is, and how Kubernetes treats it. A native sidecar never decides how its pod ends."""

    WRAPPER = auto()
    WRAPPER_INIT = auto()
    INIT = auto()
    NATIVE_SIDECAR = auto()
    SIDECAR = auto()

    @property
    def is_init(self) -> bool:
        """Whether containers of this role are init containers."""
        return self in (Role.WRAPPER_INIT, Role.INIT, Role.NATIVE_SIDECAR)


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod: its state now, and the one before it was restarted.

    `has_started` says of a native sidecar whether it passed its startup probe.
    """

    name: str
    role: Role
    image: str
    state: Object
    last_state: Object
    has_started: bool | None = None

    @property
    def terminated(self) -> Object | None:
        """How it ended; None while it has not."""
        return self.state.get("terminated") or None

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.terminated is None and self.state.get("running") is not None

    @property
    def never_started(self) -> bool:
        """Whether its pod ended before it had started: the exit code that the kubelet gives it says nothing."""
        return _NEVER_LOCATED in str((self.terminated or {}).get("message"))

    @property
    def has_failed(self) -> bool:
        """Whether it ended otherwise than with exit code 0."""
        return self.terminated is not None and self.terminated.get("exitCode") != 0

    @property
    def described(self) -> str:
        """Its name for people, with what it is."""
        return f"init container {self.name}" if self.role.is_init else f"container {self.name}"


# A container that the status does not mention.
_ABSENT: Final = Container(constants.CONTAINER, Role.WRAPPER, "", {}, {})


def containers_of(pod: Object) -> tuple[Container, ...]:
    """Return all containers, init containers first, without ephemeral ones."""
    return tuple(_read(pod))


def wrapper_of(containers: tuple[Container, ...]) -> Container:
    """Return the wrapper's own container; one without a state where the kubelet has not reported it."""
    return next((container for container in containers if container.role is Role.WRAPPER), _ABSENT)


def deciding_of(containers: tuple[Container, ...]) -> Container:
    """Return the wrapper's container, or our init container where that failed before the wrapper started."""
    wrapper = wrapper_of(containers)
    if wrapper.running or wrapper.terminated:
        return wrapper
    failed = (c for c in containers if c.role is Role.WRAPPER_INIT and c.has_failed)
    return next(failed, wrapper)


def last_words(terminated: Object | None) -> str:
    """Return the last line of a termination message that is not one of live results."""
    message = str((terminated or {}).get("message") or "").strip()
    lines = [line for line in message.splitlines() if not line.startswith(PREFIX)]
    return lines[-1].strip()[:_MAX_WORDS] if lines else ""


def how_it_ended(container: Container, terminated: Object | None, suffix: str = "") -> str:
    """Return a phrase that names the container, its exit code with `suffix`, and its last words."""
    phrase = f"{container.described} {_end(terminated or {})}{suffix}"
    tail = last_words(terminated)
    return f"{phrase}: {tail}" if tail else phrase


def _end(terminated: Object) -> str:
    if terminated.get("reason") == OOM_KILLED:
        return "used more memory than its limit and was killed"
    code = terminated.get("exitCode")
    return "ended without an exit code" if code is None else f"ended with exit code {code}"


def _read(pod: Object) -> Iterator[Container]:
    status = status_of(pod)
    native = {c.get("name") for c in spec_of(pod).get("initContainers") or () if c.get("restartPolicy") == "Always"}
    for container in status.get("initContainerStatuses") or ():
        name = container.get("name", "")
        role = Role.NATIVE_SIDECAR if name in native else Role.INIT
        yield _container(container, Role.WRAPPER_INIT if name == constants.INIT_CONTAINER else role)
    for container in status.get("containerStatuses") or ():
        name = container.get("name", "")
        yield _container(container, Role.WRAPPER if name == constants.CONTAINER else Role.SIDECAR)


def _container(container: Object, role: Role) -> Container:
    return Container(
        name=container.get("name", ""),
        role=role,
        image=container.get("image", ""),
        state=container.get("state") or {},
        last_state=container.get("lastState") or {},
        has_started=container.get("started"),
    )
