"""The cluster to deploy to, and its kubectl and helm."""

import json
import os
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from devcluster import paths, shell
from devcluster.errors import DevClusterError, MissingRequirementError
from devcluster.facts import Facts
from mlrun_operator.api.objects import Object, has_condition

_SERVED_SECONDS = 30


@dataclass(frozen=True)
class Target:
    """A running cluster, known by its facts."""

    facts: Facts

    @classmethod
    def here(cls) -> Self:
        """The cluster of this checkout. Raises MissingRequirementError if `make cluster` was not run."""
        if not paths.FACTS.exists():
            raise MissingRequirementError("there is no cluster", hint="run `make cluster` first")
        written = json.loads(paths.FACTS.read_text())
        known = {field.name for field in fields(Facts)}
        return cls(Facts(**{name: value for name, value in written.items() if name in known}))

    @property
    def environment(self) -> dict[str, str]:
        """What makes a plain `kubectl` and `helm` in a shell the ones of this cluster."""
        folders = dict.fromkeys(str(Path(tool).parent) for tool in (self.facts.kubectl, self.facts.helm))
        return {"KUBECONFIG": self.facts.kubeconfig, "PATH": os.pathsep.join([*folders, os.environ["PATH"]])}

    def kubectl(self, *arguments: str, stdin: str | None = None, hint: str = "") -> str:
        """Return what kubectl prints. Raises DevClusterError with the end of its output if it fails."""
        return shell.run([self.facts.kubectl, *arguments], env=self.environment, stdin=stdin, hint=hint)

    def wait_for_crds(self, *names: str) -> None:
        """Wait until the API server serves them. `kubectl wait` fails on one that has no status yet."""
        deadline = time.monotonic() + _SERVED_SECONDS
        while unserved := [name for name in names if not _is_served(self.get("crd", name))]:
            if time.monotonic() > deadline:
                raise DevClusterError(
                    f"within {_SERVED_SECONDS} s the API server does not serve {', '.join(unserved)}",
                    hint=f"kubectl describe crd {unserved[0]}",
                )
            time.sleep(0.2)

    def helm(self, *arguments: str, stdin: str | None = None, hint: str = "") -> str:
        """Return what helm prints. Raises DevClusterError with the end of its output if it fails."""
        return shell.run([self.facts.helm, *arguments], env=self.environment, stdin=stdin, hint=hint)

    def get(self, *arguments: str) -> Any:
        """Return what `kubectl get -o json` prints, parsed."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))


def _is_served(crd: Object) -> bool:
    return has_condition(crd, "Established")
