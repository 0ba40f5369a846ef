"""What nobody has foreseen, in words."""

import errno

from mlrun_operator.api.reasons import Reason
from mlrun_wrapper.errors import unforeseen


def test_a_full_disk_is_named_as_one() -> None:
    said = unforeseen(OSError(errno.ENOSPC, "No space left on device", "/work/inputs/big.parquet"))
    assert said.reason is Reason.WRAPPER_ERROR
    assert said.message.startswith("the pod's disk is full; ask for more")
    assert "/work/inputs/big.parquet" in said.message


def test_anything_else_is_told_by_its_name() -> None:
    assert unforeseen(KeyError("x")).message == "KeyError: 'x'"
