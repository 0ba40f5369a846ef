import base64
import gzip
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_operator.api.contract.envelope import (
    COMPRESSED_PREFIX,
    PLAIN_LIMIT,
    Envelope,
    EnvelopeTooLargeError,
    FunctionInfo,
    RunInfo,
    StoreInfo,
    decode,
    encode,
)
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.inputs import InputRef
from mlrun_operator.api.v1alpha1.run import OutputRef
from mlrun_operator.api.v1alpha1.source import Source

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def envelope(code: str = "def f(): pass", **more: Any) -> Envelope:
    return Envelope(
        run=RunInfo(name="r", namespace="n", uid="u", project="p", execution=1),
        function=FunctionInfo(
            name="f", uuid="id", digest="d", spec=FunctionSpec(source=Source(code=code), handler="f")
        ),
        store=StoreInfo(root="s3://bucket"),
        **more,
    )


@given(
    code=st.text(min_size=1, max_size=2000),
    parameters=st.dictionaries(st.text(min_size=1, max_size=10), JSON, max_size=5),
    values=st.none() | st.lists(st.text(max_size=10), max_size=3),
)
def test_an_envelope_comes_back_as_it_was(code: str, parameters: dict[str, Any], values: list[str] | None) -> None:
    sent = envelope(
        code,
        parameters=parameters,
        values=values,
        inputs={"url": InputRef(path="https://example.com/x.csv")},
        outputs={"dataset": OutputRef(name="dataset", optional=True)},
    )

    assert decode(encode(sent)) == sent


def test_a_parameter_that_is_null_stays_one() -> None:
    assert decode(encode(envelope(parameters={"limit": None}))).parameters == {"limit": None}


@pytest.mark.parametrize("code", ["x = 1\n" * (128 * 1024 // 6), "# 漢字\n" * 11_000, "# 🚀\n" * 15_000])
def test_the_largest_inline_code_is_compressed(code: str) -> None:
    sent = envelope(code)

    text = encode(sent)

    assert text.startswith(COMPRESSED_PREFIX)
    assert len(text) < PLAIN_LIMIT
    assert decode(text) == sent


def test_equal_envelopes_encode_to_equal_text() -> None:
    assert encode(envelope("y" * 50_000)) == encode(envelope("y" * 50_000))


@pytest.mark.parametrize("text", ["", "no", "{}", "gzip+base64:!!", "gzip+base64:AAAA", "[1]"])
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's and our own alike
        decode(text)


@pytest.mark.parametrize("size", [40_000, 65_536, 100_000, 131_072])
def test_what_is_compressed_piece_by_piece_is_as_compressed_at_once(size: int) -> None:
    """The Job's text is part of what a CronJob is compared by: another one would write every CronJob anew."""
    noise = Random(size).randbytes(size // 4).hex() + "word " * (size // 10)
    text = encode(envelope(parameters={"p": noise}))
    packed = base64.b64decode(text.removeprefix("gzip+base64:"))
    assert packed == gzip.compress(gzip.decompress(packed), mtime=0)


def test_what_is_too_large_is_told_before_all_of_it_is_compressed() -> None:
    """1 MB took 33 ms, in which the operator did nothing else."""
    noise = Random(1).randbytes(500_000).hex()
    with pytest.raises(EnvelopeTooLargeError, match="more than 200 KiB of pod annotations: the limit is 200 KiB"):
        encode(envelope(parameters={"p": noise}))
