"""The bounds of what comes from outside: of users, handlers, servers and files (BEHAVIOUR J).

Operator, wrapper and tools take them from here, so that what one writes the other reads. The page of all bounds is made
of this module; limits that are settings of the operator stand in its settings.
"""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit, its unit, what it bounds, why it is no larger, and what becomes of what exceeds it."""

    limit: int
    unit: str
    of: str
    why: str
    beyond: str


_REFUSED: Final = "refused by the API server"
_INVALID: Final = "InvalidRun"
_CUT: Final = "cut; the condition ResultTruncated tells it, and run.json in the store has the rest"
_SHORTENED: Final = "shortened"
_STATUS: Final = "A status has some 250 KiB of an object's 1.5 MiB in etcd."

# What users write.
INLINE_CODE: Final = Bound(
    128 * KIB, "bytes", "inline code", "It reaches the pod as an annotation, compressed.", _REFUSED
)
POD_ANNOTATIONS: Final = Bound(
    200 * KIB,
    "bytes",
    "annotations of a pod: code, parameters and settings",
    "Kubernetes allows 256 KiB; others add annotations, too.",
    "EnvelopeTooLarge",
)
FREE_FORM: Final = Bound(
    64 * KIB,
    "bytes as JSON",
    "podTemplate, affinity or topologySpreadConstraints",
    "It is checked and merged at each look at a run that waits.",
    _INVALID,
)
FREE_FORM_DEPTH: Final = Bound(
    32, "levels", "podTemplate, affinity or topologySpreadConstraints", "No pod has more.", _INVALID
)
INPUTS: Final = Bound(256, "inputs", "inputs of a run", "Each is listed in the status.", _REFUSED)
REPLICAS: Final = Bound(1000, "pods", "replicas of a run", "Each has an entry in memory and in reports.", _REFUSED)
POINTS: Final = Bound(1000, "points", "points of a sweep", "Each is a pod or a line of the sweep's table.", _INVALID)
POINTS_FILE: Final = Bound(
    8 * MIB, "bytes", "a file of a sweep's points", "A thousand points need a few hundred KiB.", _INVALID
)
BACKFILL: Final = Bound(
    10_000,
    "slots",
    "a backfill",
    "A year of hours has 8,760. Each slot is a run.",
    "none of it is run, and the status says so",
)
CA_BUNDLE: Final = Bound(
    32 * KIB, "bytes", "the platform's CA bundle", "Every pod carries it.", "the operator does not start"
)

# What handlers and pods report.
REPORT: Final = Bound(
    64 * KIB, "bytes as JSON", "a pod's report, unpacked", "A look at a run reads the reports of all its pods.", _CUT
)
REPORT_DEPTH: Final = Bound(32, "levels", "results and previews in a report", "No API server nests deeper.", _CUT)
RESULT_LEVELS: Final = Bound(
    100,
    "levels",
    "a handler's result in run.json",
    "Python's JSON ends at some 990.",
    "replaced by a text that says so",
)
DECODED_REPORTS: Final = Bound(
    4 * MIB,
    "bytes as JSON",
    "reports that the operator remembers",
    "As objects they take up to twenty times as much memory.",
    "the oldest are decoded again when they are needed",
)

# The parts of a status, each cut by itself.
STATUS_REPORT: Final = Bound(
    64 * KIB, "bytes as JSON", "outputs, results, inputs and source in a status", _STATUS, _CUT
)
STATUS_REPLICAS: Final = Bound(96 * KIB, "bytes as JSON", "replicaStatuses", _STATUS, _CUT)
STATUS_ATTEMPTS: Final = Bound(24 * KIB, "bytes as JSON", "attempts", _STATUS, _CUT)
STATUS_CONDITIONS: Final = Bound(16 * KIB, "bytes as JSON", "conditions", _STATUS, "messages are shortened")
STATUS_SCHEDULE: Final = Bound(
    32 * KIB,
    "bytes as JSON",
    "a schedule's record",
    _STATUS,
    "further ends are counted once earlier runs are deleted; the condition Warnings tells it",
)
STATUS_REST: Final = Bound(24 * KIB, "bytes as JSON", "message and executions", _STATUS, "the message is shortened")
MESSAGE: Final = Bound(1024, "characters", "a message in a status", "It is read by people.", _SHORTENED)
IMAGE: Final = Bound(512, "characters", "an image in a status", "References of images are shorter.", _SHORTENED)
ATTEMPTS: Final = Bound(10, "entries", "attempts", "attemptCount counts all.", "the newest are shown")
EXECUTIONS: Final = Bound(5, "entries", "executions", "run.json of each is in the store.", "the newest are shown")
COUNTED_RUNS: Final = Bound(
    1000,
    "names",
    "countedRuns of a schedule",
    "The history limits keep 200 runs.",
    "further ends are counted once earlier runs are deleted; the condition Warnings tells it",
)
REPLICA_STATUSES: Final = Bound(
    50, "entries", "replicaStatuses", "replicaCounts counts all.", "those that people have to look at are shown"
)

# What the operator spends for a tenant.
CODE_IN_PLACE: Final = Bound(
    4 * KIB,
    "bytes",
    "inline code that the operator parses itself",
    "At the worst that takes 40 ms.",
    "another process parses it",
)
PARSE_CPU: Final = Bound(
    5, "seconds of CPU", "parsing a function's code", "The worst code of 128 KiB takes 1.3.", "its pod judges the code"
)
PARSE_MEMORY: Final = Bound(
    256 * MIB,
    "bytes",
    "parsing a function's code",
    "The worst code of 128 KiB takes 50 MiB.",
    "its pod judges the code",
)
PARSE_SHARE: Final = Bound(
    10,
    "% of the time",
    "parsing the code of one namespace's functions, after 10 s at once",
    "It takes CPU from everything else that the operator does.",
    "the function's condition Ready follows later; its runs do not wait for it",
)
EVENT_READS: Final = Bound(
    2,
    "reads a second",
    "Kubernetes' events, of all namespaces that ask, in equal parts",
    "The API server reads all events of a namespace for each.",
    "the words of an earlier look stay",
)

# What tools read of others.
YAML_DEPTH: Final = Bound(
    100,
    "levels",
    "YAML",
    "The deepest manifests that people apply have 39. PyYAML takes three of Python's thousand frames for each.",
    "an error with file and line",
)
YAML_REPEATED: Final = Bound(
    MIB, "characters", "what aliases add to YAML", "etcd takes objects of 1.5 MiB.", "an error with file and line"
)

# By the headings of the page.
GROUPS: Final[dict[str, tuple[Bound, ...]]] = {
    "What users write": (
        *(INLINE_CODE, POD_ANNOTATIONS, FREE_FORM, FREE_FORM_DEPTH, INPUTS, REPLICAS, POINTS, POINTS_FILE, BACKFILL),
        CA_BUNDLE,
    ),
    "What handlers and pods report": (REPORT, REPORT_DEPTH, RESULT_LEVELS, DECODED_REPORTS),
    "What a status holds": (
        *(STATUS_REPORT, STATUS_REPLICAS, STATUS_ATTEMPTS, STATUS_CONDITIONS, STATUS_SCHEDULE, STATUS_REST),
        *(MESSAGE, IMAGE, ATTEMPTS, EXECUTIONS, COUNTED_RUNS, REPLICA_STATUSES),
    ),
    "What the operator spends": (CODE_IN_PLACE, PARSE_CPU, PARSE_MEMORY, PARSE_SHARE, EVENT_READS),
    "What tools read": (YAML_DEPTH, YAML_REPEATED),
}
