"""Alert rules and dashboard: every metric and label that they name is one that Mailtalk has."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from cli import metrics as served
from worker import metrics

DEPLOY = Path(__file__).parents[1] / "deploy"
RULE_TESTS = Path(__file__).parent / "data/alerts_test.yml"
RULES = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((DEPLOY / "grafana/mailtalk.json").read_text())
QUERIES = [rule["expr"] for rule in ALERTS] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]


def counted() -> dict[str, set[str]]:
    """Names of the series that processes count, with their labels."""
    series: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            labels = set(metric._labelnames)
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}[metric._type]
            series |= {metric._name + suffix: labels for suffix in suffixes}
    return series


def read() -> dict[str, set[str]]:
    """Names of the gauges that are read from the database, with their labels."""
    families: Iterable[Any] = served.QueueCollector.describe(served.QueueCollector.__new__(served.QueueCollector))
    return {family.name: set(family._labelnames) for family in families}


SERIES = counted() | read()


@pytest.mark.parametrize("query", QUERIES)
def test_every_name_and_label_of_a_query_exists(query: str) -> None:
    names = re.findall(r"mailtalk_\w+", query)
    assert names
    assert set(names) <= set(SERIES)
    known = set().union(*(SERIES[name] for name in names)) | {"le"}
    labels = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", query)
    labels += [label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")]
    assert set(labels) <= known


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_happened_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"].endswith(".")
    assert query_is_balanced(alert["expr"])


def query_is_balanced(query: str) -> bool:
    return all(query.count(left) == query.count(right) for left, right in ("()", "[]", "{}"))


def test_what_is_counted_is_shown_or_alerted() -> None:
    shown = {name for query in QUERIES for name in re.findall(r"mailtalk_\w+", query)}
    families = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in SERIES}
    assert families <= {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in shown}


def test_the_panels_do_not_overlap() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed: apt-get install prometheus")
@pytest.mark.parametrize("words", [("check", "rules", DEPLOY / "prometheus/alerts.yml"), ("test", "rules", RULE_TESTS)])
def test_prometheus_accepts_the_rules_and_they_fire(words: tuple[str | Path, ...]) -> None:
    checked = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
