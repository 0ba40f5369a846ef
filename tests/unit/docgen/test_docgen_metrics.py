"""Rules and dashboard ask only for metrics that there are, by labels that these have."""

import json
import re

import pytest

from dashboard.__main__ import FILE, main
from dashboard.grafana import dashboard
from dashboard.panels import all_panels
from docgen.alerts_page import rules
from mlrun_operator.api.reasons import HEALTHY, Reason
from mlrun_operator.controller.metrics.catalogue import CATALOGUE

ASKED = re.compile(r"\bmlrun_operator_\w+(?:\{([^}]*)\})?")
# What Prometheus itself adds to everything that is scraped.
TARGET = {"namespace", "job", "instance", "pod"}
EXPRESSIONS = [query.expr for panel in all_panels() for query in panel.queries]
EXPRESSIONS += [re.sub(r"\bjob:\w+(:\w+)+", "recorded", str(rule["expr"])) for rule in rules()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_that_is_asked_for_is_told(expression: str) -> None:
    labels = {series: {*metric.labels} for metric in CATALOGUE for series in series_of(metric.name, metric.kind)}
    for asked in ASKED.finditer(expression):
        name = asked[0].partition("{")[0]
        assert name in labels, f"{name} is not in the catalogue"
        wanted = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", asked[1] or "")) - TARGET - {"le"}
        assert wanted <= labels[name], f"{name} has no {wanted - labels[name]}"


def series_of(name: str, kind: str) -> list[str]:
    return [f"{name}{end}" for end in ("_bucket", "_count", "_sum")] if kind == "histogram" else [name]


def test_the_rules_name_reasons_that_there_are() -> None:
    named = {
        reason
        for rule in rules()
        for listed in re.findall(r'reason=~"([^"]*)"', rule["expr"])
        for reason in listed.split("|")
    }
    assert named <= {reason.value for reason in Reason} - HEALTHY


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    for rule in (rule for rule in rules() if "alert" in rule):
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_the_dashboard_in_the_chart_is_current_and_differs_where_it_is_old(tmp_path, capsys, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    assert FILE.read_text() == dashboard()
    monkeypatch.setattr("dashboard.__main__.FILE", tmp_path / "dashboard.json")
    assert main(["--check"]) == 1
    assert "make generate" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_no_panel_lies_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    panels = json.loads(dashboard())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
