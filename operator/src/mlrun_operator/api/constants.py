"""The names on Kubernetes objects of this project, each a commented constant."""

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

# On Jobs and pods: marks objects that the operator created. The API server filters its watches by this label.
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
# The names of run, function and project, hashed if longer than 63 characters. They are for people and selectors, never
# for decisions.
LABEL_RUN: Final = f"{GROUP}/run"
LABEL_FUNCTION: Final = f"{GROUP}/function"
LABEL_PROJECT: Final = f"{GROUP}/project"
# The run's metadata.uid, by which code selects.
LABEL_RUN_UID: Final = f"{GROUP}/run-uid"

# The labels of all objects that the operator creates for a run.
OWN_LABELS: Final = (
    LABEL_MANAGED_BY,
    LABEL_COMPONENT,
    LABEL_RUN,
    LABEL_RUN_UID,
    LABEL_FUNCTION,
    LABEL_PROJECT,
)

# On pods, set by Kubernetes: the name of their Job, and their index in an Indexed Job.
LABEL_JOB: Final = "batch.kubernetes.io/job-name"
LABEL_INDEX: Final = "batch.kubernetes.io/job-completion-index"
# On pods, set by Kubernetes: the uid of their Job. It stays when the owner reference is removed (`--cascade=orphan`).
LABEL_JOB_UID: Final = "batch.kubernetes.io/controller-uid"

# On the runs of a schedule: the schedule's metadata.uid.
LABEL_SCHEDULE_UID: Final = f"{GROUP}/schedule-uid"

# Kueue's prefixes. The operator copies a run's labels and annotations with them to its Job, those for pods to the pods.
KUEUE_GROUP: Final = "kueue.x-k8s.io"
KUEUE_PREFIX: Final = f"{KUEUE_GROUP}/"
KUEUE_POD_PREFIX: Final = f"{KUEUE_PREFIX}podset-"
# With this label, Kueue manages the Job's `suspend`.
LABEL_QUEUE: Final = f"{KUEUE_PREFIX}queue-name"
# Kueue sets this label on the Workload that stands for a Job in its queues.
LABEL_WORKLOAD_JOB_UID: Final = f"{KUEUE_PREFIX}job-uid"

# On Jobs: the number of the execution and the user's intent that started it. The status is filled from these.
ANNOTATION_EXECUTION: Final = f"{GROUP}/execution"
ANNOTATION_HASH: Final = f"{GROUP}/execution-hash"
ANNOTATION_GENERATION: Final = f"{GROUP}/run-generation"
ANNOTATION_RERUN: Final = f"{GROUP}/rerun"
# On Jobs: the function as it was pinned when the execution started (compact JSON {name, generation, digest}).
ANNOTATION_FUNCTION: Final = f"{GROUP}/function"
# On Jobs: the limits that the operator enforces, as they were when the execution started (compact JSON).
ANNOTATION_LIMITS: Final = f"{GROUP}/limits"
# On Jobs: the names of image volumes, which older API servers drop silently.
ANNOTATION_IMAGE_VOLUMES: Final = f"{GROUP}/image-volumes"
# On Jobs: the fields of the pod template that the platform has taken out or set itself.
ANNOTATION_OVERRIDDEN: Final = f"{GROUP}/overridden-template-fields"
# On Jobs: the image that the user requested, before rewrite rules.
ANNOTATION_IMAGE_REQUESTED: Final = f"{GROUP}/image-requested"
# On Jobs: how many replicas the execution has.
ANNOTATION_REPLICAS: Final = f"{GROUP}/replicas"
# On Jobs: the number of a sweep's points, one for each index. On the collector's Job: the name of the points' Job.
ANNOTATION_POINTS: Final = f"{GROUP}/points"
ANNOTATION_COLLECTS: Final = f"{GROUP}/collects"
# On Jobs: the operator set their `suspend` and may unset it. The value says for which reason.
ANNOTATION_SUSPENDED_BY: Final = f"{GROUP}/suspended-by"
# On Jobs: when the operator suspended them last (RFC 3339).
ANNOTATION_SUSPENDED_AT: Final = f"{GROUP}/suspended-at"
# On Jobs: the generation of the run whose limits were patched into the running Job.
ANNOTATION_LIMITS_GENERATION: Final = f"{GROUP}/limits-generation"
# On pods: the container that kubectl uses by default.
ANNOTATION_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
# On pods, a condition: the wrapper has reported, and the pod is deleted because another container still runs. An index
# of an Indexed Job is then not retried.
CONDITION_REPORTED: Final = f"{GROUP}/Reported"
# On pods: the envelope (see envelope.py), read by the wrapper through the downward API.
ANNOTATION_ENVELOPE: Final = f"{GROUP}/envelope"

# On a CronJob and its Jobs: the schedule's metadata.name.
ANNOTATION_SCHEDULE: Final = f"{GROUP}/schedule"
# On CronJobs: the hash of the rendered spec.
ANNOTATION_RENDERED: Final = f"{GROUP}/rendered"
# On CronJobs: the metadata.generation that the operator's last write replaced. A later one than the next is not ours.
ANNOTATION_REPLACED_GENERATION: Final = f"{GROUP}/replaced-generation"
# On the runs of a schedule: their slot (RFC 3339), the schedule's expression and time zone, the reason why they were
# created, and the name and uid of a Job that the CronJob controller created for them.
ANNOTATION_SCHEDULED_TIME: Final = f"{GROUP}/scheduled-time"
ANNOTATION_EXPRESSION: Final = f"{GROUP}/schedule-expression"
ANNOTATION_TIME_ZONE: Final = f"{GROUP}/schedule-time-zone"
ANNOTATION_TRIGGER: Final = f"{GROUP}/trigger"
ANNOTATION_JOB_UID: Final = f"{GROUP}/job-uid"

# On runs: restored from a backup without a status. The label is Velero's, the annotation is for any other tool.
LABEL_VELERO_RESTORE: Final = "velero.io/restore-name"
ANNOTATION_RESTORED: Final = f"{GROUP}/restored"
# On runs: set by GitOps tools. The operator does not delete their objects.
GITOPS_MARKS: Final = (
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/instance",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
)

# On runs: the trace that a run belongs to, as W3C Trace Context. The pods get it in their environment.
ANNOTATION_TRACE_PARENT: Final = f"{GROUP}/traceparent"
ANNOTATION_TRACE_STATE: Final = f"{GROUP}/tracestate"
ENV_TRACE_PARENT: Final = "TRACEPARENT"
ENV_TRACE_STATE: Final = "TRACESTATE"

# The container that runs the wrapper.
CONTAINER: Final = "mlrun"
# The init container that copies the wrapper into an image that is not ours.
INIT_CONTAINER: Final = "mlrun-wrapper"

# The directory where the downward API mounts the envelope in the pod.
ENVELOPE_DIR: Final = "/etc/mlrun-operator"
ENVELOPE_FILE: Final = "envelope"
