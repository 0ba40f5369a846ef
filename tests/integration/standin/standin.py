"""Do as the envelope's parameters say: {sleep: seconds, exit: code, reason, message, results}.

Under `replicas` may stand what only the replica of that index does, under `points` what only that point of a sweep
does, and under `collect` what the collector does and says of the sweep.
"""

import base64
import gzip
import json
import os
import pathlib
import signal
import sys
import time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

text = pathlib.Path("/etc/mlrun-operator/envelope").read_text()
if text.startswith("gzip+base64:"):
    text = gzip.decompress(base64.b64decode(text.removeprefix("gzip+base64:"))).decode()
envelope = json.loads(text)
wish = envelope["parameters"]
wish |= wish.get("replicas", {}).get(os.environ.get("MLRUN_REPLICA_INDEX", ""), {})
part = (envelope.get("sweep") or {}).get("part")
if part == "point":
    wish |= wish.get("points", {}).get(str(int(os.environ["MLRUN_SWEEP_INDEX"]) + 1), {})
if part == "collect":
    wish = wish.get("collect", {})
print(f"run {envelope['run']['name']} execution {envelope['run']['execution']}", flush=True)
time.sleep(wish.get("sleep", 0))
result = {
    "version": 1,
    "reason": wish.get("reason", "Succeeded"),
    "message": wish.get("message", ""),
    "results": {**wish.get("results", {}), "execution": envelope["run"]["execution"]},
    **({"sweep": wish["sweep"]} if "sweep" in wish else {}),
}
pathlib.Path("/dev/termination-log").write_text(json.dumps(result))
sys.exit(wish.get("exit", 0))
