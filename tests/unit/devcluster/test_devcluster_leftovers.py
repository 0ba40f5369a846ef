"""What belongs to the embedded cluster is found, and what only looks alike is left alone."""

import json
from pathlib import Path

import pytest

from devcluster import cgroups, leftovers, paths

MOUNTINFO = """\
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 21 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
31 21 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
40 21 0:50 / /run/mlrun-dev/containerd/task/x/rootfs rw - overlay overlay rw
41 21 0:51 / /run/mlrun-dev/containerd/task rw - tmpfs tmpfs rw
42 21 0:52 / /var/lib/mlrun-dev/kubelet/pods/p/volumes/a\\040b rw - tmpfs tmpfs rw
43 21 0:53 / /run/mlrun-device rw - tmpfs tmpfs rw
44 21 0:54 / /run/containerd/task/y/rootfs rw - overlay overlay rw
"""


def test_mounts_come_deepest_first_and_only_from_own_folders() -> None:
    assert leftovers.mounts_below(MOUNTINFO, paths.STATE, paths.RUN) == [
        "/var/lib/mlrun-dev/kubelet/pods/p/volumes/a b",
        "/run/mlrun-dev/containerd/task/x/rootfs",
        "/run/mlrun-dev/containerd/task",
    ]


def test_cgroup_hierarchies_of_both_versions_are_found() -> None:
    assert cgroups.hierarchies(MOUNTINFO) == [Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/unified")]


@pytest.mark.parametrize(
    ("argv", "ours"),
    [
        (["/cache/kubelet", "--config=/var/lib/mlrun-dev/config/kubelet.yaml"], True),
        (["/usr/bin/containerd-shim-runc-v2", "-address", "/run/mlrun-dev/containerd.sock", "-id", "x"], True),
        (["/var/lib/mlrun-dev/kueue/kueue", "--config=/var/lib/mlrun-dev/kueue/configuration.yaml"], True),
        (["kueue", "--config=/etc/kueue/config.yaml"], False),
        (["containerd", "--config=/etc/containerd/config.toml"], False),
        (["tail", "-f", "/var/lib/mlrun-dev/logs/kubelet.log"], False),
        (["kubelet", "--config=/var/lib/mlrun-developer/kubelet.yaml"], False),
        ([], False),
    ],
)
def test_a_process_is_ours_by_its_program_and_its_folder(argv: list[str], ours: bool) -> None:
    assert leftovers.is_ours(argv) is ours


def test_the_bridge_goes_after_what_is_plugged_into_it() -> None:
    links = [{"ifname": "lo"}, {"ifname": "mlrun0"}, {"ifname": "veth1", "master": "mlrun0"}, {"ifname": "eth0"}]
    assert leftovers.interfaces_of(json.dumps(links)) == ["veth1", "mlrun0"]


def test_only_own_tables_are_found() -> None:
    listing = "table ip mlrun-dev\ntable ip kube-proxy\ntable ip6 kube-proxy\ntable inet firewall\ntable ip nat\n"
    assert leftovers.tables_of(listing) == ["ip mlrun-dev", "ip kube-proxy", "ip6 kube-proxy"]


def test_the_tables_of_somebody_elses_kube_proxy_are_left_alone() -> None:
    assert leftovers.tables_of("table ip mlrun-dev\ntable ip kube-proxy\n", foreign_proxy=True) == ["ip mlrun-dev"]
