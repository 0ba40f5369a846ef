"""A real Argo CD as tests speak of it: its own command line against its own server."""

import json
import os
import subprocess
from pathlib import Path

from support.kube import Kube, Object, eventually

from argocd import daemons, snippet
from devcluster.tools import ARGOCD

# What an action makes of an object is told by a diff of two files; this one shows the new one.
_SHOW_NEW = """sh -c 'cat "$1"'"""


class Argo:
    """What `argocd` says and does."""

    def __init__(self) -> None:
        self.kube = Kube(daemons.NAMESPACE)

    def cli(self, *arguments: str, check: bool = True) -> str:
        return _argocd(*arguments, f"--server={daemons.SERVER}", "--plaintext", check=check)

    def app(self, name: str, *, refresh: bool = False) -> Object:
        """The Application with the health of each of its resources."""
        return dict(json.loads(self.cli("app", "get", name, "-o", "json", *(["--refresh"] if refresh else []))))

    def settled(
        self, name: str, *, revision: str | None = None, health: str = "Healthy", timeout: float = 240
    ) -> Object:
        """The Application once it has synced this commit and has this health."""

        def there() -> Object | None:
            app = self.app(name, refresh=True)
            status = app.get("status", {})
            synced = status.get("sync", {})
            commits = [synced.get("revision"), *synced.get("revisions", ())]
            idle = status.get("operationState", {}).get("phase") != "Running"
            fits = synced.get("status") == "Synced" and status.get("health", {}).get("status") == health
            return app if idle and fits and (revision is None or revision in commits) else None

        return dict(
            eventually(there, f"{name} Synced and {health}", timeout, lambda: self.cli("app", "get", name, check=False))
        )

    def health(self, app: str, kind: str, name: str) -> Object:
        """Status and message of one resource, as the Application's tree has them."""
        found = [r for r in self.app(app)["status"]["resources"] if (r["kind"], r["name"]) == (kind, name)]
        return dict(found[0].get("health", {}))

    def act(self, app: str, action: str, kind: str, name: str) -> None:
        selected = ["--group=mlrun-operator.dev", f"--kind={kind}", f"--resource-name={name}"]
        self.cli("app", "actions", "run", app, action, *selected)

    def offered(self, app: str, kind: str, name: str) -> dict[str, bool]:
        """Action → whether it is disabled."""
        selected = ["--group=mlrun-operator.dev", f"--kind={kind}", f"--resource-name={name}"]
        actions = json.loads(self.cli("app", "actions", "list", app, *selected, "-o", "json"))
        return {action["Action"]: bool(action["Disabled"]) for action in actions}


def judged_by_argo_cd(what: str, file: Path, *more: str) -> str:
    """`argocd admin settings resource-overrides …` over our settings: Argo CD's own Lua, without a cluster."""
    settings = f"--argocd-cm-path={snippet.FILE}"
    return _argocd("admin", "settings", "resource-overrides", what, str(file), *more, settings)


def _argocd(*arguments: str, check: bool = True) -> str:
    own = {"HOME": "/nonexistent", "ARGOCD_OPTS": "", "KUBECONFIG": os.devnull, "KUBECTL_EXTERNAL_DIFF": _SHOW_NEW}
    environment = {**os.environ, **own}
    done = subprocess.run(
        [ARGOCD.binary("argocd"), *arguments], text=True, capture_output=True, env=environment, timeout=120, check=False
    )
    assert not check or done.returncode == 0, f"argocd {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout + ("" if check else done.stderr)
