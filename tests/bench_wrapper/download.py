"""One download of an S3 object into a file, by the wrapper's way or by boto3's own; prints JSON. Arguments: JSON."""

import json
import sys
import time
from pathlib import Path


def peak_mib() -> float:
    """This program's own; `ru_maxrss` begins with that of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    from mlrun_operator.api.contract.envelope import StoreInfo
    from mlrun_operator.store import open_store

    store = open_store(StoreInfo(root=f"s3://{asked['bucket']}", endpoint=asked["endpoint"], anonymous=True))
    before = peak_mib()
    start, cpu = time.monotonic(), time.process_time()
    if asked["way"] == "wrapper":
        store.download(asked["key"], Path(asked["file"]))
    else:
        store.client.download_file(asked["bucket"], asked["key"], asked["file"])  # type: ignore[attr-defined]
    seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    grown = peak_mib() - before
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mib": grown}))
