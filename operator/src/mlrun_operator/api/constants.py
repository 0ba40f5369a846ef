"""Every name that Kubernetes objects of this project carry, one commented constant each."""

from typing import Final

GROUP: Final = "mlrun-operator.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

FUNCTION_KIND: Final = "MlrunFunction"
RUN_KIND: Final = "MlrunRun"
FUNCTION_PLURAL: Final = "mlrunfunctions"
RUN_PLURAL: Final = "mlrunruns"

# The field manager of every write and the source of every event.
MANAGER: Final = "mlrun-operator"

# On Jobs and pods: marks what the operator made; its watches select on it at the server.
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
# The run, function and project by name, hashed over 63 characters: for people and selectors, never for decisions.
LABEL_RUN: Final = f"{GROUP}/run"
LABEL_FUNCTION: Final = f"{GROUP}/function"
LABEL_PROJECT: Final = f"{GROUP}/project"
# The run's metadata.uid: what code selects by.
LABEL_RUN_UID: Final = f"{GROUP}/run-uid"

# What the operator puts on all that it makes for a run.
OWN_LABELS: Final = (
    LABEL_MANAGED_BY,
    LABEL_COMPONENT,
    LABEL_RUN,
    LABEL_RUN_UID,
    LABEL_FUNCTION,
    LABEL_PROJECT,
)

# On pods: Kubernetes' own, the name of their Job and which replica of an Indexed Job this is.
LABEL_JOB: Final = "batch.kubernetes.io/job-name"
LABEL_INDEX: Final = "batch.kubernetes.io/job-completion-index"
# On pods: Kubernetes' own, the uid of their Job. It stays where the owner reference is taken off (`--cascade=orphan`).
LABEL_JOB_UID: Final = "batch.kubernetes.io/controller-uid"

# On the runs that a schedule made: the schedule's metadata.uid.
LABEL_SCHEDULE_UID: Final = f"{GROUP}/schedule-uid"

# Kueue's: a run's labels and annotations of this prefix are passed to its Job, those about the pods to them, too.
KUEUE_PREFIX: Final = "kueue.x-k8s.io/"
KUEUE_POD_PREFIX: Final = f"{KUEUE_PREFIX}podset-"
# With this label the Job's `suspend` is Kueue's.
LABEL_QUEUE: Final = f"{KUEUE_PREFIX}queue-name"

# On Jobs: which execution this is, and the user's intent it was started for. Status is filled from these.
ANNOTATION_EXECUTION: Final = f"{GROUP}/execution"
ANNOTATION_HASH: Final = f"{GROUP}/execution-hash"
ANNOTATION_GENERATION: Final = f"{GROUP}/run-generation"
ANNOTATION_RERUN: Final = f"{GROUP}/rerun"
# On Jobs: the function as it was pinned when the execution started (compact JSON {name, generation, digest}).
ANNOTATION_FUNCTION: Final = f"{GROUP}/function"
# On Jobs: limits that the operator keeps, as they were when the execution started (compact JSON).
ANNOTATION_LIMITS: Final = f"{GROUP}/limits"
# On Jobs: names of volumes of kind image, which older API servers drop without a word.
ANNOTATION_IMAGE_VOLUMES: Final = f"{GROUP}/image-volumes"
# On Jobs: the image as the user requested it, before rewrite rules.
ANNOTATION_IMAGE_REQUESTED: Final = f"{GROUP}/image-requested"
# On Jobs: how many replicas the execution has.
ANNOTATION_REPLICAS: Final = f"{GROUP}/replicas"
# On Jobs: how many points of a sweep it runs, one an index; and on the Job that collects their results, of which Job.
ANNOTATION_POINTS: Final = f"{GROUP}/points"
ANNOTATION_COLLECTS: Final = f"{GROUP}/collects"
# On Jobs: that their `suspend` is the operator's (the value says for whom), so that it may be taken back.
ANNOTATION_SUSPENDED_BY: Final = f"{GROUP}/suspended-by"
# On Jobs: the run's generation whose limits were patched into the running Job.
ANNOTATION_LIMITS_GENERATION: Final = f"{GROUP}/limits-generation"
# On pods: the container that kubectl shows unless told otherwise.
ANNOTATION_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
# On pods, a condition: the wrapper has reported, and the pod is deleted for another container that runs on. An index of
# an Indexed Job is not tried again then.
CONDITION_REPORTED: Final = f"{GROUP}/Reported"
# On pods: the envelope (see envelope.py), read by the wrapper through the downward API.
ANNOTATION_ENVELOPE: Final = f"{GROUP}/envelope"

# On a CronJob and its Jobs: the schedule's metadata.name.
ANNOTATION_SCHEDULE: Final = f"{GROUP}/schedule"
# On CronJobs: the hash of what was rendered.
ANNOTATION_RENDERED: Final = f"{GROUP}/rendered"
# On CronJobs: the metadata.generation that the operator's last write replaced. A later one than the next is not ours.
ANNOTATION_REPLACED_GENERATION: Final = f"{GROUP}/replaced-generation"
# On the runs that a schedule made: their slot (RFC 3339), the schedule's expression and zone, why they were made, and
# name and uid of a Job that the CronJob controller made for them.
ANNOTATION_SCHEDULED_TIME: Final = f"{GROUP}/scheduled-time"
ANNOTATION_EXPRESSION: Final = f"{GROUP}/schedule-expression"
ANNOTATION_TIME_ZONE: Final = f"{GROUP}/schedule-time-zone"
ANNOTATION_TRIGGER: Final = f"{GROUP}/trigger"
ANNOTATION_JOB_UID: Final = f"{GROUP}/job-uid"

# On runs: came back from a backup without a status; Velero's own label, and one for any other tool.
LABEL_VELERO_RESTORE: Final = "velero.io/restore-name"
ANNOTATION_RESTORED: Final = f"{GROUP}/restored"
# On runs: written by GitOps tools, whose objects are not ours to delete.
GITOPS_MARKS: Final = (
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
)

# On runs: the trace that a run belongs to, in W3C's form; the pods' environment carries it on.
ANNOTATION_TRACE_PARENT: Final = f"{GROUP}/traceparent"
ANNOTATION_TRACE_STATE: Final = f"{GROUP}/tracestate"
ENV_TRACE_PARENT: Final = "TRACEPARENT"
ENV_TRACE_STATE: Final = "TRACESTATE"

# The container that runs the wrapper.
CONTAINER: Final = "mlrun"
# The init container that carries the wrapper into an image that is not ours.
INIT_CONTAINER: Final = "mlrun-wrapper"

# Where the downward API puts the envelope in the pod.
ENVELOPE_DIR: Final = "/etc/mlrun-operator"
ENVELOPE_FILE: Final = "envelope"
