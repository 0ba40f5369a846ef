"""An older mlrun takes options of a log hint for a part of its type's name, so it refuses them (fault A11)."""

from typing import Any

import pytest

from mlrun_wrapper.executor.log_hints import refuse_newer


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        ("df:dataset[file_format='csv']", "options in brackets; write {key: df"),
        ({"key": "df", "packing_kwargs": {"file_format": "csv"}}, "'packing_kwargs'; write options of the type beside"),
        ({"key": "df", "itemized": True}, "'itemized'"),
    ],
)
def test_an_older_mlrun_refuses_what_it_does_not_know(hint: Any, words: str) -> None:
    with pytest.raises(ValueError, match=r"^mlrun 1\.10\.0, which the function's image has, does not") as refused:
        refuse_newer(hint, "1.10.0")
    assert words in str(refused.value)


@pytest.mark.parametrize("hint", ["df", "df:dataset", {"key": "df", "artifact_type": "dataset", "file_format": "csv"}])
def test_an_older_mlrun_takes_what_it_knows(hint: Any) -> None:
    refuse_newer(hint, "1.10.0")
