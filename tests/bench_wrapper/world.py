"""Real servers in a temporary folder, and whole processes measured against them."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from support.gitserver import GitServer
from support.servers import OPEN_BUCKET, Authority, HttpsServer, S3Server

from bench_wrapper.measure import Measured, measured
from mlrun_operator.api.contract.envelope import Envelope, StoreInfo, encode
from mlrun_operator.api.contract.result import decode
from mlrun_operator.store import open_store

PLAIN = """
import sys
import mlrun
namespace = {}
exec(sys.argv[1], namespace)
mlrun.new_function("bench", project="bench", kind="").run(handler=namespace["handler"], output_path=sys.argv[2])
"""
HERE = Path(__file__).parent


class World:
    """S3, HTTPS and Git on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("s3", "ca", "git"):
            (folder / name).mkdir()
        self.s3 = S3Server(folder / "s3")
        self.authority = Authority(folder / "ca")
        self.https = HttpsServer(self.authority)
        self.git = GitServer(folder / "git", self.authority.certificate)
        self.info = StoreInfo(root=f"s3://{OPEN_BUCKET}/bench", endpoint=self.s3.endpoint, anonymous=True)
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.s3.endpoint,
            region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, request_checksum_calculation="when_required"),
        )

    def stop(self) -> None:
        """End the servers."""
        for server in (self.git, self.https, self.s3):
            server.stop()

    def put(self, key: str, mib: int) -> str:
        """An object of random bytes."""
        file = self.folder / "upload"
        with file.open("wb") as data:
            for _ in range(mib):
                data.write(os.urandom(1 << 20))
        self.client.upload_file(str(file), OPEN_BUCKET, key)
        file.unlink()
        return key

    def wrapper(self, content: Envelope) -> Measured:
        """One whole wrapper process."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            (Path(work) / "envelope").write_text(encode(content))
            env = {
                **environment(work),
                "MLRUN_ENVELOPE_FILE": f"{work}/envelope",
                "MLRUN_TERMINATION_LOG": f"{work}/termination",
                "MLRUN_WORK_DIR": work,
                "MLRUN_EXECUTOR_PYTHON": sys.executable,
            }
            return measured([sys.executable, "-I", "-m", "mlrun_wrapper"], env, keep=Path(work) / "termination")

    def timings(self, run: Measured) -> dict[str, float]:
        """The seconds of each step, by run.json."""
        result = decode(run.kept)
        assert result is not None, run.output
        assert result.run_path is not None, run.output
        path = result.run_path.removeprefix(f"{self.info.root}/")
        found: dict[str, float] = json.loads(open_store(self.info).read(f"{path}run.json"))["timings"]
        return found

    def bare(self, **asked: Any) -> Measured:
        """One bare script."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            given = {"inputs": {}, **asked, "work": work, "endpoint": self.s3.endpoint, "bucket": OPEN_BUCKET}
            return measured([sys.executable, str(HERE / "bare.py"), json.dumps(given)], environment(work))

    def plain(self, code: str) -> Measured:
        """A handler that mlrun runs, and nothing else."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            return measured([sys.executable, "-c", PLAIN, code, work], environment(work))

    def download(self, way: str, key: str) -> dict[str, float]:
        """One download in a process of its own: seconds, CPU seconds and memory above the start."""
        file = self.folder / "downloaded"
        asked = {"way": way, "bucket": OPEN_BUCKET, "key": key, "endpoint": self.s3.endpoint, "file": str(file)}
        command = [sys.executable, str(HERE / "download.py"), json.dumps(asked)]
        output = measured(command, environment(str(self.folder))).output
        file.unlink()
        found: dict[str, float] = json.loads(output.splitlines()[-1])
        return found


def environment(home: str) -> dict[str, str]:
    """Of every process that is measured."""
    fixed = {"HOME": home, "TMPDIR": home, "MPLCONFIGDIR": home, "AWS_EC2_METADATA_DISABLED": "true"}
    return {"PATH": os.environ["PATH"], "MLRUN_HTTPDB__NOP_DB__VERBOSE": "false", **fixed}
