"""The closed list of reasons for a run's phase, each with an explanation, a remedy, and whether it is retried.

The wrapper's exit codes stand for its reasons. Those that no retry can fix are in the podFailurePolicy of the Job.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """The machine-readable cause in `status.reason`, conditions and events."""

    # A run without failures.
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
    # Reported by the wrapper.
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
    # Found by the operator.
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


# The reasons of runs without failures: no execution fails with them.
HEALTHY: Final = frozenset(
    {
        *(Reason.CREATED, Reason.RUNNING, Reason.SUCCEEDED, Reason.SUSPENDED, Reason.QUEUED, Reason.STOPPING),
        *(Reason.STOPPED, Reason.RESTORED, Reason.SCHEDULED, Reason.REPLACED, Reason.STOP_AFTER_REACHED),
        *(Reason.COLLECTING, Reason.SKIPPED, Reason.SUPERSEDED, Reason.JOB_SUSPENDED),
    }
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The meaning of a reason for people and for the Job.

    `exit_code` is the wrapper's; None if only the operator finds the reason. `retried` counts against `backoffLimit`.
    """

    happened: str
    todo: str
    exit_code: int | None = None
    retried: bool = False


EXPLANATIONS: Final[dict[Reason, Explanation]] = {
    Reason.CREATED: Explanation("The Job was created, but its pod has not started.", "Wait."),
    Reason.RUNNING: Explanation("The pod is running.", "Wait, or follow the log."),
    Reason.SUCCEEDED: Explanation("The handler returned, and all of its outputs are stored.", "Nothing.", 0),
    Reason.SKIPPED: Explanation(
        "The sweep ended before this point started.", "Nothing; the message of the run says why the sweep ended.", 0
    ),
    Reason.SUSPENDED: Explanation(
        "The run is suspended by `spec.suspend`.", "Set `spec.suspend` to false to continue."
    ),
    Reason.QUEUED: Explanation("The run waits in a queue.", "Wait, or check the queue."),
    Reason.COLLECTING: Explanation("The points of the sweep have ended; their results are being collected.", "Wait."),
    Reason.STOPPING: Explanation("The run is being stopped; its pod stores partial results.", "Wait."),
    Reason.SUPERSEDED: Explanation(
        "The run, its function or its schedule changed before a pod started; the new version runs instead.", "Wait."
    ),
    Reason.JOB_SUSPENDED: Explanation(
        "Another client suspended the Job, so that it creates no pods.",
        "`kubectl get job NAME -o yaml --show-managed-fields` shows who did. Set `spec.suspend` of the Job to false.",
    ),
    Reason.STOPPED: Explanation(
        "The run was stopped by `spec.stop`.", "Remove `spec.stop` and set `spec.rerun` to a new value to run again."
    ),
    Reason.RESTORED: Explanation(
        "The run was restored from a backup without its status, so it does not run again.",
        "Set `spec.rerun` to a new value to run it.",
    ),
    Reason.SCHEDULED: Explanation(
        "The schedule is active; each firing creates its own run.", "Wait for the next slot."
    ),
    Reason.REPLACED: Explanation(
        "The schedule's next firing replaced this run, by `concurrencyPolicy: Replace`.",
        "Use Forbid or Allow to let runs finish.",
    ),
    Reason.STOP_AFTER_REACHED: Explanation(
        "The schedule has had the number of successes or failures in `spec.stopAfter`.",
        "Increase the number to continue.",
    ),
    Reason.HANDLER_FAILED: Explanation(
        "The function's code raised an exception, or exited with a code other than 0.",
        "Read the traceback at the end of the log, fix the code and run it again.",
        1,
        retried=True,
    ),
    Reason.INVALID_RUN: Explanation("The run's spec is invalid.", "Change the field that is named.", 64),
    Reason.OUTPUT_MISSING: Explanation(
        "The function did not produce an output that the run maps. Its other outputs are stored.",
        "Return or log the output under that name, or map an output that is listed.",
        65,
    ),
    Reason.OUTPUT_INVALID: Explanation(
        "mlrun could not store an output in the requested type.",
        "Change the type that the handler returns, or the type in `returns`.",
        65,
    ),
    Reason.SOURCE_NOT_FOUND: Explanation("The function's source does not exist.", "Correct the URI of the source.", 66),
    Reason.INPUT_NOT_FOUND: Explanation("An input does not exist.", "Correct the path or key of the input.", 66),
    Reason.SOURCE_UNAVAILABLE: Explanation(
        "The server of the function's source did not respond correctly, after several attempts.",
        "Check the server and the network between the cluster and it. `backoffLimit` allows retries.",
        69,
        retried=True,
    ),
    Reason.INPUT_UNAVAILABLE: Explanation(
        "The server of an input did not respond correctly, after several attempts.",
        "Check the server and the network between the cluster and it. `backoffLimit` allows retries.",
        69,
        retried=True,
    ),
    Reason.STORE_UNAVAILABLE: Explanation(
        "The artifact store did not respond correctly, after several attempts.",
        "Check the store's endpoint in the operator's settings, and that the cluster can reach it.",
        75,
        retried=True,
    ),
    Reason.WRAPPER_ERROR: Explanation(
        "The wrapper itself failed or ended without a report.",
        "Read the end of the pod's log. If the function did not cause it, please report a bug.",
        70,
        retried=True,
    ),
    Reason.PERMISSION_DENIED: Explanation(
        "A server refused the credentials (401 or 403).", "Give the run credentials with read access.", 77
    ),
    Reason.STORE_CREDENTIALS_MISSING: Explanation(
        "The artifact store needs credentials, but the run's namespace has none.",
        "Add the keys of the store to the namespace: `mlrunctl store enable -n NAMESPACE`.",
        77,
    ),
    Reason.REQUIREMENTS_FAILED: Explanation(
        "pip could not install the function's requirements.",
        "Read pip's output in the log; correct `requirements`, or the package index in the operator's settings.",
        78,
    ),
    Reason.TERMINATED: Explanation(
        "The pod was terminated (SIGTERM) before the handler returned.",
        "Check for a stop, a deadline or a drained node. `backoffLimit` allows retries.",
        143,
        retried=True,
    ),
    Reason.ENVELOPE_TOO_LARGE: Explanation(
        "The code and the parameters are too large for a pod's annotations.",
        "Move the code to a URL, or a large parameter to an input.",
    ),
    Reason.FUNCTION_MISSING: Explanation(
        "The MlrunFunction that the run refers to does not exist in its namespace.",
        "Create the function; the run starts then.",
    ),
    Reason.NAME_CONFLICT: Explanation(
        "A Job with the name that this execution needs exists, but belongs to something else.",
        "Delete or rename that Job; the run starts then.",
    ),
    Reason.JOB_DELETED: Explanation(
        "The Job was deleted before its result was recorded.", "Set `spec.rerun` to a new value to run again."
    ),
    Reason.IMAGE_PULL: Explanation(
        "The node cannot pull the image.", "Check the image name, the registry and the pull Secrets."
    ),
    Reason.UNSCHEDULABLE: Explanation(
        "No node can run the pod.", "Compare the pod's requests with the capacity of the nodes."
    ),
    Reason.SECRET_MISSING: Explanation(
        "A Secret that the pod needs does not exist in its namespace.", "Create the Secret; the pod starts then."
    ),
    Reason.CONFIG_MAP_MISSING: Explanation(
        "A ConfigMap that the pod needs does not exist in its namespace.", "Create the ConfigMap; the pod starts then."
    ),
    Reason.POD_FAILING: Explanation(
        "The pod cannot start or failed, for a reason other than the handler.",
        "Correct what is named: the container, the limit or the node. `kubectl describe pod` shows more.",
        retried=True,
    ),
    Reason.VOLUME_MISSING: Explanation(
        "A volume of the pod cannot be mounted.", "Create the claim, or correct the volume that is named."
    ),
    Reason.VOLUME_UNSUPPORTED: Explanation(
        "The cluster does not support this kind of volume.", "Use another kind of volume, or a newer cluster."
    ),
    Reason.DEADLINE_EXCEEDED: Explanation(
        "The run took longer than `activeDeadlineSeconds`.", "Increase the deadline, or reduce the work of the run."
    ),
    Reason.PENDING_DEADLINE_EXCEEDED: Explanation(
        "No pod started within `pendingDeadlineSeconds`.", "Mend the cause that is named, and set `spec.rerun`."
    ),
    Reason.OOM_KILLED: Explanation(
        "The pod used more memory than its limit and was killed.",
        "Increase the memory limit, or read the data in chunks.",
        137,
        retried=True,
    ),
    Reason.EVICTED: Explanation(
        "The cluster evicted the pod: its node was drained or short of resources, or another pod preempted it.",
        "Check the nodes' conditions. Up to `maxDisruptions` times, a new pod starts without counting as a retry.",
    ),
    Reason.QUOTA_EXCEEDED: Explanation(
        "A quota of the namespace refuses the Job.",
        "Free the quota, or request a larger one. The operator tries again.",
    ),
    Reason.ADMISSION_DENIED: Explanation(
        "A policy of the cluster refuses the Job.", "Change what the policy objects to. The operator tries again."
    ),
}

