"""The garbage collector: what has no owner any more goes; foreground and orphan deletions."""

from support.simulator.api_server import PLURALS, ApiServer
from support.simulator.objects import Object, is_deleting, key_of, uid_of

_OWNERS = ("mlrunruns", "cronjobs", "jobs")
# What may be deleted in the foreground.
_HELD = (*_OWNERS, "workloads")


class GarbageCollector:
    """Looks at all owners and dependents."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def collect(self) -> None:
        """Do once what is to be done."""
        owners = {uid_of(obj): obj for plural in _OWNERS for obj in self._server.all(plural)}
        for plural in _HELD:
            for obj in self._server.all(plural):
                finalizers = obj["metadata"].get("finalizers") or ()
                if "orphan" in finalizers:
                    self._orphan(plural, obj)
                elif "foregroundDeletion" in finalizers:
                    self._go_after_dependents(plural, obj)
        for plural in PLURALS:
            for obj in self._server.all(plural):
                references = obj["metadata"].get("ownerReferences") or ()
                if references and not any(o["uid"] in owners for o in references) and not is_deleting(obj):
                    self._server.delete(plural, *key_of(obj))

    def _dependents(self, owner: Object) -> list[tuple[str, Object]]:
        return [
            (plural, obj)
            for plural in PLURALS
            for obj in self._server.all(plural)
            if any(o["uid"] == uid_of(owner) for o in obj["metadata"].get("ownerReferences") or ())
        ]

    def _orphan(self, plural: str, owner: Object) -> None:
        for kind, obj in self._dependents(owner):
            rest = [o for o in obj["metadata"]["ownerReferences"] if o["uid"] != uid_of(owner)]
            self._server.set_meta(kind, obj, ownerReferences=rest or None)
        self._drop_finalizer(plural, owner, "orphan")

    def _go_after_dependents(self, plural: str, owner: Object) -> None:
        """Delete the dependents; the owner goes when those that block it are gone."""
        blocking = False
        for kind, obj in self._dependents(owner):
            if not is_deleting(obj):
                self._server.delete(kind, *key_of(obj), propagation="Foreground")
            mine = next(o for o in obj["metadata"]["ownerReferences"] if o["uid"] == uid_of(owner))
            there = self._server.by_uid(kind, uid_of(obj)) is not None
            blocking = blocking or (there and bool(mine.get("blockOwnerDeletion")))
        if not blocking:
            self._drop_finalizer(plural, owner, "foregroundDeletion")

    def _drop_finalizer(self, plural: str, obj: Object, name: str) -> None:
        fresh = self._server.by_uid(plural, uid_of(obj))
        if fresh is not None:
            rest = [known for known in fresh["metadata"].get("finalizers") or () if known != name]
            self._server.set_meta(plural, fresh, finalizers=rest or None)
