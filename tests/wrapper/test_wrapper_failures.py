"""Every cause of failure that the wrapper can tell, produced for real: exit code, reason, and what the message says."""

import base64
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.ports import free_port
from support.servers import ACCESS_KEY, CLOSED_BUCKET, OPEN_BUCKET, SECRET_KEY, Authority, HttpsServer, S3Server
from sweep_runs import sweep
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import Envelope, StoreInfo
from mlrun_operator.api.contract.fetching import PipInfo
from mlrun_operator.api.reasons import EXPLANATIONS, Reason
from mlrun_operator.api.v1alpha1.inputs import InputRef
from mlrun_operator.api.v1alpha1.source import Source

HANDLER = """
def handler(url=None, rows=10):
    return rows
"""
READER = """
def handler(url):
    return len(url.get())
"""
EXIT_CODES = {
    "HandlerFailed": 1,
    "InvalidRun": 64,
    "OutputMissing": 65,
    "OutputInvalid": 65,
    "SourceNotFound": 66,
    "InputNotFound": 66,
    "SourceUnavailable": 69,
    "InputUnavailable": 69,
    "WrapperError": 70,
    "StoreUnavailable": 75,
    "PermissionDenied": 77,
    "StoreCredentialsMissing": 77,
    "RequirementsFailed": 78,
}
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
# Told by the kernel or by a signal, or by no failure at all; tested where those are.
ELSEWHERE = {Reason.SUCCEEDED, Reason.SKIPPED, Reason.TERMINATED, Reason.OOM_KILLED}


@dataclass
class World:
    """The servers, and a store that works."""

    https: HttpsServer
    authority: Authority
    s3: S3Server
    folder: Path

    @property
    def store(self) -> StoreInfo:
        return StoreInfo(root=f"file://{self.folder}/store")

    def open_s3(self, bucket: str = OPEN_BUCKET) -> StoreInfo:
        return StoreInfo(root=f"s3://{bucket}/failures", endpoint=self.s3.endpoint, anonymous=True)

    def closed_s3(self) -> StoreInfo:
        return StoreInfo(root=f"s3://{CLOSED_BUCKET}/failures", endpoint=self.s3.endpoint)

    @property
    def nowhere(self) -> str:
        """An address at which nobody listens."""
        return f"127.0.0.1:{free_port()}"

    def script(self, text: str) -> str:
        file = self.folder / "python"
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return str(file)

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return f"file://{self.folder}/{name}"

    def run(self, code: str | Source = HANDLER, handler: str | None = "handler", **more: Any) -> Envelope:
        return envelope(code, handler, **{"store": self.store, "ca_bundle": self.authority.pem, **more})


@pytest.fixture
def world(https: HttpsServer, authority: Authority, s3: S3Server, tmp_path: Path) -> World:
    return World(https, authority, s3, tmp_path)


@dataclass
class Case:
    """A cause, the reason it has, and words that the message must hold."""

    name: str
    reason: str
    content: Callable[[World], Envelope | str]
    words: tuple[str, ...]
    env: Callable[[World], Mapping[str, str]] = field(default=lambda _: {})
    prepare: Callable[[World, Path], object] | None = None


