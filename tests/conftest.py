"""What every folder of tests shares."""

import pytest

# A rule that is broken in CI alone must show its values there.
pytest.register_assert_rewrite("support")
