"""The kernel's word on memory, by either version of cgroups."""

from pathlib import Path

import pytest

from mlrun_wrapper.memory import oom_kills


@pytest.mark.parametrize(
    "text",
    ["low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"],
    ids=["version 2", "version 1"],
)
def test_kills_are_counted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "events"
    file.write_text(text)
    assert oom_kills((tmp_path / "absent", file)) == 2


def test_a_kernel_that_does_not_say_counts_none(tmp_path: Path) -> None:
    assert oom_kills((tmp_path / "absent",)) == 0