CASES = [
    Case("the-envelope-is-not-json", "InvalidRun", lambda _: "no json", ("the envelope is not valid",)),
    Case("the-envelope-is-damaged", "InvalidRun", lambda _: "gzip+base64:AAAA", ("the envelope", "damaged")),
    Case(
        "the-envelope-has-an-unknown-field",
        "InvalidRun",
        lambda w: w.run().model_dump_json(by_alias=True).replace('"version"', '"versoin"'),
        ("versoin", "Extra inputs are not permitted"),
    ),
    Case(
        "a-hyperparameter-is-unknown",
        "InvalidRun",
        lambda w: sweep(w.store, HANDLER, params={"row": [1]}, inputs={"url": "/no/such/file.csv"}),
        ("handler has no parameter 'row'", "did you mean 'rows'?"),
    ),
    Case(
        "a-stop-condition-is-no-expression",
        "InvalidRun",
        lambda w: sweep(w.store, HANDLER, params={"rows": [1]}, stopCondition="loss <"),
        ("stopCondition 'loss <' is no Python expression",),
    ),
    Case(
        "a-file-of-points-has-too-many",
        "InvalidRun",
        lambda w: sweep(w.store, HANDLER, paramFile=w.file("points.json", '{"rows": %s}' % [*range(1001)])),
        ("the grid has 1001 points", "at most 1000 are run"),
    ),
    Case(
        "no-handler-is-given",
        "InvalidRun",
        lambda w: w.run("def train(): pass\ndef test(): pass", None),
        ("no handler given", "train, test"),
    ),
    Case(
        "the-handler-does-not-exist",
        "InvalidRun",
        lambda w: w.run("def downloader(): pass", "dowloader"),
        ("no handler 'dowloader'", "did you mean 'downloader'?"),
    ),
    Case("the-handler-is-no-function", "InvalidRun", lambda w: w.run("handler = 5"), ("is a int, not a function",)),
    Case("the-handler-is-a-class", "InvalidRun", lambda w: w.run("class handler: pass"), ("is a class",)),
    Case(
        "the-code-has-a-syntax-error",
        "InvalidRun",
        lambda w: w.run("def handler():\n    return (1,"),
        ("syntax error", "line 2"),
    ),
    Case(
        "the-code-imports-a-missing-module",
        "InvalidRun",
        lambda w: w.run("import no_such_module\ndef handler(): pass"),
        ("imports 'no_such_module'", "not installed"),
    ),
    Case(
        "the-code-imports-a-removed-part-of-mlrun",
        "InvalidRun",
        lambda w: w.run("import mlrun.mlutils\ndef handler(): pass"),
        ("imports 'mlrun.mlutils'", "which is not in mlrun", "change the import"),
    ),
    Case(
        "the-file-has-the-name-of-a-module-of-mlrun",
        "InvalidRun",
        lambda w: w.run(Source(code="def handler(): pass", file_name="urllib3.py")),
        ("file name urllib3.py hides the module 'urllib3'", "rename it"),
    ),
    Case(
        "the-handler-reads-a-feature-vector",
        "HandlerFailed",
        lambda w: w.run(
            "import mlrun\ndef handler(): return mlrun.get_dataitem('store://feature-vectors/p/v').as_df()"
        ),
        ("get_feature_vector needs MLRun's feature store", "to_parquet"),
    ),
    Case(
        "a-parameter-is-unknown",
        "InvalidRun",
        # Told before the input is asked for, which is not there.
        lambda w: w.run(parameters={"row": 3}, inputs={"url": f"{w.https.url}/no/such.csv"}),
        ("handler has no parameter 'row'", "did you mean 'rows'?"),
    ),
    Case(
        "a-needed-parameter-is-not-given",
        "InvalidRun",
        lambda w: w.run("def handler(url, *, depth): pass", inputs={"url": "/etc/hostname"}),
        ("handler needs 'depth'", "neither an input nor a parameter"),
    ),
    Case(
        "a-name-is-input-and-parameter",
        "InvalidRun",
        lambda w: w.run(inputs={"url": "/etc/hostname"}, parameters={"url": 1}),
        ("'url' is both an input and a parameter",),
    ),
    Case(
        "a-parameter-is-run-functions-own",
        "InvalidRun",
        lambda w: w.run(parameters={"hyperparams": {}}),
        ("parameters.hyperparams", "not supported"),
    ),
    Case(
        "a-parameter-is-beyond-int64",
        "InvalidRun",
        lambda w: w.run(parameters={"rows": 2**70}),
        ("rows", "exceeds int64"),
    ),
    Case(
        "returns-on-a-decorated-handler",
        "InvalidRun",
        lambda w: w.run("import mlrun\n@mlrun.handler(outputs=['a'])\ndef handler(): pass", returns=["b"]),
        ("decorated with mlrun.handler", "leave out the run's `returns`"),
    ),
    Case(
        "a-log-hint-is-none-of-mlruns",
        "InvalidRun",
        lambda w: w.run("import mlrun\n@mlrun.handler(outputs=['a:b:c'])\ndef handler(): pass"),
        ("log hint 'a:b:c'",),
    ),
    Case(
        "the-base64-is-no-text",
        "InvalidRun",
        lambda w: w.run(Source(base64=base64.b64encode(b"\xff\xfe\xfd").decode())),
        ("base64 is not UTF-8",),
    ),
    Case(
        "the-project-has-a-name-of-mlruns",
        "InvalidRun",
        lambda w: w.run(run={"project": "datasets"}),
        ("'datasets'", "choose another"),
    ),
    Case("a-name-is-a-way-up", "InvalidRun", lambda w: w.run(run={"project": ".."}), ("'..' cannot be a name",)),
    Case(
        "an-input-has-an-unknown-scheme",
        "InvalidRun",
        lambda w: w.run(inputs={"url": "ftp://host/x.csv"}),
        ("input 'url'", "ftp://host/x.csv", "s3://"),
    ),
    Case(
        "a-table-of-postgresql-in-another-format",
        "InvalidRun",
        lambda w: w.run(inputs={"url": InputRef(path="sql://shop/orders", format="xlsx")}),
        ("input 'url'", "as parquet or csv, not as 'xlsx'"),
    ),
    Case(
        "an-input-url-carries-a-password",
        "InvalidRun",
        lambda w: w.run(inputs={"url": "https://me:geheim@host/x.csv"}),
        ("https://host/x.csv", "credentials in the URL"),
    ),
    Case(
        "an-input-s-host-or-port-cannot-be",
        "InvalidRun",
        lambda w: w.run(inputs={"url": "postgresql://host:abc/db/t"}),
        ("input 'url': its path is not a URL", "look at the host and the port"),
    ),
    Case(
        "the-interpreter-is-missing",
        "InvalidRun",
        lambda w: w.run(),
        ("no mlrun", "/no/such/python"),
        env=lambda _: {"MLRUN_EXECUTOR_PYTHON": "/no/such/python"},
    ),
    Case(
        "the-image-has-no-mlrun",
        "InvalidRun",
        lambda w: w.run(),
        ("no mlrun", "No module named 'mlrun'"),
        env=lambda w: {"MLRUN_EXECUTOR_PYTHON": w.script(f'exec {sys.executable} -S "$@"')},
    ),
    Case(
        "the-store-is-of-no-known-kind",
        "InvalidRun",
        lambda w: w.run(store=StoreInfo(root="ftp://host/x")),
        ("artifact store", "s3://bucket/prefix or file:///folder"),
    ),
    Case(
        "the-handler-raises",
        "HandlerFailed",
        lambda w: w.run("def handler(): raise ValueError('boom')"),
        ("ValueError: boom",),
    ),
    Case(
        "the-handler-recurses-for-ever",
        "HandlerFailed",
        lambda w: w.run("def handler(): return handler()"),
        ("RecursionError: maximum recursion depth",),
    ),
    Case(
        "the-handler-exits",
        "HandlerFailed",
        lambda w: w.run("import sys\ndef handler(): sys.exit(3)"),
        ("sys.exit(3)",),
    ),
    Case(
        "the-handler-exits-with-a-text",
        "HandlerFailed",
        lambda w: w.run("import sys\ndef handler(): sys.exit('no data')"),
        ("sys.exit('no data')",),
    ),
    Case(
        "the-process-ends-by-itself",
        "HandlerFailed",
        lambda w: w.run("import os\ndef handler(): os._exit(4)"),
        ("ended by itself with exit code 4",),
    ),
    Case(
        "the-process-is-killed",
        "HandlerFailed",
        lambda w: w.run("import os\ndef handler(): os.kill(os.getpid(), 9)"),
        ("killed by SIGKILL",),
    ),
    Case(
        "the-process-crashes",
        "HandlerFailed",
        lambda w: w.run("import ctypes\ndef handler(): ctypes.string_at(0)"),
        ("killed by SIGSEGV",),
    ),
    Case("the-module-raises", "HandlerFailed", lambda w: w.run("1 / 0\ndef handler(): pass"), ("ZeroDivisionError",)),
    Case(
        "a-typed-input-cannot-be-read",
        "HandlerFailed",
        lambda w: w.run(
            "import pandas as pd\ndef handler(url: pd.DataFrame): return 1",
            inputs={"url": w.https.serve("/f/broken.parquet", b"PAR1 no parquet")},
        ),
        ("unpacking of 'url'",),
    ),
    Case(
        "a-parameter-is-by-position-only",
        "InvalidRun",
        lambda w: w.run("def handler(rows, /): return rows", parameters={"rows": 1}),
        ("handler takes 'rows' by position only",),
    ),
    Case(
        "a-returned-table-cannot-be-parquet",
        "OutputInvalid",
        lambda w: w.run("import pandas as pd\ndef handler(): return pd.DataFrame({'a': [1, 'x']})"),
        ("return: ArrowInvalid", "column a"),
    ),
    Case(
        "a-mapped-output-is-not-produced",
        "OutputMissing",
        lambda w: w.run(outputs={"dataset": "d"}),
        ("output 'dataset' was not produced", "the run produced return"),
    ),
    Case(
        "mlrun-cannot-pack-an-output",
        "OutputInvalid",
        lambda w: w.run("def handler(): return 5", returns=["dataset: dataset"]),
        ("packing of 'dataset'", "builtins.int"),
    ),
    Case(
        "a-logged-file-does-not-exist",
        "OutputInvalid",
        lambda w: w.run("def handler(context): context.log_artifact('a', target_path='/no/such/file')"),
        ("a: /no/such/file does not exist",),
    ),
    Case(
        "the-source-is-404",
        "SourceNotFound",
        lambda w: w.run(Source(source=f"{w.https.url}/no/such.py")),
        ("source: ", "/no/such.py answered 404 Not Found"),
    ),
    Case(
        "the-source-is-401",
        "PermissionDenied",
        lambda w: w.run(Source(source=w.https.serve("/f/secret.py", "x", status=401))),
        ("/f/secret.py answered 401",),
    ),
    Case(
        "the-source-is-503",
        "SourceUnavailable",
        lambda w: w.run(Source(source=w.https.serve("/f/down.py", "x", status=503))),
        ("/f/down.py: answered 503", "(2 tries)"),
    ),
    Case(
        "the-source-s-certificate-is-not-trusted",
        "SourceUnavailable",
        lambda w: w.run(Source(source=w.https.serve("/f/ok.py", HANDLER)), ca_bundle=None),
        ("the certificate is not trusted", "CA bundle"),
    ),
    Case(
        "the-source-s-host-is-unknown",
        "SourceUnavailable",
        lambda w: w.run(Source(source="https://no-such-host.invalid/x.py")),
        ("https://no-such-host.invalid/x.py",),
    ),
    Case(
        "an-input-is-404",
        "InputNotFound",
        lambda w: w.run(inputs={"url": f"{w.https.url}/no/such.csv"}),
        ("input 'url'", "/no/such.csv answered 404 Not Found"),
    ),
    Case(
        "an-input-is-403",
        "PermissionDenied",
        lambda w: w.run(inputs={"url": w.https.serve("/f/forbidden.csv", status=403)}),
        ("/f/forbidden.csv answered 403",),
    ),
    Case(
        "an-input-is-500",
        "InputUnavailable",
        lambda w: w.run(inputs={"url": w.https.serve("/f/broken.csv", status=500)}),
        ("answered 500", "(2 tries)"),
    ),
    Case(
        "an-input-is-405",
        "InputUnavailable",
        lambda w: w.run(inputs={"url": w.https.serve("/f/method.csv", status=405)}),
        ("answered 405",),
    ),
    Case(
        "nobody-listens-at-an-input-s-host",
        "InputUnavailable",
        lambda w: w.run(inputs={"url": f"http://{w.nowhere}/x.csv"}),
        ("Connection refused",),
    ),
    Case(
        "an-input-redirects-to-another-scheme",
        "InvalidRun",
        lambda w: w.run(inputs={"url": w.https.serve("/f/redirect.csv", status=302, location="ftp://host/x.csv")}),
        ("sends on to ftp://", "the rule 'redirect'"),
    ),
    Case(
        "an-input-file-is-not-mounted",
        "InputNotFound",
        lambda w: w.run(inputs={"url": "/mnt/no/such.csv"}),
        ("/mnt/no/such.csv does not exist in the pod", "volume"),
    ),
    Case(
        "an-input-object-does-not-exist",
        "InputNotFound",
        lambda w: w.run(inputs={"url": f"s3://{OPEN_BUCKET}/no/such.csv"}, store=w.open_s3()),
        (f"s3://{OPEN_BUCKET}/no/such.csv does not exist",),
    ),
    Case(
        "an-input-bucket-does-not-exist",
        "InputNotFound",
        lambda w: w.run(
            inputs={"url": "s3://no-such-bucket/x.csv"},
            store=StoreInfo(root=f"s3://{CLOSED_BUCKET}/failures", endpoint=w.s3.endpoint),
        ),
        ("s3://no-such-bucket/x.csv",),
        env=lambda _: KEYS,
    ),
    Case(
        "an-input-folder-is-empty",
        "InputNotFound",
        lambda w: w.run(inputs={"url": f"s3://{OPEN_BUCKET}/no/folder/"}, store=w.open_s3()),
        ("holds no object",),
    ),
    Case(
        "an-input-s-key-is-unknown",
        "InputNotFound",
        lambda w: w.run(inputs={"url": "store://demo/dataitem/table/nothing"}),
        ("store://demo/dataitem/table/nothing does not exist",),
    ),
    Case(
        "an-input-s-key-has-an-unknown-uuid",
        "InputNotFound",
        lambda w: w.run(inputs={"url": "store://demo/dataitems/table/nothing:1234"}, store=w.open_s3()),
        ("store://demo/dataitem/table/nothing:1234 does not exist",),
    ),
    Case(
        "the-store-s-server-is-down",
        "StoreUnavailable",
        lambda w: w.run(store=StoreInfo(root="s3://b/p", endpoint=f"http://{w.nowhere}", anonymous=True)),
        ("artifact store", "Could not connect to the endpoint"),
    ),
    Case(
        "the-store-s-bucket-does-not-exist",
        "StoreUnavailable",
        lambda w: w.run(store=StoreInfo(root="s3://no-such-bucket/p", endpoint=w.s3.endpoint)),
        ("artifact store", "no-such-bucket"),
        env=lambda _: KEYS,
    ),
    Case(
        "the-store-s-keys-are-wrong",
        "PermissionDenied",
        lambda w: w.run(store=w.closed_s3()),
        ("artifact store", "refuses"),
        env=lambda _: {"AWS_ACCESS_KEY_ID": "wrong", "AWS_SECRET_ACCESS_KEY": "wrong"},
    ),
    Case(
        "the-store-s-credentials-are-missing",
        "StoreCredentialsMissing",
        lambda w: w.run(store=w.closed_s3()),
        ("'mlrun-operator-store'", "`mlrunctl store enable -n team-a` makes it"),
    ),
    Case(
        "a-requirement-does-not-exist",
        "RequirementsFailed",
        lambda w: w.run(requirements=["no-such-package"], pip=PipInfo(find_links=f"file://{w.folder}")),
        ("No matching distribution found for no-such-package",),
    ),
    Case(
        "the-wrapper-itself-fails",
        "WrapperError",
        lambda w: w.run(),
        ("IsADirectoryError", "report a bug"),
        prepare=lambda _, work: (work / "ca-bundle.pem").mkdir(),
    ),
    Case(
        "the-executor-cannot-start",
        "WrapperError",
        lambda w: w.run(),
        ("the executor could not start", "exit code 9"),
        env=lambda w: {"MLRUN_EXECUTOR_PYTHON": w.script("exit 9")},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cause_has_its_reason(case: Case, world: World, start: Callable[..., Any]) -> None:
    running = start(case.content(world), case.env(world), prepare=case.prepare and (lambda w: case.prepare(world, w)))
    ended: Ended = running.end()

    assert ended.reason == case.reason, ended.log
    assert ended.code == EXIT_CODES[case.reason] == EXPLANATIONS[Reason(case.reason)].exit_code
    for word in case.words:
        assert word in ended.result.message
    assert f"mlrun-wrapper: {case.reason}: " in ended.log
    assert EXPLANATIONS[Reason(case.reason)].todo in ended.log.splitlines()[-1]
    assert "geheim" not in ended.log + ended.termination


def test_every_reason_of_the_wrapper_has_a_case() -> None:
    told = {reason for reason, explanation in EXPLANATIONS.items() if explanation.exit_code is not None}

    assert told - ELSEWHERE == {Reason(case.reason) for case in CASES}
