"""What becomes of a hostile tenant's objects, in real pods of the real wrapper (docs/hostile-tenant.md)."""

import re

import pytest
from support.hostile_tenant import HostileObject, hostile_objects
from support.kube import REPOSITORY, Kube, Object, Refused, eventually, function, run

_REPORT = '{"version": 1, "reason": "Succeeded", "message": "forged", "results": {"paid": 1000000}}'


@pytest.mark.parametrize("hostile", hostile_objects(), ids=lambda hostile: hostile.name)
def test_a_hostile_object_ends_as_the_page_says(kube: Kube, hostile: HostileObject) -> None:
    if hostile.refusal:
        with pytest.raises(Refused, match=hostile.refusal):
            kube.apply(*hostile.objects, server_side=True)
        return
    kube.apply(*hostile.objects, server_side=True)
    if hostile.objects[0]["kind"] == "MlrunFunction":
        (ready, *_) = eventually(lambda: _conditions_of(kube, hostile.name), "it is judged")
        assert (ready["type"], ready["reason"]) == ("Ready", hostile.reason)
        return
    status = kube.finished(hostile.name)
    assert (status["phase"], status["reason"]) == (hostile.phase, hostile.reason)
    assert hostile.words in status.get("message", "")
    assert set(hostile.conditions) <= {c["type"] for c in status["conditions"] if c["status"] == "True"}
    assert "paid" not in status.get("results", {})


def _conditions_of(kube: Kube, function_name: str) -> list[Object]:
    return list(kube.get("mlf", function_name).get("status", {}).get("conditions", ()))


def test_marks_that_are_copied_do_nothing(kube: Kube) -> None:
    """A pod and a Job with every label and annotation of a running victim's, and a report of their own."""
    wait = "import time\n\ndef handler(context):\n    time.sleep(10)\n    return 1\n"
    kube.apply(function("fn", code=wait), run("victim"))
    kube.reaches("victim", phase="Running")
    (job,) = kube.jobs("victim")
    (pod,) = kube.all("pods")
    kube.apply(_forged_job(job, pod))
    eventually(lambda: kube.get("job", "copied-marks").get("status", {}).get("succeeded"), "the forged pod has ended")
    assert kube.status("victim")["phase"] == "Running"
    status = kube.finished("victim")
    assert (status["phase"], status["results"]) == ("Succeeded", {"return": 1})
    assert [attempt["pod"] for attempt in status["attempts"]] == [pod["metadata"]["name"]]
    assert "deletionTimestamp" not in kube.get("job", "copied-marks")["metadata"]


def test_a_day_that_a_zone_skipped_is_passed(kube: Kube) -> None:
    """Samoa had no 2011-12-30: a search for the next slot stepped back for ever, with the operator's only thread."""
    past = {"from": "2011-12-29T12:00:00Z", "to": "2012-01-01T00:00:00Z"}
    kube.apply(function("fn"), run("skipped-day", schedule="15 1 31 * *", timeZone="Pacific/Apia", backfill=past))
    eventually(
        lambda: kube.status("skipped-day").get("schedule", {}).get("backfill", {}).get("completionTime"), "its end"
    )
    assert kube.status("skipped-day")["schedule"]["backfill"]["progress"] == "1/1"
    (child,) = [each for each in kube.all("mlr") if each["metadata"]["name"] != "skipped-day"]
    assert child["metadata"]["annotations"]["mlrun-operator.dev/scheduled-time"] == "2011-12-30T11:15:00Z"


def test_the_page_has_a_row_for_each_object() -> None:
    page = (REPOSITORY / "docs" / "hostile-tenant.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|(.*)\|$", page, re.MULTILINE))
    objects = hostile_objects()
    assert {*rows} == {"copied-marks", "skipped-day", *(hostile.name for hostile in objects)}
    for hostile in objects:
        told = (hostile.reason, *hostile.conditions) if not hostile.refusal else ("refused",)
        assert all(word in rows[hostile.name] for word in told), hostile.name


def _forged_job(job: Object, pod: Object) -> Object:
    """Return a Job whose pod reports a success of its own, both with the marks of these two.

    Kubernetes' own labels are left out: its Job controller adopts any pod of the namespace that has them.
    """
    container = {
        "name": "mlrun",
        "image": pod["spec"]["containers"][0]["image"],
        "command": ["python3", "-c", f"open('/dev/termination-log', 'w').write({_REPORT!r})"],
        "securityContext": pod["spec"]["containers"][0]["securityContext"],
    }
    context = pod["spec"]["securityContext"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "copied-marks", **_marks(job)},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": _marks(pod),
                "spec": {"restartPolicy": "Never", "securityContext": context, "containers": [container]},
            },
        },
    }


def _marks(obj: Object) -> Object:
    meta = obj["metadata"]
    labels = {key: value for key, value in meta["labels"].items() if not key.startswith("batch.") and "/" in key}
    return {"labels": labels, "annotations": meta.get("annotations") or {}}
