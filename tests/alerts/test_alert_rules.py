"""The alert rules, by Prometheus' own tool: they are well-formed, and each fires when it should and not otherwise."""

import subprocess
from pathlib import Path

import yaml

from docgen.alerts_page import RULES, rules

CASES = Path(__file__).parent / "rules.yaml"


def promtool_says(promtool: Path, *arguments: str) -> str:
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_well_formed(promtool: Path) -> None:
    said = promtool_says(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert f"SUCCESS: {len(rules())} rules found" in said


def test_each_alert_fires_when_it_should_and_not_otherwise(promtool: Path) -> None:
    promtool_says(promtool, "test", "rules", str(CASES))


def test_of_each_alert_it_is_tested_that_it_fires() -> None:
    tests = yaml.safe_load(CASES.read_text())["tests"]
    firing = {
        sample["labels"].split('alertname="')[1].split('"')[0]
        for test in tests
        for case in test["promql_expr_test"]
        for sample in case["exp_samples"]
        if sample["labels"].startswith("ALERTS")
    }
    assert firing == {rule["alert"] for rule in rules() if "alert" in rule}
