"""The demo's parts that need no cluster."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from demo import dataset, readback, story
from devcluster import paths
from devcluster.errors import DevClusterError


def test_the_example_reads_the_demos_data_set_from_its_public_folder() -> None:
    run = yaml.safe_load((paths.REPOSITORY / story.EXAMPLE / "run.yaml").read_text())
    assert run["metadata"]["name"] == story.RUN
    assert run["spec"]["inputs"] == {"url": f"{dataset.PUBLIC_FOLDER}/{dataset.NAME}"}
    assert (dataset.folder() / dataset.NAME).stat().st_size > 40_000


def test_an_equal_table_passes_and_another_dtype_does_not(tmp_path: Path) -> None:
    source = tmp_path / "table.csv"
    source.write_text("n,text\n1,a\n2,b\n")
    table = pd.DataFrame({"n": [1, 2], "text": ["a", "b"]})
    readback.compare(table, source)
    with pytest.raises(DevClusterError, match="not the input"):
        readback.compare(table.astype({"n": "int32"}), source)
