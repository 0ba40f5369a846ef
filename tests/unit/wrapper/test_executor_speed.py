"""What is made faster in mlrun does what it did."""

import json
import warnings
from pathlib import Path

import pytest
import yaml

RUN = {
    "metadata": {"name": "run", "uid": "1", "project": "p"},
    "status": {"results": {"ü": [1.5, None, True, "2024-01-01"]}},
}


@pytest.mark.parametrize("text", [json.dumps(RUN), json.dumps(RUN, indent=1), yaml.safe_dump(RUN), "", "{broken: [1]}"])
def test_a_run_s_file_is_read_as_mlrun_reads_it(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings(action="ignore"):  # mlrun's own, of pydantic
        from mlrun.execution import MLClientCtx

        from mlrun_wrapper.executor import speed
    file = tmp_path / "run.json"
    file.write_text(text)
    context = MLClientCtx(tmp=str(file))
    before = context._read_tmpfile()
    monkeypatch.setattr(MLClientCtx, "_read_tmpfile", MLClientCtx._read_tmpfile)

    speed.install()

    assert context._read_tmpfile() == before
