"""What this process logs, by whichever object of mlrun's: the run's context, a child's, a nested run's or the project.

Links, by which mlrun calls the best iteration's artifact by its plain name, are kept as well.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlrun
from mlrun.artifacts.base import Artifact
from mlrun.artifacts.manager import ArtifactManager

ENTITY = "entity"
_LINK = "link"
# What mlrun takes for the newest of each name, and for all.
EVERY_TAG = ("latest", "*")


@dataclass(frozen=True)
class Logged:
    """An artifact as mlrun wrote it, under the key of mlrun's catalogue (its db_key; "" where it is to have none).

    `call` is the iteration of the handler's call that logged it: 0, or a point of the run's own sweep. `tags` are all
    that were given to it, the newest last.
    """

    key: str
    tree: str
    iteration: int
    call: int
    document: dict[str, Any]
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return mlrun's own key, by which a run's outputs are called."""
        return str(self.document["metadata"]["key"])

    @property
    def uri(self) -> str:
        """Return the URI by which mlrun names it in results."""
        return str(_artifact(copy.deepcopy(self.document)).uri)

    @property
    def is_link(self) -> bool:
        """Return whether it only names the artifact of an iteration."""
        return self.document.get("kind") == _LINK

    @property
    def updates(self) -> str | None:
        """Return the key of the store's entity of which this is a new version."""
        producer = self._producer
        return producer.get("key") if producer.get("kind") == ENTITY else None

    @property
    def chosen_key(self) -> str:
        """Return the key that the user chose for the catalogue; else mlrun's own of the artifact.

        mlrun makes `<run>_<key>` for what a run logs; that tells apart only what nested runs log.
        """
        made = f"{self._producer.get('name')}_{self.name}"
        return self.name if self.key in ("", made) else self.key

    @property
    def _producer(self) -> dict[str, Any]:
        producer = self.document.get("spec", {}).get("producer")
        return producer if isinstance(producer, dict) else {}

    def is_of(self, project: str | None, tag: str | None) -> bool:
        """Return whether it is in the project and has the tag, where they are given."""
        own = self.document["metadata"].get("project")
        return (not project or own in (None, "", project)) and (tag in (None, "", *EVERY_TAG) or tag in self.tags)

    @property
    def identity(self) -> tuple[Any, ...]:
        """Return what its versions have in common. One that the project logs has a new tree each time."""
        tree = "" if self._producer.get("kind") == "project" else self.tree
        return bool(self.key), self.key or self.name, tree, self.iteration, self.call

    def replaces(self, other: Logged) -> bool:
        """Return whether only this one is left of two versions: an older one stays under a tag that it alone has."""
        return self._target == other._target or set(other.tags) <= set(self.tags)

    @property
    def _target(self) -> Any:
        return self.document.get("spec", {}).get("target_path")


class LoggedArtifacts:
    """The artifacts of this process, in the order of their logging."""

    def __init__(self) -> None:
        self._all: list[Logged] = []

    def __iter__(self) -> Iterator[Logged]:
        return iter(list(self._all))

    def keep(self, new: Logged) -> None:
        """Keep it in the place of those that it replaces, with their tags. A tag is the newest's that was given it."""
        kept: list[Logged] = []
        inherited: list[str] = []
        for old in self._all:
            left = [tag for tag in old.tags if tag not in new.tags]
            if old.identity != new.identity:
                kept.append(old)
            elif new.replaces(old):
                inherited += left
            else:
                kept.append(replace(old, tags=tuple(left)))
        self._all = [*kept, replace(new, tags=(*inherited, *new.tags))]

    def is_of_a_worse_iteration(self, logged: Logged) -> bool:
        """Return whether it is of an iteration that no link names."""
        return bool(logged.iteration) and not any(
            each.is_link
            and (each.key, each.tree) == (logged.key, logged.tree)
            and each.document["spec"].get("link_iteration") == logged.iteration
            for each in self._all
        )

    def find(
        self,
        key: str,
        tree: str | None,
        iteration: int | None,
        project: str | None = None,
        tag: str | None = None,
    ) -> Logged | None:
        """Return the newest of that key; in the place of a link the artifact that it names."""
        found = [
            each
            for each in self._all
            if key in (each.key, each.name)
            and tree in (None, "", each.tree)
            and iteration in (None, each.iteration)
            and each.is_of(project, tag)
        ]
        if tree and tag and not found:  # the tree says enough of what was logged without the tag
            return self.find(key, tree, iteration, project)
        newest = max(found, key=lambda each: (each.key == key, self._all.index(each)), default=None)
        if newest is not None and newest.is_link and not iteration:
            return self.find(key, newest.tree, newest.document["spec"].get("link_iteration"))
        return newest


def newest_versions(logged: Iterable[Logged]) -> dict[tuple[Any, ...], Logged]:
    """Return the newest version of each artifact, by its identity. A link is none: it names another artifact."""
    return {each.identity: each for each in logged if not each.is_link}


def install(keep: Any) -> None:
    """Have mlrun write empty texts, too, and tell `keep` what it would leave out of its catalogue (db_key=False)."""
    make, upload, log_artifact = Artifact.__init__, Artifact.upload, ArtifactManager.log_artifact

    @functools.wraps(make)
    def making(artifact: Any, key: Any = None, body: Any = None, *args: Any, **kwargs: Any) -> None:
        make(artifact, key, body, *args, **kwargs)
        if _is_empty(body):  # mlrun takes it for none
            artifact.spec._body = body

    @functools.wraps(upload)
    def uploading(artifact: Any, *args: Any, **kwargs: Any) -> Any:
        body, target = artifact.get_body(), artifact.spec.target_path
        if not _is_empty(body) or not target or Path(artifact.spec.src_path or "/").is_file():
            return upload(artifact, *args, **kwargs)
        return mlrun.datastore.store_manager.object(url=target).put(body)

    @functools.wraps(log_artifact)
    def logging(manager: Any, *args: Any, **kwargs: Any) -> Any:
        item = log_artifact(manager, *args, **kwargs)
        if kwargs.get("db_key") is False:
            keep("", item.to_dict(), iter=item.iter, tree=item.tree)
        return item

    Artifact.__init__, Artifact.upload, ArtifactManager.log_artifact = making, uploading, logging


def _artifact(document: dict[str, Any]) -> Artifact:
    """Return mlrun's object; a class of the user's own is in none of mlrun's lists."""
    try:
        return mlrun.artifacts.dict_to_artifact(document)
    except KeyError:
        return Artifact.from_dict(document)


def _is_empty(body: Any) -> bool:
    return isinstance(body, (str, bytes)) and not body
