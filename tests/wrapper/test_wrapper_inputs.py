"""What a handler reads: by URL, from S3, from a volume, in whatever type it asks for."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import boto3
import pandas as pd
import pytest
from botocore.config import Config
from support.s3proxy import S3Proxy
from support.servers import ACCESS_KEY, CLOSED_BUCKET, OPEN_BUCKET, SECRET_KEY, Authority, HttpsServer, S3Server
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.inputs import InputRef
from mlrun_operator.store import open_store

CSV = "a;b\n1;x\n2;y\n"
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


def parquet() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1, 2, 3]}).to_parquet(buffer)
    return buffer.getvalue()


def test_every_type_that_a_handler_may_ask_for(
    https: HttpsServer, authority: Authority, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        import mlrun
        import pandas as pd

        def handler(item, hinted: mlrun.DataItem, frame: pd.DataFrame, path: str, by_default="x", *, limit: int = 3):
            return {
                "item": len(item.as_df(format="csv", sep=";")),
                "hinted": list(hinted.as_df(format="parquet", sep=";").columns),
                "frame": list(frame["a"]),
                "path": open(path).read(),
                "by_default": open(by_default).read(),
                "limit": limit,
            }
    """
    url = https.serve("/in/data.csv", CSV)
    frame = https.serve("/in/frame.csv", "a,b\n1,2\n")
    ended = run(
        envelope(
            code,
            store=file_store,
            ca_bundle=authority.pem,
            inputs={"item": url, "hinted": url, "frame": frame, "path": url, "by_default": url},
            parameters={"limit": 7},
        )
    )

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == {
        "item": 2,
        "hinted": ["a", "b"],
        "frame": [1],
        "path": CSV,
        "by_default": CSV,
        "limit": 7,
    }


