"""Returned figures become plots that a browser opens; mlrun 1.12 has no packagers for them and would pickle them."""

from __future__ import annotations

import sys
from typing import Any

from mlrun.artifacts import Artifact, PlotArtifact, PlotlyArtifact
from mlrun.package import PackagersManager

from .older import hint_part, packed_artifact

_TYPES = (None, "", "plot")


def install() -> None:
    """Have mlrun pack figures of matplotlib (seaborn's too) and Plotly as plots, unless the hint has another type."""
    pack = PackagersManager._pack

    def packing(manager: Any, obj: Any, log_hint: Any) -> Any:
        wanted = hint_part(log_hint, "artifact_type") in _TYPES
        plot = _plot(obj, hint_part(log_hint, "key")) if wanted else None
        if plot is None:
            return pack(manager, obj, log_hint)
        if labels := hint_part(log_hint, "labels"):
            plot.labels = labels
        manager._artifacts.append(packed_artifact(plot, log_hint))
        return plot

    PackagersManager._pack = packing


def _plot(obj: Any, key: str) -> Artifact | None:
    """None for what is no figure. Only modules that the handler has imported are asked."""
    if _is(obj, "matplotlib.axes", "Axes"):
        obj = obj.figure
    if _is(obj, "matplotlib.figure", "Figure"):
        return PlotArtifact(key, body=obj)
    if _is(obj, "plotly.basedatatypes", "BaseFigure"):
        return PlotlyArtifact(figure=obj, key=key)
    return None


def _is(obj: Any, module: str, name: str) -> bool:
    found = getattr(sys.modules.get(module), name, None)
    return found is not None and isinstance(obj, found)
