"""The documented function: a CSV over HTTPS becomes a dataset in S3."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from support.servers import Authority, HttpsServer
from vega_datasets import local_data
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.values.keys import Key
from mlrun_operator.store import Catalogue, open_store

PIPELINE = """
import mlrun


@mlrun.handler(outputs=["dataset"])
def downloader(context, url: mlrun.DataItem):
    return url.as_df(format="parquet")
"""


@pytest.mark.parametrize("data", [local_data.iris, local_data.seattle_weather], ids=lambda d: d.name)
def test_the_documented_function_stores_the_csv_as_parquet(
    data: object, https: HttpsServer, authority: Authority, s3_store: StoreInfo, run: Callable[..., Ended]
) -> None:
    csv = _csv(data)
    url = https.serve("/data/input.csv", csv, content_type="text/csv")
    source = Source(source=https.serve("/code/pipeline.py", PIPELINE))

    ended = run(
        envelope(
            source,
            "downloader",
            store=s3_store,
            inputs={"url": url},
            outputs={"dataset": "dataset"},
            ca_bundle=authority.pem,
        )
    )

    assert ended.code == 0, ended.log
    output = ended.result.outputs["dataset"]
    catalogue = Catalogue(open_store(s3_store))
    entity = catalogue.read(Key.parse(output.key))
    assert entity.path == output.path
    assert output.path.startswith(f"{s3_store.root}/demo/dataitem/table/dataset/")
    parquet = catalogue.store.read(output.path.removeprefix(f"{s3_store.root}/"))
    assert len(parquet) == output.size
    assert_frame_equal(pd.read_parquet(io.BytesIO(parquet)), pd.read_csv(io.BytesIO(csv)))


def _csv(data: object) -> bytes:
    path = Path(str(data.filepath))  # type: ignore[attr-defined]
    if path.suffix == ".csv":
        return path.read_bytes()
    return data().to_csv(index=False).encode()  # type: ignore[operator]
