"""Which backend is used, and what this process knows: the current project and the entities that it made."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mlrun_operator.api.values.keys import Key
from mlrun_operator.api.visible import visible
from mlrun_operator.sdk.backend import Backend
from mlrun_operator.sdk.errors import BackendError, InvalidArgument, MissingExtra
from mlrun_operator.store import Entity

BACKEND_VARIABLE: Final = "MLRUN_OPERATOR_BACKEND"
NAMESPACE_VARIABLE: Final = "MLRUN_OPERATOR_NAMESPACE"
_KINDS: Final = ("kubernetes", "local")


class OwnEntity(Entity):
    """An entity that the user of this process made: its path is the user's word, and may be any of this machine."""

    __slots__ = ()


@dataclass
class Session:
    """One backend, and what was made through it."""

    backend: Backend
    project: str | None = None
    entities: dict[str, Entity] = field(default_factory=dict)
    announced: bool = False
    fallback: "Session | None" = None

    def remember(self, entity: Entity) -> None:
        """Know the entity by its key, and as the latest of its name. What a run on this machine made is one's own."""
        key = entity.key
        if self.backend.kind == "local":
            entity = OwnEntity(key, entity.metadata, entity.spec, entity.status)
        self.entities[str(key)] = entity
        self.entities[str(Key(key.project, key.type, key.kind, key.name))] = entity

    def known(self, key: str) -> Entity | None:
        """An entity that this process made or read; keys with a plural type are the same."""
        return self.entities.get(str(Key.parse(key)))

    def announce(self, quiet: bool = False) -> None:  # noqa: FBT001, FBT002 - as connect has it
        """Say once which backend it is."""
        if not self.announced and not quiet:
            print(visible(self.backend.describe()), file=sys.stderr)
        self.announced = True

    async def local(self) -> "Session":
        """The session for `local_execution=True`: this one where it is local, else one beside it."""
        if self.backend.kind == "local":
            return self
        if self.fallback is None:
            self.fallback = Session(_local_backend(None, None), project=self.project, entities=self.entities)
        return self.fallback


_current: Session | None = None


def current() -> Session | None:
    """The session that `connect` made, if any."""
    return _current


def use(session: Session | None) -> None:
    """Make it the session of everything that names none."""
    global _current  # noqa: PLW0603 - the one default of this process
    _current = session


async def open_session(
    backend: str | Backend | None = None,
    *,
    context: str | None = None,
    namespace: str | None = None,
    kubeconfig: str | None = None,
    home: str | Path | None = None,
    quiet: bool = False,
) -> Session:
    """The session for these arguments.

    An explicit backend is used or fails. Without one: MLRUN_OPERATOR_BACKEND, the cluster that this process runs in,
    the kube context if it serves our resources, this machine.
    """
    if isinstance(backend, Backend):
        session = Session(backend)
    else:
        session = Session(await _chosen(backend, context, namespace, kubeconfig, home))
    await session.backend.namespace(None)
    session.announce(quiet)
    return session


async def default_session() -> Session:
    """The session of everything that names none, made at the first use."""
    session = _current
    if session is None:
        session = await open_session()
        use(session)
    return session


async def _chosen(
    backend: str | None, context: str | None, namespace: str | None, kubeconfig: str | None, home: str | Path | None
) -> Backend:
    namespace = namespace or os.environ.get(NAMESPACE_VARIABLE)
    asked = backend or os.environ.get(BACKEND_VARIABLE)
    if asked is None and (context or kubeconfig):
        asked = "kubernetes"
    if asked is None and home:
        asked = "local"
    if asked is not None and asked not in _KINDS:
        raise InvalidArgument("backend", f"{asked!r} is neither kubernetes nor local")
    if asked == "local":
        return _local_backend(namespace, home)
    if asked == "kubernetes" or "KUBERNETES_SERVICE_HOST" in os.environ:
        found = _kubernetes_backend(context, namespace, kubeconfig)
        await _opened(found)
        return found
    return await _context_or_local(namespace)


async def _context_or_local(namespace: str | None) -> Backend:
    """The kube context where there is one that serves our resources; else this machine, and why."""
    try:
        found = _kubernetes_backend(None, namespace, None)
        await _opened(found)
    except (BackendError, MissingExtra) as error:
        if _has_context():
            print(visible(f"not the cluster: {error}"), file=sys.stderr)
        return _local_backend(namespace, None)
    return found


def _has_context() -> bool:
    return "KUBECONFIG" in os.environ or Path("~/.kube/config").expanduser().exists()


def _kubernetes_backend(context: str | None, namespace: str | None, kubeconfig: str | None) -> Backend:
    from mlrun_operator.sdk.backends.kubernetes import KubernetesBackend

    return KubernetesBackend(context, namespace, kubeconfig)


async def _opened(backend: Any) -> None:
    try:
        await backend.open()
    except BaseException:
        await backend.close()
        raise


def _local_backend(namespace: str | None, home: str | Path | None) -> Backend:
    from mlrun_operator.sdk.backends.local import LocalBackend

    return LocalBackend(namespace, home)
