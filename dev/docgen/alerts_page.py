"""The page of the alerts, from the rules that the chart ships."""

from collections.abc import Iterator
from typing import Any

import yaml

from devcluster import paths
from docgen.markdown import code, page, table

RULES = paths.REPOSITORY / "charts" / "mlrun-operator" / "files" / "rules.yaml"
Rule = dict[str, Any]


def rules() -> list[Rule]:
    """Every rule of the file."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts_page() -> str:
    """The page."""
    alerts = [rule for rule in rules() if "alert" in rule]
    recorded = [(code(rule["record"]), code(rule["expr"])) for rule in rules() if "record" in rule]
    return page(
        "Alerts",
        "The rules of `charts/mlrun-operator/files/rules.yaml`: the chart makes a PrometheusRule of them with "
        "`metrics.prometheusRule.enabled`; without the Prometheus Operator the file goes into `rule_files` as it is. "
        "`mlrun-system` stands for the operator's namespace.",
        table(("Alert", "Severity", "After"), [(_link(a), a["labels"]["severity"], a.get("for", "")) for a in alerts]),
        *(block for alert in alerts for block in _alert(alert)),
        "## Recorded",
        table(("Series", "Expression"), recorded),
    )


def _alert(alert: Rule) -> Iterator[str]:
    said = alert["annotations"]
    yield f"## {alert['alert']}"
    yield said["description"]
    yield f"    {' '.join(alert['expr'].split())}"
    yield f"**What to do.** {said['runbook']}"


def _link(alert: Rule) -> str:
    return f"[{alert['alert']}](#{alert['alert'].lower()})"
