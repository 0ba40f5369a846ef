"""Why a run is where it is: a closed list, each reason with what happened, what to do, and whether it is retried.

The wrapper's reasons are its exit codes; the operator compiles those that cannot get better by themselves into the
Job's podFailurePolicy.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """The machine-readable cause in `status.reason`, in conditions and in events."""

    # A life without trouble.
    CREATED = "Created"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    SUSPENDED = "Suspended"
    QUEUED = "Queued"
    COLLECTING = "Collecting"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    RESTORED = "Restored"
    SCHEDULED = "Scheduled"
    REPLACED = "Replaced"
    SUPERSEDED = "Superseded"
    JOB_SUSPENDED = "JobSuspended"
    STOP_AFTER_REACHED = "StopAfterReached"
    # Given by the wrapper.
    HANDLER_FAILED = "HandlerFailed"
    INVALID_RUN = "InvalidRun"
    OUTPUT_MISSING = "OutputMissing"
    OUTPUT_INVALID = "OutputInvalid"
    SOURCE_NOT_FOUND = "SourceNotFound"
    INPUT_NOT_FOUND = "InputNotFound"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    INPUT_UNAVAILABLE = "InputUnavailable"
    STORE_UNAVAILABLE = "StoreUnavailable"
    WRAPPER_ERROR = "WrapperError"
    PERMISSION_DENIED = "PermissionDenied"
    STORE_CREDENTIALS_MISSING = "StoreCredentialsMissing"
    REQUIREMENTS_FAILED = "RequirementsFailed"
    TERMINATED = "Terminated"
    SKIPPED = "Skipped"
    # Seen by the operator.
    ENVELOPE_TOO_LARGE = "EnvelopeTooLarge"
    FUNCTION_MISSING = "FunctionMissing"
    NAME_CONFLICT = "NameConflict"
    JOB_DELETED = "JobDeleted"
    IMAGE_PULL = "ImagePull"
    UNSCHEDULABLE = "Unschedulable"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, not a secret
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    POD_FAILING = "PodFailing"
    VOLUME_MISSING = "VolumeMissing"
    VOLUME_UNSUPPORTED = "VolumeUnsupported"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    PENDING_DEADLINE_EXCEEDED = "PendingDeadlineExceeded"
    OOM_KILLED = "OOMKilled"
    EVICTED = "Evicted"
    QUOTA_EXCEEDED = "QuotaExceeded"
    ADMISSION_DENIED = "AdmissionDenied"


# Those of a life without trouble: with them no execution fails.
HEALTHY: Final = frozenset(
    {
        *(Reason.CREATED, Reason.RUNNING, Reason.SUCCEEDED, Reason.SUSPENDED, Reason.QUEUED, Reason.STOPPING),
        *(Reason.STOPPED, Reason.RESTORED, Reason.SCHEDULED, Reason.REPLACED, Reason.STOP_AFTER_REACHED),
        *(Reason.COLLECTING, Reason.SKIPPED, Reason.SUPERSEDED, Reason.JOB_SUSPENDED),
    }
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reason means to a person, and to the Job.

    `exit_code` is the wrapper's, None where only the operator can tell. `retried` counts within `backoffLimit`.
    """

    happened: str
    todo: str
    exit_code: int | None = None
    retried: bool = False


