"""Starting the cluster: what is checked, what is written, what is told."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

from devcluster import api, certs, clusters, kubeconfig, paths, preflight, processes, progress, templates, tools
from devcluster.errors import DevClusterError, MissingRequirementError


def test_an_error_says_what_happened_shows_evidence_and_what_to_do() -> None:
    error = DevClusterError("etcd ended", detail="line 1\nline 2", hint="read the log")
    assert str(error) == "error: etcd ended\n  | line 1\n  | line 2\nWhat to do: read the log"


def test_everything_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingRequirementError) as caught:
        preflight.check([tools.KUBERNETES])
    message = str(caught.value)
    for missing in ("root", "Go ≥ 1.24 (none on PATH)", "containerd", "CLUSTER=kind make cluster"):
        assert missing in message
    assert caught.value.exit_code == 2


def test_an_unknown_kind_of_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "minikube")
    with pytest.raises(MissingRequirementError, match="CLUSTER=minikube is no kind of cluster"):
        clusters.chosen()


@pytest.mark.parametrize(
    ("text", "version"), [("go1.26.8\n", (1, 26)), ("module m\n\ngo 1.24.0\n", (1, 24)), ("", (0, 0))]
)
def test_go_releases_are_read(text: str, version: tuple[int, int]) -> None:
    assert tools.go_version(text) == version


def test_binaries_are_pinned_by_their_modules() -> None:
    assert tools.KUBERNETES.version.startswith("v1.34.")
    assert tools.HELM.version.startswith("v4.")
    with pytest.raises(ValueError, match="does not require"):
        tools.pinned_version("module m\n", "k8s.io/kubernetes")


def test_a_process_is_known_by_pid_and_start_time() -> None:
    stat = "42 (a) strange) name) S 1 42 42 0 -1 4194560 " + " ".join(["0"] * 12) + " 98765 1 2 3"
    assert processes.parse_start_time(stat) == "98765"
    assert processes.parse_start_time(stat.replace(") S ", ") Z ")) is None
    assert processes.start_time(os.getpid()) is not None


def test_templates_know_the_paths_and_refuse_unknown_names() -> None:
    assert templates.render("$BRIDGE_IP $PAUSE_IMAGE", PAUSE_IMAGE="pause") == f"{paths.BRIDGE_IP} pause"
    with pytest.raises(KeyError):
        templates.render("$UNKNOWN")


def test_certificates_are_good_for_their_addresses(tmp_path: Path) -> None:
    authority = certs.Authority(tmp_path)
    pair = authority.issue("server", "kube-apiserver", addresses=["10.244.0.1", "kubernetes.default"])
    verify = ["openssl", "verify", "-CAfile", authority.pair.certificate, "-verify_ip", "10.244.0.1", pair.certificate]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0
    assert pair.key.stat().st_mode & 0o077 == 0


def test_a_kubeconfig_holds_everything_it_needs(tmp_path: Path) -> None:
    authority = certs.Authority(tmp_path)
    document = kubeconfig.document(authority.pair, authority.issue("admin", "me", "system:masters"))
    cluster = document["clusters"][0]["cluster"]
    assert document["current-context"] == document["contexts"][0]["name"] == paths.NAME
    assert base64.b64decode(cluster["certificate-authority-data"]) == authority.pair.certificate.read_bytes()


def test_a_node_is_ready_by_its_condition() -> None:
    assert api.is_ready({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    assert not api.is_ready({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})
    assert not api.is_ready({})


def test_a_step_that_fails_is_not_ticked_off(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), progress.step("etcd ready", during="starting etcd"):
        raise RuntimeError
    assert capsys.readouterr().out == "… starting etcd\n"
