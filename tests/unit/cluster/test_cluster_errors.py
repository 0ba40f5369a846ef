"""What the API server's errors mean."""

import pytest

from mlrun_operator.cluster.errors import ApiError


def of(code: int, reason: str, message: str, kind: str | None = None) -> ApiError:
    return ApiError.of(code, {"reason": reason, "message": message, "details": {"kind": kind} if kind else None}, None)


@pytest.mark.parametrize(
    ("error", "is_gone"),
    [
        (of(404, "NotFound", 'namespaces "team" not found', "namespaces"), True),
        (of(404, "NotFound", 'namespaces "team" not found'), True),
        (of(404, "NotFound", 'mlrunruns.mlrun-operator.dev "list-namespaces" not found', "mlrunruns"), False),
        (of(404, "NotFound", 'mlrunruns.mlrun-operator.dev "list-namespaces" not found'), False),
        (ApiError.of(404, "no such page: /api/v1/namespaces/team/pods", None), False),
        (
            of(
                403,
                "Forbidden",
                'jobs.batch "r-1" is forbidden: unable to create new content in namespace team because it is being '
                "terminated",
                "jobs",
            ),
            True,
        ),
        (of(403, "Forbidden", 'jobs.batch "being terminated" is forbidden: exceeded quota', "jobs"), False),
    ],
)
def test_only_a_missing_namespace_is_gone(error: ApiError, is_gone: bool) -> None:
    assert error.namespace_gone is is_gone
    assert error.refused is (error.code == 403 and not is_gone)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (413, ""),
        (413, "Request entity too large: limit is 3145728"),
        (500, "etcdserver: request is too large"),
        (500, "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2.1 vs. 2 MB)"),
    ],
)
def test_an_object_that_is_too_large_is_refused(code: int, message: str) -> None:
    error = of(code, "", message)
    assert error.too_large
    assert error.refused


def test_an_error_that_only_speaks_of_size_is_not_a_refusal() -> None:
    """A tenant chooses names and values, which messages repeat."""
    quoted = of(422, "Invalid", 'spec.name: "etcdserver: request is too large": too long')
    assert not quoted.too_large
    assert not of(500, "InternalError", "etcdserver: request timed out").too_large