EXPLANATIONS: Final[dict[Reason, Explanation]] = {
    Reason.CREATED: Explanation("The Job was created; its pod has not started.", "Wait."),
    Reason.RUNNING: Explanation("The pod is running.", "Wait, or follow its log."),
    Reason.SUCCEEDED: Explanation("The handler returned and everything it produced is stored.", "Nothing.", 0),
    Reason.SKIPPED: Explanation(
        "The sweep had come to its end before this point started.", "Nothing; the run's message says what ended it.", 0
    ),
    Reason.SUSPENDED: Explanation("The run is suspended by `spec.suspend`.", "Set `spec.suspend` to false to go on."),
    Reason.QUEUED: Explanation("The run waits for its turn in a queue.", "Wait, or look at the queue."),
    Reason.COLLECTING: Explanation("The points of the sweep have ended; their results are put together.", "Wait."),
    Reason.STOPPING: Explanation("The run was told to stop; its pod stores what it has.", "Wait."),
    Reason.SUPERSEDED: Explanation(
        "The run, its function or its schedule was changed before a pod could start; the change runs instead.", "Wait."
    ),
    Reason.JOB_SUSPENDED: Explanation(
        "Somebody else suspended the Job, so that it makes no pods.",
        "Set `spec.suspend` of the Job to false; `kubectl get job NAME -o yaml --show-managed-fields` tells who did.",
    ),
    Reason.STOPPED: Explanation(
        "The run was stopped by `spec.stop`.", "Remove `spec.stop` and set `spec.rerun` to a new value to run again."
    ),
    Reason.RESTORED: Explanation(
        "The run came back from a backup without its status, and is not run again by that.",
        "Set `spec.rerun` to a new value to run it.",
    ),
    Reason.SCHEDULED: Explanation(
        "The schedule is set up; each firing is a run of its own.", "Wait for the next slot."
    ),
    Reason.REPLACED: Explanation(
        "The schedule's next firing replaced this run, by `concurrencyPolicy: Replace`.",
        "Use Forbid or Allow if it should have ended by itself.",
    ),
    Reason.STOP_AFTER_REACHED: Explanation(
        "The schedule has had as many ends as `spec.stopAfter` names.", "Raise the number to go on with it."
    ),
    Reason.HANDLER_FAILED: Explanation(
        "The function's own code raised an exception or exited with a code other than 0.",
        "Read the traceback at the end of the log, mend the code and run it again.",
        1,
        retried=True,
    ),
    Reason.INVALID_RUN: Explanation(
        "The run cannot be executed as it is written.", "Change the field that the message names.", 64
    ),
    Reason.OUTPUT_MISSING: Explanation(
        "The function ended without producing an output that the run maps; what it did produce is stored.",
        "Return or log the output under that name, or map one that the message lists.",
        65,
    ),
    Reason.OUTPUT_INVALID: Explanation(
        "mlrun could not pack an output.", "Change the type that the handler returns, or the type in `returns`.", 65
    ),
    Reason.SOURCE_NOT_FOUND: Explanation(
        "The function's source does not exist where it should be.", "Correct the source's URI.", 66
    ),
    Reason.INPUT_NOT_FOUND: Explanation(
        "An input does not exist where it should be.", "Correct the input's path or key.", 66
    ),
    Reason.SOURCE_UNAVAILABLE: Explanation(
        "The server of the function's source did not answer as it should, after several tries.",
        "Check the server and the network from the cluster to it; `backoffLimit` tries again later.",
        69,
        retried=True,
    ),
    Reason.INPUT_UNAVAILABLE: Explanation(
        "The server of an input did not answer as it should, after several tries.",
        "Check the server and the network from the cluster to it; `backoffLimit` tries again later.",
        69,
        retried=True,
    ),
    Reason.STORE_UNAVAILABLE: Explanation(
        "The artifact store did not answer as it should, after several tries.",
        "Check the store's endpoint in the operator's settings and that it is reachable from the cluster.",
        75,
        retried=True,
    ),
    Reason.WRAPPER_ERROR: Explanation(
        "The wrapper itself failed or ended without a report.",
        "Read the end of the pod's log; if it is not the function's doing, please report a bug.",
        70,
        retried=True,
    ),
    Reason.PERMISSION_DENIED: Explanation(
        "A server refused the credentials (401 or 403).", "Give the run credentials that may read it.", 77
    ),
    Reason.STORE_CREDENTIALS_MISSING: Explanation(
        "The artifact store needs credentials and the run's namespace has none.",
        "Give the namespace the keys of the store: `mlrunctl store enable -n NAMESPACE`.",
        77,
    ),
    Reason.REQUIREMENTS_FAILED: Explanation(
        "pip could not install the function's requirements.",
        "Read pip's lines in the log; correct `requirements`, or the index that the operator's settings name.",
        78,
    ),
    Reason.TERMINATED: Explanation(
        "The pod was told to end (SIGTERM) before the handler had returned.",
        "Look for a stop, a deadline or a drained node; `backoffLimit` tries again.",
        143,
        retried=True,
    ),
    Reason.ENVELOPE_TOO_LARGE: Explanation(
        "Code and parameters together are too large for a pod's annotations.",
        "Move the code to a URL, or the large parameter to an input.",
    ),
    Reason.FUNCTION_MISSING: Explanation(
        "The MlrunFunction that the run refers to does not exist in its namespace.",
        "Apply the function; the run starts when it appears.",
    ),
    Reason.NAME_CONFLICT: Explanation(
        "A Job of the name that this execution needs exists and does not belong to this run.",
        "Delete or rename that Job; the run starts then.",
    ),
    Reason.JOB_DELETED: Explanation(
        "The Job was deleted before its end was recorded.", "Set `spec.rerun` to a new value to run again."
    ),
    Reason.IMAGE_PULL: Explanation(
        "The node cannot pull the image.", "Check the image's name, the registry and the pull secrets."
    ),
    Reason.UNSCHEDULABLE: Explanation(
        "No node can take the pod.", "Compare what the pod asks for with what the nodes have."
    ),
    Reason.SECRET_MISSING: Explanation(
        "A Secret that the pod needs does not exist in the run's namespace.", "Create the Secret; the pod starts then."
    ),
    Reason.CONFIG_MAP_MISSING: Explanation(
        "A ConfigMap that the pod needs does not exist in the run's namespace.", "Create it; the pod starts then."
    ),
    Reason.POD_FAILING: Explanation(
        "Something other than the handler keeps the pod from starting, or made it fail.",
        "Read the message, which names the container, the limit or the node's cause, and `kubectl describe pod`.",
        retried=True,
    ),
    Reason.VOLUME_MISSING: Explanation(
        "A volume of the pod cannot be mounted.", "Create the claim or correct the volume that the message names."
    ),
    Reason.VOLUME_UNSUPPORTED: Explanation(
        "The cluster does not know this kind of volume.", "Use another kind, or a newer cluster."
    ),
    Reason.DEADLINE_EXCEEDED: Explanation(
        "The run took longer than `activeDeadlineSeconds`.", "Raise the deadline, or give the run less to do."
    ),
    Reason.PENDING_DEADLINE_EXCEEDED: Explanation(
        "No pod could start within `pendingDeadlineSeconds`.", "Mend what the message names and set `spec.rerun`."
    ),
    Reason.OOM_KILLED: Explanation(
        "The pod used more memory than its limit and was killed.",
        "Raise the memory limit or read the data in pieces.",
        137,
        retried=True,
    ),
    Reason.EVICTED: Explanation(
        "The cluster disrupted the pod: its node was drained or short of something, or another pod needed the place.",
        "Look at the nodes' conditions. A new pod starts without costing a retry, as often as `maxDisruptions` says.",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "A quota of the namespace refuses the Job.", "Free the quota or ask for a larger one; it is tried again."
    ),
    Reason.ADMISSION_DENIED: Explanation(
        "A policy of the cluster refuses the Job.", "Read the policy's message; it is tried again."
    ),
}

# HandlerFailed where the run's `nonRetryable` names the failure.
HANDLER_FAILED_FOR_GOOD: Final = 2
# The exit codes that no retry mends: they end a plain Job at once.
FINAL_EXIT_CODES: Final = tuple(
    sorted({HANDLER_FAILED_FOR_GOOD, *(e.exit_code for e in EXPLANATIONS.values() if e.exit_code and not e.retried)})
)


def explain(reason: Reason) -> str:
    """What to do about it, as one sentence."""
    return EXPLANATIONS[reason].todo
