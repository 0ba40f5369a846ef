"""Every folder and address of the development cluster. No I/O here.

Caches belong to the user and are shared by all checkouts. State belongs to the machine, so there is one embedded
cluster on it however many checkouts there are, and everything of that cluster carries `NAME` or lies in `STATE` or
`RUN`: that is how it is found again after a crash.
"""

import os
from pathlib import Path

NAME = "mlrun-dev"

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL_MODULES = REPOSITORY / "dev" / "tools"
CLUSTER_DIR = REPOSITORY / ".cluster"
KUBECONFIG = CLUSTER_DIR / "kubeconfig"
FACTS = CLUSTER_DIR / "cluster.json"
CONFIG_TEMPLATES = Path(__file__).resolve().parent / "config"

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlrun-operator"
BINARIES = CACHE / "bin"
IMAGES = CACHE / "images"
BUILDAH_STORAGE = CACHE / "buildah"

STATE = Path("/var/lib") / NAME
RUN = Path("/run") / NAME
LOCK = Path("/run/lock") / f"{NAME}.lock"
IMAGES_LOCK = IMAGES / "lock"
LOGS = STATE / "logs"
PODS_LOGS = STATE / "pods"
PIDS = STATE / "pids"
PKI = STATE / "pki"
CONFIG = STATE / "config"
AUDIT_LOG = LOGS / "audit.log"
CONTAINERD_SOCKET = RUN / "containerd.sock"
CONTAINERD_NAMESPACE = "k8s.io"

BRIDGE = "mlrun0"
BRIDGE_IP = "10.244.0.1"
POD_CIDR = "10.244.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
API_SERVER = f"https://{BRIDGE_IP}:6443"
ETCD = "http://127.0.0.1:12379"
S3_ENDPOINT = f"http://{BRIDGE_IP}:8333"
S3_BUCKET = "mlrun"
