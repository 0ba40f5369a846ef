"""Binaries built from the Go modules in dev/tools, once for each version."""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from devcluster import paths, progress, shell


@dataclass(frozen=True)
class Build:
    """One `go build`. `output` is a file, or empty where the packages name their own binaries.

    `ldflags` may have `{version}`, as v1.2.3, and `{number}`, as 1.2.3.
    """

    packages: Sequence[str]
    output: str = ""
    ldflags: str = "-s -w"
    tags: str = ""


class Toolset:
    """The binaries of one Go module. `requires` is the module whose version is theirs; without it they are our own."""

    def __init__(self, name: str, builds: Sequence[Build], *, requires: str = "", lasts: str = "seconds") -> None:
        self.name = name
        self._builds = builds
        self._requires = requires
        self._lasts = lasts

    @cached_property
    def version(self) -> str:
        """The pinned version, as go.mod says it."""
        return pinned_version(self._go_mod, self._requires) if self._requires else "v0"

    @property
    def go_minimum(self) -> tuple[int, int]:
        """The Go release that the build asks for."""
        return go_version(self._go_mod)

    @cached_property
    def folder(self) -> Path:
        """Where the binaries lie. Its name changes with everything that is pinned, not only with the version."""
        pins = hashlib.sha256()
        for file in sorted(self._module.iterdir()):
            pins.update(file.read_bytes())
        return paths.BINARIES / f"{self.name}-{self.version}-{pins.hexdigest()[:8]}"

    @property
    def built(self) -> bool:
        """Whether the binaries are in the cache."""
        return self.folder.is_dir()

    def binary(self, name: str) -> Path:
        """Return the path of a binary of this set."""
        return self.folder / name

    def ensure(self) -> None:
        """Build what is not cached yet."""
        if self.built:
            return
        title = f"{self.name} {self.version}"
        with progress.step(f"{title} built", during=f"building {title} ({self._lasts}, once)"):
            self._build()

    def _build(self) -> None:
        unfinished = self.folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for build in self._builds:
            ldflags = build.ldflags.format(version=self.version, number=self.version.removeprefix("v"))
            target = f"{unfinished}/{build.output}"
            command = ["go", "build", "-trimpath", "-tags", build.tags, "-ldflags", ldflags, "-o", target]
            command += build.packages
            shell.run(command, cwd=self._module, env={"CGO_ENABLED": "0"}, hint="the module proxy may be out of reach")
        unfinished.rename(self.folder)

    def sources(self) -> Path:
        """Return the folder of the module that `version` is the version of, as the module proxy has it."""
        command = ["go", "mod", "download", "-json", self._requires]
        downloaded = shell.run(command, cwd=self._module, hint="the module proxy may be out of reach")
        return Path(json.loads(downloaded)["Dir"])

    @property
    def _module(self) -> Path:
        return paths.TOOL_MODULES / self.name

    @property
    def _go_mod(self) -> str:
        return (self._module / "go.mod").read_text()


def go_version(text: str) -> tuple[int, int]:
    """Parse `go1.26.8` of `go env GOVERSION` or `go 1.26.0` of a go.mod; (0, 0) if there is none."""
    match = re.search(r"^go ?(\d+)\.(\d+)", text, re.MULTILINE)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def pinned_version(go_mod: str, module: str) -> str:
    """Return the version that a go.mod requires of a module."""
    match = re.search(rf"^(?:require)?\s+{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if match is None:
        raise ValueError(f"go.mod does not require {module}")
    return match[1]


_GIT_VERSION = "k8s.io/component-base/version"
_KUBERNETES_COMMANDS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)

KUBERNETES = Toolset(
    "kubernetes",
    [
        Build(
            [f"k8s.io/kubernetes/cmd/{command}" for command in _KUBERNETES_COMMANDS],
            ldflags=f"-s -w -X {_GIT_VERSION}.gitVersion={{version}}"
            f" -X {_GIT_VERSION}.gitMajor=1 -X {_GIT_VERSION}.gitMinor=34",
        ),
        Build(["go.etcd.io/etcd/server/v3"], output="etcd"),
    ],
    requires="k8s.io/kubernetes",
    lasts="about 6 minutes on 2 cores",
)
HELM = Toolset("helm", [Build(["helm.sh/helm/v4/cmd/helm"])], requires="helm.sh/helm/v4", lasts="about 2 minutes")
COREDNS = Toolset(
    "coredns",
    [Build(["."], output="coredns")],
    requires="github.com/coredns/coredns",
    lasts="about a minute",
)
PAUSE = Toolset("pause", [Build(["."], output="pause")])
_ARGO_CD = "github.com/argoproj/argo-cd/v3"
ARGOCD = Toolset(
    "argocd",
    [
        Build([f"{_ARGO_CD}/cmd"], output="argocd", ldflags=f"-s -w -X {_ARGO_CD}/common.version={{number}}"),
        Build(["sigs.k8s.io/kustomize/kustomize/v5"]),
    ],
    requires=_ARGO_CD,
    lasts="about 5 minutes on 2 cores",
)
KUEUE = Toolset(
    "kueue",
    [Build(["sigs.k8s.io/kueue/cmd/kueue"], ldflags="-s -w -X sigs.k8s.io/kueue/pkg/version.GitVersion={version}")],
    requires="sigs.k8s.io/kueue",
    lasts="about 3 minutes on 2 cores",
)
# Without the ways to find targets in clouds, which are most of what there would be to compile.
PROMTOOL = Toolset(
    "promtool",
    [Build(["github.com/prometheus/prometheus/cmd/promtool"], tags="remove_all_sd")],
    requires="github.com/prometheus/prometheus",
    lasts="about 3 minutes on 2 cores",
)
EMBEDDED = (KUBERNETES, HELM, COREDNS, PAUSE)
