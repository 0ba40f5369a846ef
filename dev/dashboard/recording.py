"""A recording of what the operator told at /metrics, moment by moment."""

import json
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

# What Prometheus adds to everything that it scrapes.
_TARGET = {"instance": "operator", "job": "mlrun-operator", "namespace": "mlrun-system"}
_CLOCK = "_timestamp_seconds"
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Recording:
    """Series by their names and labels, a value (or none) for each scrape; `every` are the seconds between two."""

    began: float
    every: int
    series: dict[str, list[float | None]]

    @classmethod
    def of(cls, scrapes: Sequence[str], every: int, began: float = 0.0) -> Self:
        """From the texts. Moments are told from the beginning of the recording on."""
        series: dict[str, list[float | None]] = {}
        for number, text in enumerate(scrapes):
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    values = series.setdefault(_name(sample.name, sample.labels), [None] * len(scrapes))
                    values[number] = sample.value - (began if sample.name.endswith(_CLOCK) else 0)
        return cls(began, every, series)

    @classmethod
    def read(cls, file: Path) -> Self:
        """From a file that `record` wrote."""
        kept = json.loads(file.read_text())
        return cls.of(kept["scrapes"], kept["every"], kept["began"])

    @property
    def length(self) -> int:
        """How many scrapes there are."""
        return max((len(values) for values in self.series.values()), default=0)


def record(url: str, file: Path, minutes: float, every: int = 5) -> None:
    """Scrape for so long and keep it."""
    began, scrapes = time.time(), list[str]()
    while len(scrapes) * every <= minutes * 60:
        time.sleep(max(0.0, began + len(scrapes) * every - time.time()))
        with _direct.open(url, timeout=every) as answer:
            scrapes.append(answer.read().decode())
    file.write_text(json.dumps({"began": began, "every": every, "scrapes": scrapes}))


def _name(name: str, labels: dict[str, str]) -> str:
    """As Prometheus has it: an empty label is none."""
    said = {key: value for key, value in {**labels, **_TARGET}.items() if value}
    return name + "{" + ", ".join(f"{key}={json.dumps(value)}" for key, value in said.items()) + "}"
