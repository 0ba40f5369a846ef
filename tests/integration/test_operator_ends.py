"""An operator that is newer than the cluster's CRDs ends at its start, with one line that says what to do."""

import asyncio
import json
from pathlib import Path

from support.faultproxy import fault_proxy
from support.kube import Object
from support.lab import laboratory

OPENAPI = "/openapi/v3/apis/mlrun-operator.dev/v1alpha1"


def without_ending(path: str, body: bytes) -> bytes:
    """The API server's document as it is where the CRD of runs has no status.execution.ending."""
    if path != OPENAPI:
        return body
    document: Object = json.loads(body)
    (schema,) = (s for name, s in document["components"]["schemas"].items() if name.endswith(".MlrunRun"))
    del schema["properties"]["status"]["properties"]["execution"]["properties"]["ending"]
    return json.dumps(document).encode()


async def _start(folder: Path) -> list[str]:
    """Start an operator whose cluster lacks the field; the lines that it has logged at its end."""
    async with laboratory() as lab, fault_proxy(folder) as proxy, lab.world() as world:
        proxy.rewrite = without_ending
        world.go_through(proxy.server, proxy.trust)
        child = await world.start()
        async with asyncio.timeout(60):
            await child.ended()
        return world.log.read_text().splitlines()


def test_a_crd_that_lacks_a_field_ends_the_operator(tmp_path: Path) -> None:
    (line,) = asyncio.run(_start(tmp_path))
    assert "the CRD MlrunRun lacks status.execution.ending; upgrade the chart mlrun-operator-crds first" in line
