"""One definition of what a Kubernetes object is in the code."""

import re

from devcluster.paths import REPOSITORY

CORE = ("assess", "cluster", "controller", "plan", "render")


def test_the_type_of_objects_is_defined_once() -> None:
    """It was defined 22 times."""
    package = REPOSITORY / "operator/src/mlrun_operator"
    modules = [module for part in CORE for module in (package / part).rglob("*.py")]
    again = [module for module in modules if re.search(r"^Object\b.*=", module.read_text(), re.MULTILINE)]
    assert (len(modules) > 50, again) == (True, [])
