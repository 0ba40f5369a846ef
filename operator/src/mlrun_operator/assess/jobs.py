"""What our Jobs say of themselves: whose they are, which execution, and how they ended."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlrun_operator.api import constants
from mlrun_operator.api.objects import Object, annotations_of, condition_of, has_condition
from mlrun_operator.api.v1alpha1.run import MAX_REPLICAS
from mlrun_operator.api.v1alpha1.status import Execution, FunctionPin
from mlrun_operator.api.v1alpha1.sweep import MAX_POINTS
from mlrun_operator.assess.times import parse_time

# The reason of a Job that has run longer than its activeDeadlineSeconds.
DEADLINE: Final = "DeadlineExceeded"
# Anybody may edit an annotation: what is read of one must not cost more than a Job of ours can.
_MAX_INDEXES: Final = max(MAX_REPLICAS, MAX_POINTS)
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_GENERATION: Final = re.compile(r"[0-9]{0,18}")
_HASH: Final = re.compile(r"v[0-9]{1,9}-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a Job ended, by its own condition."""

    succeeded: bool
    reason: str
    message: str
    at: datetime | None


def execution_of(job: Object) -> Execution | None:
    """The execution that the Job was made for; None where its annotations are missing or broken."""
    annotations = annotations_of(job)
    number, generation = (
        annotations.get(constants.ANNOTATION_EXECUTION, ""),
        annotations.get(constants.ANNOTATION_GENERATION, ""),
    )
    execution_hash = annotations.get(constants.ANNOTATION_HASH, "")
    if not (_COUNT.fullmatch(number) and _GENERATION.fullmatch(generation) and _HASH.fullmatch(execution_hash)):
        return None
    try:
        return Execution(
            number=int(number),
            hash=execution_hash,
            generation=int(generation) if generation else None,
            rerun=annotations.get(constants.ANNOTATION_RERUN),
        )
    except ValueError:
        return None


def function_of(job: Object) -> FunctionPin | None:
    """The function that was pinned when the Job was made."""
    try:
        pin = FunctionPin.model_validate_json(annotations_of(job).get(constants.ANNOTATION_FUNCTION, ""))
    except ValueError:
        return None
    return pin if _GENERATION.fullmatch(str(pin.generation or "")) else None


def end_of(job: Object) -> JobEnd | None:
    """Return the Job's end; None while it may still start or run pods."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            return JobEnd(
                succeeded=condition["type"] == "Complete",
                reason=condition.get("reason", ""),
                message=_end_message(job, condition),
                at=parse_time(condition.get("lastTransitionTime")),
            )
    return None


def deadline_message(job: Object) -> str:
    """Return that the Job has run longer than its deadline, which Kubernetes' own message does not name."""
    seconds = job["spec"].get("activeDeadlineSeconds")
    limit = f"activeDeadlineSeconds ({seconds} s, with all retries)" if seconds else "activeDeadlineSeconds"
    return f"the run took longer than {limit}"


def _end_message(job: Object, condition: Object) -> str:
    is_late = condition["type"] == "Failed" and condition.get("reason") == DEADLINE
    return deadline_message(job) if is_late else str(condition.get("message", ""))


def is_failing(job: Object) -> bool:
    """Whether Kubernetes has decided that the Job fails, and only waits for its pods to end."""
    return has_condition(job, "FailureTarget")


def failing_since(job: Object) -> datetime | None:
    """Return when a deadline ended the Job; None where none did."""
    for kind in ("FailureTarget", "Failed"):
        condition = condition_of(job, kind)
        if condition.get("reason") == DEADLINE:
            return parse_time(condition.get("lastTransitionTime"))
    return None


def has_decided(job: Object) -> bool:
    """Return whether Kubernetes has decided how the Job ends: it makes no pod any more."""
    return any(has_condition(job, kind) for kind in ("FailureTarget", "SuccessCriteriaMet", "Complete", "Failed"))


def resolved_image(job: Object) -> str:
    """The image of the wrapper's container."""
    return next(
        (
            str(container.get("image", ""))
            for container in job["spec"]["template"]["spec"]["containers"]
            if container.get("name") == constants.CONTAINER
        ),
        "",
    )


def lost_volumes(job: Object) -> list[str]:
    """The image volumes that the Job was made with and that the API server did not keep as such."""
    volume_names = (job["metadata"].get("annotations") or {}).get(constants.ANNOTATION_IMAGE_VOLUMES, "")
    volumes = {v["name"]: v for v in job["spec"]["template"]["spec"].get("volumes") or ()}
    return [name for name in volume_names.split(",") if name and "image" not in volumes.get(name, {})]


def overridden_fields(job: Object) -> str | None:
    """Return the fields of the pod template that the platform has overridden, in words; None where there are none."""
    paths = annotations_of(job).get(constants.ANNOTATION_OVERRIDDEN)
    return f"podTemplate: the platform removes or sets {paths}" if paths else None


def requested_image(job: Object) -> str | None:
    """Return the image as the user wrote it."""
    image: str | None = annotations_of(job).get(constants.ANNOTATION_IMAGE_REQUESTED)
    return image


def replicas_of(job: Object) -> int | None:
    """How many replicas the Job has; None for one of a single pod."""
    return _count(annotations_of(job).get(constants.ANNOTATION_REPLICAS))


def points_of(job: Object) -> int | None:
    """How many points of a sweep the Job runs, one an index; None for any other Job."""
    return _count(annotations_of(job).get(constants.ANNOTATION_POINTS))


def _count(text: str | None) -> int | None:
    """Return how many indexes an annotation tells of; None where it holds anything that we would not write."""
    is_ours = text is not None and _COUNT.fullmatch(text) and int(text) <= _MAX_INDEXES
    return int(text) if text and is_ours else None


def collects(job: Object) -> bool:
    """Whether the Job collects what the points of a sweep have left."""
    return constants.ANNOTATION_COLLECTS in (job["metadata"].get("annotations") or {})


def indexes(text: str | None) -> frozenset[int]:
    """The numbers in Kubernetes' compact form of completed and failed indexes: `1,3-5,7`.

    >>> sorted(indexes("1,3-5"))
    [1, 3, 4, 5]
    """
    numbers: set[int] = set()
    for span in (text or "").split(","):
        first, _, last = span.partition("-")
        if _COUNT.fullmatch(first) and _COUNT.fullmatch(last or first):
            numbers.update(range(int(first), min(int(last or first) + 1, _MAX_INDEXES)))
    return frozenset(numbers)


def compact(numbers: Iterable[int]) -> str:
    """Return the numbers in Kubernetes' compact form of completed indexes.

    >>> compact([5, 1, 3, 4])
    '1,3-5'
    """
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