# HandlerFailed for a failure that the run's `nonRetryable` names.
HANDLER_FAILED_FOR_GOOD: Final = 2
# The exit codes of a process that was ended from outside, whatever it had reported.
_KILLED: Final = 137
_TOLD_TO_END: Final = 143
# The exit codes that no retry can fix. They end a Job at once, except an Indexed Job.
FINAL_EXIT_CODES: Final = tuple(
    sorted({HANDLER_FAILED_FOR_GOOD, *(e.exit_code for e in EXPLANATIONS.values() if e.exit_code and not e.retried)})
)


def known_reason(text: object) -> Reason | None:
    """Return the reason of this text; None for one of another version, or for none."""
    try:
        return Reason(str(text))
    except ValueError:
        return None


def explain(reason: Reason) -> str:
    """Return the remedy for a reason, as one sentence."""
    return EXPLANATIONS[reason].todo


def contradicts(reason: Reason, exit_code: int | None) -> bool:
    """Return whether a wrapper that reports this reason never ends with this exit code, which is one of its own.

    Any other code is that of a process that was killed after its report.
    """
    own = EXPLANATIONS[reason].exit_code or EXPLANATIONS[Reason.WRAPPER_ERROR].exit_code
    codes = (own, HANDLER_FAILED_FOR_GOOD) if reason is Reason.HANDLER_FAILED else (own,)
    return exit_code in _WRAPPER_CODES and exit_code not in codes


_WRAPPER_CODES: Final = frozenset(
    {HANDLER_FAILED_FOR_GOOD, *(e.exit_code for e in EXPLANATIONS.values())} - {None, _KILLED, _TOLD_TO_END}
)
