"""Plots: each kind that mlrun knows, opened from the store."""

import base64
import io
import re
from collections.abc import Callable

from PIL import Image
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import StoreInfo
from mlrun_operator.store import open_store

PLOTS = """
    import matplotlib
    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import plotly.express as px
    from mlrun.artifacts import PlotArtifact, PlotlyArtifact

    def drawn():
        figure, axes = plt.subplots(figsize=(4, 3), dpi=100)
        axes.bar(["red", "green"], [3, 5], color=["red", "green"])
        axes.set_title("counts")
        return figure

    def handler(context):
        context.log_artifact(PlotArtifact("matplotlib", body=drawn(), title="My counts"))
        context.log_artifact(PlotlyArtifact(figure=px.bar(x=["a", "b"], y=[3, 5]), key="plotly"))
        drawn().savefig("bars.png")
        context.log_artifact("png", local_path="bars.png")
        context.log_artifact("page", body=b"<h1>counts</h1>", format="html")
        return drawn(), px.line(x=[1, 2], y=[3, 4]), drawn().axes[0]
"""


def test_each_kind_of_plot_can_be_opened_from_the_store(run: Callable[..., Ended], s3_store: StoreInfo) -> None:
    ended = run(envelope(PLOTS, store=s3_store, returns=["figure: plot", "line", "axes"]))

    assert ended.code == 0, ended.log
    store = open_store(s3_store)
    outputs = ended.result.outputs
    assert set(outputs) == {"matplotlib", "plotly", "png", "page", "figure", "line", "axes"}
    data = {name: store.read(output.path.removeprefix(f"{s3_store.root}/")) for name, output in outputs.items()}
    for name in ("matplotlib", "plotly", "page", "figure", "line", "axes"):
        assert outputs[name].path.endswith(".html"), outputs[name].path
    assert outputs["png"].path.endswith(".png")
    for image in (data["png"], *(inner_png(data[name]) for name in ("matplotlib", "figure", "axes"))):
        assert is_the_bar_chart(image)
    assert b"My counts" in data["matplotlib"]
    for name in ("plotly", "line"):
        assert b"Plotly.newPlot(" in data[name]
        assert b'"type":"bar"' in data[name] or b'"type":"scatter"' in data[name]
    assert data["page"] == b"<h1>counts</h1>"


def inner_png(page: bytes) -> bytes:
    """The picture in the page that mlrun makes of a matplotlib figure."""
    found = re.search(rb"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    assert found is not None
    return base64.b64decode(found[1])


def is_the_bar_chart(data: bytes) -> bool:
    """Whether it holds a red and a taller green bar."""
    with Image.open(io.BytesIO(data)) as image:
        colours = {colour: count for count, colour in image.convert("RGB").getcolors(1 << 24)}
    return 1000 < colours[255, 0, 0] < colours[0, 128, 0]
