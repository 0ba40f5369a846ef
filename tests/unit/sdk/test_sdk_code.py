"""Local files of code in other encodings than UTF-8 (F15)."""

from pathlib import Path

import pytest

from mlrun_operator.api.v1alpha1.source import MAX_INLINE_BYTES
from mlrun_operator.sdk.errors import InvalidArgument
from mlrun_operator.sdk.translate.source import LargeFile, source

CODE = "def handler():\n    return 'é'\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (CODE.encode(), CODE),
        (("# -*- coding: latin-1 -*-\n" + CODE).encode("latin-1"), "# -*- coding: utf-8 -*-\n" + CODE),
        (("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + CODE).encode("cp1252"),
         "#!/usr/bin/python\n# vim: set fileencoding=utf-8 :\n" + CODE),
        (CODE.encode("utf-16"), CODE),
        (CODE.encode("utf-8-sig"), CODE),
    ],
    ids=["utf-8", "latin-1", "second line", "utf-16", "utf-8 with a mark"],
)  # fmt: skip
def test_code_is_read_in_the_encoding_that_it_declares(tmp_path: Path, data: bytes, text: str) -> None:
    file = tmp_path / "f.py"
    file.write_bytes(data)
    made = source(file)
    assert made == {"code": text, "fileName": "f.py"}
    found: dict[str, object] = {}
    exec(compile(text.encode(), "f.py", "exec"), found)
    assert found["handler"]() == "é"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"x = '\xe9'\n", "f.py"), (b"# coding: nonsense\n", "nonsense"), (b"\xff\xfex", "is no text in utf-16")],
)
def test_what_cannot_be_decoded_is_refused_by_the_files_name(tmp_path: Path, data: bytes, words: str) -> None:
    file = tmp_path / "f.py"
    file.write_bytes(data)
    with pytest.raises(InvalidArgument, match=words) as told:
        source(file)
    assert str(file) in str(told.value)


def test_a_file_too_large_to_be_carried_goes_to_the_store_as_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_bytes((CODE + "#" * MAX_INLINE_BYTES).encode("utf-16"))
    made = source(file)
    assert isinstance(made, LargeFile)
    assert made.data.decode().startswith(CODE)
