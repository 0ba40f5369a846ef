"""The operator does not start where the cluster's CRDs are older than it; a server at the wire plays the API server."""

import copy
from typing import Any

import pytest
from aiohttp import web
from support.kubeapi import discovery
from support.wire import port_to

from mlrun_operator.api import constants
from mlrun_operator.controller.crd_check import missing_status_fields
from mlrun_operator.controller.startup import StartError, check_cluster
from mlrun_operator.schema.crds import function_crd, run_crd

Object = dict[str, Any]


def document() -> Object:
    """What an API server with this version's CRDs serves at /openapi/v3/apis/…."""
    schemas = {}
    for crd in (run_crd(), function_crd()):
        kind, version = crd["spec"]["names"]["kind"], crd["spec"]["versions"][0]
        names = [{"group": constants.GROUP, "kind": kind, "version": version["name"]}]
        schema = {**version["schema"]["openAPIV3Schema"], "x-kubernetes-group-version-kind": names}
        schemas[f"dev.mlrun-operator.v1alpha1.{kind}"] = schema
        schemas[f"dev.mlrun-operator.v1alpha1.{kind}List"] = {"type": "object"}
    return copy.deepcopy({"openapi": "3.0.0", "components": {"schemas": schemas}})


def status_of(openapi: Object, kind: str = constants.RUN_KIND) -> Object:
    schema: Object = openapi["components"]["schemas"][f"dev.mlrun-operator.v1alpha1.{kind}"]
    properties: Object = schema["properties"]["status"]["properties"]
    return properties


def test_this_version_s_crds_lack_nothing() -> None:
    assert missing_status_fields(document()) == []


def test_a_lacking_field_is_named_by_its_path() -> None:
    openapi = document()
    del status_of(openapi)["jobName"]
    del status_of(openapi, constants.FUNCTION_KIND)["digest"]
    assert missing_status_fields(openapi) == ["MlrunRun lacks status.jobName", "MlrunFunction lacks status.digest"]


@pytest.mark.parametrize(
    ("parent", "inside", "field", "path"),
    [
        ("execution", ("properties",), "hash", "status.execution.hash"),
        ("attempts", ("items", "properties"), "exitCode", "status.attempts[].exitCode"),
        ("outputs", ("additionalProperties", "properties"), "key", "status.outputs.*.key"),
        ("schedule", ("properties", "backfill", "properties"), "from", "status.schedule.backfill.from"),
    ],
)
def test_fields_are_compared_at_every_level(parent: str, inside: tuple[str, ...], field: str, path: str) -> None:
    openapi = document()
    properties = status_of(openapi)[parent]
    for name in inside:
        properties = properties[name]
    del properties[field]
    assert missing_status_fields(openapi) == [f"MlrunRun lacks {path}"]


def test_of_a_lacking_object_only_its_own_path_is_named() -> None:
    openapi = document()
    del status_of(openapi)["execution"]
    assert missing_status_fields(openapi) == ["MlrunRun lacks status.execution"]


def test_what_keeps_unknown_fields_lacks_none() -> None:
    openapi = document()
    status_of(openapi)["execution"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert missing_status_fields(openapi) == []


@pytest.mark.parametrize(
    "openapi", [{}, {"components": {}}, {"components": {"schemas": {"other": {"type": "object"}}}}]
)
def test_a_document_without_our_kinds_says_nothing(openapi: Object) -> None:
    assert missing_status_fields(openapi) == []


class ApiServer:
    def __init__(self, *documents: Object | int) -> None:
        self.documents = list(documents)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not request.path.startswith("/openapi"):
            return web.json_response(discovery(request.path))
        served = self.documents.pop(0) if len(self.documents) > 1 else self.documents[0]
        return web.json_response({}, status=served) if isinstance(served, int) else web.json_response(served)


def old_document() -> Object:
    openapi = document()
    for field in ("hash", "number"):
        del status_of(openapi)["execution"]["properties"][field]
    return openapi


async def test_an_older_crd_is_told_in_one_line() -> None:
    async with port_to(ApiServer(old_document()).answer) as cluster:
        with pytest.raises(StartError) as caught:
            await check_cluster(cluster, pause_seconds=0)
    assert str(caught.value) == (
        "the CRD MlrunRun lacks status.execution.number and 1 more field; upgrade the chart mlrun-operator-crds first"
    )


async def test_a_crd_that_was_just_upgraded_is_waited_for() -> None:
    server = ApiServer(old_document(), old_document(), document())
    async with port_to(server.answer) as cluster:
        await check_cluster(cluster, pause_seconds=0)
    assert len(server.documents) == 1


@pytest.mark.parametrize("code", [403, 404, 503])
async def test_a_document_that_cannot_be_read_is_a_warning(code: int, caplog: pytest.LogCaptureFixture) -> None:
    async with port_to(ApiServer(code).answer) as cluster:
        await check_cluster(cluster, pause_seconds=0)
    assert "cannot check the CRDs' fields" in caplog.text
