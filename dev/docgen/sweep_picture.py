"""The picture of a sweep for `docs/outputs.md`, drawn by the wrapper of a sweep that was recorded.

24 points of scikit-learn's GradientBoostingClassifier on its breast cancer data, as the run's run.json had them.
"""

import json
from typing import Any

from devcluster import paths
from mlrun_wrapper.point_summary import Summary
from mlrun_wrapper.sweep.best import Selector, best_of
from mlrun_wrapper.sweep.plot import drawn

RECORDED = paths.REPOSITORY / "dev" / "docgen" / "recorded_sweep.json"


def sweep_picture() -> dict[str, str]:
    """File name → SVG."""
    seen: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    points = [Summary.model_validate(point) for point in seen["points"]]
    selector = Selector.parse(seen["selector"])
    return {"images/sweep.svg": drawn(seen["run"], points, selector, best_of(points, selector)) or ""}