def test_the_file_s_suffix_tells_the_truth(
    https: HttpsServer, authority: Authority, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    inputs = {
        "by_name": https.serve("/in/x.csv", CSV, content_type="application/octet-stream"),
        "by_type": https.serve("/in/export", CSV, content_type="text/csv; charset=utf-8"),
        "by_magic": https.serve("/in/download", parquet()),
        "wrong_name": https.serve("/in/really.csv", parquet()),
        "by_query": f"{https.serve('/in/q.csv', CSV)}?X-Amz-Signature=geheim",
        "by_format": {"path": https.serve("/in/plain.txt", CSV), "format": "csv"},
        "by_disposition": https.serve("/in/get", CSV, content_type="text/plain", filename="Umsätze 2024.csv"),
        "unknown": https.serve("/in/file.dat", b"\x00\x01"),
    }
    names = ", ".join(inputs)
    code = f"def handler({names}): return [item.suffix for item in ({names})]"
    ended = run(envelope(code, store=file_store, ca_bundle=authority.pem, inputs=inputs))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [".csv", ".csv", ".parquet", ".parquet", *[".csv"] * 3, ".dat"]
    assert "geheim" not in ended.log + ended.termination


def test_two_inputs_of_one_name_stay_apart_and_are_recorded(
    https: HttpsServer, authority: Authority, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    one, two = https.serve("/one/data.csv", "a\n1\n"), https.serve("/two/data.csv", "a\n2\n")
    code = "def handler(x, y): return [x.get(encoding='utf-8'), y.get(encoding='utf-8')]"
    ended = run(envelope(code, store=file_store, ca_bundle=authority.pem, inputs={"x": one, "y": two}))

    assert ended.result.results["return"] == ["a\n1\n", "a\n2\n"]
    assert [(i.name, i.path, i.size) for i in ended.result.inputs] == [("x", one, 4), ("y", two, 4)]
    assert len({i.sha256 for i in ended.result.inputs}) == 2


def test_servers_that_stumble_are_asked_again(
    https: HttpsServer, authority: Authority, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    target = https.serve("/in/target.csv", "found")
    inputs = {
        "busy": https.serve("/in/busy.csv", "busy", first=[503]),
        "broken": https.serve("/in/broken2.csv", "x" * 100_000, truncate=50_000),
        "moved": https.serve("/in/moved.csv", status=302, location=target),
    }
    code = "def handler(busy, broken, moved): return [len(i.get()) for i in (busy, broken, moved)]"
    ended = run(envelope(code, store=file_store, ca_bundle=authority.pem, inputs=inputs))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [4, 100_000, 5]


def test_files_on_a_volume_are_used_where_they_are(
    tmp_path: Path, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "data.csv").write_text("a\n1\n")
    (volume / "bare").write_bytes(parquet())
    code = """
        def handler(file, uri, folder, bare):
            return [file.local(), uri.local(), sorted(folder.listdir()), bare.suffix, len(bare.as_df())]
    """
    ended = run(
        envelope(
            code,
            store=file_store,
            inputs={
                "file": f"{volume}/data.csv",
                "uri": f"file://{volume}/data.csv",
                "folder": f"{volume}/",
                "bare": f"{volume}/bare",
            },
        )
    )

    assert ended.code == 0, ended.log
    path = f"{volume}/data.csv"
    assert ended.result.results["return"] == [path, path, ["bare", "data.csv"], ".parquet", 3]
    assert sorted(file.name for file in volume.iterdir()) == ["bare", "data.csv"]


@pytest.mark.parametrize("root", [f"s3://{CLOSED_BUCKET}/runs", f"s3://{CLOSED_BUCKET}"])
def test_s3_objects_and_folders_with_the_store_s_credentials(
    root: str, s3: S3Server, run: Callable[..., Ended]
) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    for key in ("in/data.csv", "in/folder/a.txt", "in/folder/deep/b ü.txt"):
        client.put_object(Bucket=CLOSED_BUCKET, Key=key, Body=b"a\n1\n")
    code = """
        import os

        def handler(file, folder):
            root = folder.local()
            found = [os.path.relpath(os.path.join(at, f), root) for at, _, files in os.walk(root) for f in files]
            return [len(file.as_df()), sorted(found)]
    """
    ended = run(
        envelope(
            code,
            store=StoreInfo(root=root, endpoint=s3.endpoint),
            inputs={"file": f"s3://{CLOSED_BUCKET}/in/data.csv", "folder": f"s3://{CLOSED_BUCKET}/in/folder/"},
        ),
        KEYS,
    )

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [1, ["a.txt", "deep/b ü.txt"]]
    assert SECRET_KEY not in ended.log + ended.termination


def test_gzip_that_s3_sends_and_gzipped_tables_are_read_as_tables(s3: S3Server, run: Callable[..., Ended]) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    data = gzip.compress(b"a\n1\n")
    for key in ("zipped/a.csv", "zipped/folder/b.csv"):
        client.put_object(Bucket=CLOSED_BUCKET, Key=key, Body=data, ContentEncoding="gzip")
    client.put_object(Bucket=CLOSED_BUCKET, Key="zipped/c.csv.gz", Body=data)
    code = """
        def handler(file, folder, table):
            return [len(file.as_df()), open(folder.local() + "/b.csv").read(), len(table.as_df())]
    """
    root = f"s3://{CLOSED_BUCKET}/zipped"
    ended = run(
        envelope(
            code,
            store=StoreInfo(root=f"s3://{CLOSED_BUCKET}/runs", endpoint=s3.endpoint),
            inputs={
                "file": f"{root}/a.csv",
                "folder": f"{root}/folder/",
                "table": InputRef(path=f"{root}/c.csv.gz", kind="table"),
            },
        ),
        KEYS,
    )

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [1, "a\n1\n", 1]


def test_a_run_with_a_server_and_keys_of_its_own_reads_there_and_writes_to_the_store(
    s3: S3Server, run: Callable[..., Ended]
) -> None:
    proxy = S3Proxy(s3.endpoint, lambda method, path: None)
    store = StoreInfo(root=f"s3://{CLOSED_BUCKET}/apart", endpoint=s3.endpoint)
    open_store(StoreInfo(root=f"s3://{OPEN_BUCKET}", endpoint=s3.endpoint, anonymous=True)).write("own.csv", b"a\n1\n")
    code = """
        import os

        def handler(context, data):
            context.log_artifact("note", body="made")
            return [len(data.as_df()), os.environ["AWS_ACCESS_KEY_ID"], [n for n in os.environ if "MLRUN_STORE" in n]]
    """
    env = {
        "AWS_ENDPOINT_URL": proxy.endpoint,
        "AWS_ACCESS_KEY_ID": "my-own",
        "AWS_SECRET_ACCESS_KEY": "unknown-to-the-store",
        "FSSPEC_S3_ANON": "true",
    }
    ended = run(
        envelope(code, store=store, inputs={"data": f"s3://{OPEN_BUCKET}/own.csv"}),
        env | {f"MLRUN_STORE_{name}": value for name, value in KEYS.items()},
    )
    proxy.stop()

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [1, "my-own", []]
    assert [(method, path) for method, path in proxy.requests] == [("GET", f"/{OPEN_BUCKET}/own.csv")]
    assert ended.result.outputs["note"].path.startswith(f"s3://{CLOSED_BUCKET}/apart/")


def test_parameters_keep_their_types_and_extra_ones_reach_kwargs_and_context(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = """
        def handler(context, text, nothing, nested, **more):
            return [text, nothing, nested, more, context.get_param("text"), context.name, context.project]
    """
    ended = run(
        envelope(
            code,
            store=file_store,
            parameters={"text": "5", "nothing": None, "nested": {"a": [1, 2.5, True]}, "extra": 1},
        )
    )

    assert ended.code == 0, ended.log
    nested = {"a": [1, 2.5, True]}
    assert ended.result.results["return"] == ["5", None, nested, {"extra": 1}, "5", "my-run", "demo"]


def test_a_parameter_that_only_the_context_can_give_is_a_warning_where_nobody_names_it(
    run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    code = "def handler(context, rows=1): return context.get_param('deep')"
    ended = run(envelope(code, store=file_store, parameters={"deep": 5, "rosw": 2}))

    assert ended.code == 0, ended.log
    assert ended.result.results == {"return": 5}
    assert ended.result.warnings == ["handler has no parameter 'rosw'; did you mean 'rows'?"]


@pytest.mark.parametrize("signed", [False, True])
def test_s3_paths_in_the_handler_reach_the_store_s_server(
    signed: bool, s3: S3Server, s3_store: StoreInfo, run: Callable[..., Ended]
) -> None:
    code = """
        import mlrun
        import pandas as pd

        def handler(context, folder):
            frame = pd.DataFrame({"a": [1, 2]})
            frame.to_csv(f"{folder}/x.csv", index=False)
            frame.to_parquet(f"{folder}/x.parquet")
            read = [pd.read_csv(f"{folder}/x.csv"), pd.read_parquet(f"{folder}/x.parquet")]
            return [len(each) for each in read + [mlrun.get_dataitem(f"{folder}/x.csv").as_df()]]
    """
    bucket = CLOSED_BUCKET if signed else OPEN_BUCKET
    store = s3_store.model_copy(update={"root": f"s3://{bucket}/handler-{signed}", "anonymous": not signed})
    ended = run(envelope(code, store=store, parameters={"folder": store.root}), KEYS if signed else {})

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [2, 2, 2]


def test_an_input_that_unpacks_to_too_much_ends_the_run(
    https: HttpsServer, authority: Authority, run: Callable[..., Ended], file_store: StoreInfo
) -> None:
    url = https.serve("/in/bomb.csv.gz", gzip.compress(bytes(3 << 20)))
    content = envelope(
        "def handler(x): return 1",
        store=file_store,
        ca_bundle=authority.pem,
        inputs={"x": InputRef(path=url, kind="table")},
        fetch={"input_max_unpacked_mib": 1},
    )
    ended = run(content)

    assert (ended.reason, ended.code) == ("InvalidRun", 64), ended.log
    assert "the operator's setting inputs.maxUnpackedMiB allows it" in ended.result.message


@pytest.mark.parametrize("name", ["a#2.csv", "a?2.csv", "a;b.csv", "in#1/t.csv", "%23 (x),'&.csv"])
def test_a_mounted_files_name_may_look_like_a_url(
    run: Callable[..., Ended], file_store: StoreInfo, tmp_path: Path, name: str
) -> None:
    """Fault F17."""
    file = tmp_path / "data" / name
    file.parent.mkdir(parents=True)
    file.write_text("a\n1\n2\n")
    code = """
        import pathlib

        def handler(context, one, folder, many: dict):
            names = sorted(each.name for each in pathlib.Path(folder.local()).iterdir())
            return [one.as_df().shape[0], many["x"].as_df().shape[0], names]
    """
    inputs = {"one": str(file), "folder": f"{file.parent}/", "many": {"x": InputRef(path=f"file://{quote(str(file))}")}}
    ended = run(envelope(code, store=file_store, inputs=inputs))

    assert ended.code == 0, ended.log
    assert ended.result.results["return"] == [2, 2, [file.name]]
