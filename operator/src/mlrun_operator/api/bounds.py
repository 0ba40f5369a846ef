"""The bounds of what comes from outside: of users, handlers, servers and files (BEHAVIOUR J).

Operator, wrapper and tools take them from here, so that what one writes the other reads. The page of all bounds is made
of this module; limits that are settings of the operator stand in its settings. The executor, which knows nothing of the
operator, has some of them as constants of its own; a test compares them.
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
_RULE: Final = "InvalidRun, with the name of the rule"
_COUNTED_LATER: Final = "further ends are counted once earlier runs are deleted; the condition Warnings tells it"
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
SPEC: Final = Bound(
    512 * KIB,
    "bytes as JSON",
    "the spec of a run or a function",
    "A pod takes less than half of it, and the operator reads and hashes it at each look.",
    "InvalidRun or InvalidFunction",
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
PARAMETER_DEPTH: Final = Bound(
    100, "levels", "a parameter, or a value of hyperparameters", "A result that returns it has as many.", _INVALID
)
FLOAT_PARAMETERS: Final = Bound(
    256,
    "pointers",
    "floatParameters of a run",
    "A pointer to a list or a map covers all numbers inside it.",
    _REFUSED,
)
RERUN: Final = Bound(256, "characters", "rerun", "The status repeats it.", _REFUSED)
GROUP: Final = Bound(2**31 - 1, "", "fsGroup: the number of a group", "Kubernetes takes no larger one.", _REFUSED)
QUANTITY: Final = Bound(256, "characters", "a quantity", "No amount needs more.", _INVALID)
MAP_ENTRIES: Final = Bound(
    256, "entries", "a map without a limit of its own", "The API server reckons what rules cost by it.", _REFUSED
)
CA_BUNDLE: Final = Bound(
    32 * KIB, "bytes", "the platform's CA bundle", "Every pod carries it.", "the operator does not start"
)

# What a pod fetches and unpacks.
SOURCE_FILE: Final = Bound(16 * MIB, "bytes", "a source that is one file", "A larger one is a wrong URL.", _RULE)
ARCHIVE_RATIO_FLOOR: Final = Bound(
    16 * MIB,
    "bytes",
    "a source's archive, unpacked, whatever its ratio",
    "Empty tables and logs compress well.",
    "the ratio of the settings holds",
)
INPUT_RATIO_FLOOR: Final = Bound(
    GIB,
    "bytes",
    "an input's gzip data, unpacked, whatever their ratio",
    "A table with one value throughout is nothing rare, and fills no node's disk.",
    "the ratio of the settings holds",
)
ARCHIVE_NAME: Final = Bound(255, "bytes", "a name in an archive", "Linux has no longer one.", _RULE)
ARCHIVE_PATH: Final = Bound(
    3072, "bytes", "a path in an archive", "Linux has 4,096, and the folder above needs some of them.", _RULE
)
ARCHIVE_DEPTH: Final = Bound(
    100, "levels", "folders in an archive", "Python makes them by recursion, which ends at 1,000.", _RULE
)
ZIP_ENTRY: Final = Bound(
    512,
    "bytes for each file that it may have",
    "the directory of a zip archive",
    "A name and its times have some 150 bytes.",
    _RULE,
)
ZIP_DIRECTORY: Final = Bound(
    MIB, "bytes", "the directory of a zip archive that may have few files", "Their names may be long.", _RULE
)
GIT_REFS: Final = Bound(
    64 * MIB, "bytes", "a Git server's list of branches and tags", "Some hundred thousand take 64 MiB.", _RULE
)
GIT_PATH: Final = Bound(8192, "bytes", "a path in a repository", "Linux has 4,096.", _INVALID)
SUBMODULES: Final = Bound(8, "levels", "submodules of submodules", "Each costs a fetch.", _RULE)
PROGRAM_OUTPUT: Final = Bound(MIB, "bytes", "what git and pip say", "Their reasons come last.", "only the end is kept")
WRITER_WORDS: Final = Bound(
    2000, "bytes", "what the writer of a Parquet file says", "Its reasons come last.", "only the end is kept"
)
INPUT_NAME: Final = Bound(
    128, "characters", "the name of an input's file", "It is read by people.", "only the end is kept, with the suffix"
)
FILE_NAME: Final = Bound(
    200,
    "bytes",
    "the name of a file that an input or a download gets",
    "File systems take 255, and suffixes and temporary files need some of them.",
    _SHORTENED,
)
HASHED_FILE: Final = Bound(
    GIB,
    "bytes",
    "a file on a volume that is read for its SHA-256",
    "To read it twice costs more than the hash is worth.",
    "its size is told, and no SHA-256",
)
SERVER_SILENCE: Final = Bound(
    30, "seconds", "the silence of a server", "Others are asked meanwhile.", "the request is tried again"
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
    "replaced by a text that says so; the condition ResultTruncated tells it",
)
UNKNOWN_FIELDS: Final = Bound(
    10_000, "fields", "unknown fields in a report", "A newer wrapper has a few.", "it is not taken for a report"
)
PREVIEW: Final = Bound(
    32 * KIB, "bytes as JSON", "the preview of a table", "Readers load it with the entity.", "fewer rows"
)
PREVIEW_ROWS: Final = Bound(50, "rows", "the preview of a table", "It is read by people.", "the first are shown")
PREVIEW_CELL: Final = Bound(256, "characters", "a cell of a preview", "It is read by people.", _SHORTENED)
TRACEBACK: Final = Bound(
    32 * KIB, "characters", "a handler's traceback", "It is read by people.", "its beginning and its end are kept"
)
MLRUN_RECORD: Final = Bound(
    64 * KIB,
    "bytes as JSON",
    "mlrun's own record of a run, in run.json",
    "What it says is in other fields, too.",
    "only its metadata and its state are kept",
)
ARTIFACT_RECORD: Final = Bound(
    MIB,
    "bytes as JSON",
    "mlrun's own record of an artifact, in its entity",
    "Whoever reads the entity reads it.",
    "its largest parts are left out, with a warning",
)
LISTED_ARTIFACTS: Final = Bound(
    1_000, "artifacts", "artifacts that a handler lists", "Each is read from the store.", "the first by name are listed"
)
CHILDREN: Final = Bound(
    100, "runs", "runs that a handler makes, in run.json", "Each is told with its results.", "the first are told"
)
LIVE_SECONDS: Final = Bound(
    5,
    "seconds",
    "the time between two states of live results",
    "Each is a line of the log and an object of the store.",
    "the newest state is told",
)
LIVE_FRAME: Final = Bound(
    KIB,
    "bytes",
    "live results in a line of a pod's log",
    "People read the log, too.",
    "the results logged last are told",
)
LIVE_DOCUMENT: Final = Bound(
    32 * KIB,
    "bytes as JSON",
    "live.json, the live results in the store",
    "It is written every few seconds.",
    "the results logged last are told",
)
LIVE_VALUE: Final = Bound(
    1024, "characters", "a value of live results", "It is read by people.", "left out and counted"
)
LIVE_ITERATIONS: Final = Bound(
    10, "iterations", "iterations of live results", "They are read by people.", "the newest are told"
)
LIVE_PODS: Final = Bound(
    10, "pods", "pods whose live results are read", "Each costs a request.", "those that run are read first"
)
LIVE_LOG: Final = Bound(
    1000,
    "lines",
    "the end of a log in which live results are looked for",
    "It is read whole.",
    "its last 15 s are read",
)
LISTED_FILES: Final = Bound(
    1000, "files", "files of a folder, in its entity", "Readers load all of them.", "fileCount counts all"
)
LOG: Final = Bound(
    MIB,
    "bytes",
    "the beginning of log.txt, and as many of its end",
    "The wrapper holds both in memory.",
    "a line says how much is left out",
)
REDRAWN_LINE: Final = Bound(
    64 * KIB,
    "bytes",
    "a line that a progress bar draws anew",
    "The wrapper holds it in memory.",
    "it is written as it is",
)
EARLIER_REPORT: Final = Bound(
    4 * MIB,
    "bytes",
    "run.json of an earlier attempt",
    "No wrapper writes a larger one.",
    "the run goes on as if there were none",
)
EARLIER_PODS: Final = Bound(
    10, "pods", "earlier attempts that a retry knows", "The newest success is reported.", "the oldest are forgotten"
)
LAST_WORDS: Final = Bound(
    300, "characters", "a container's last line in a message", "It is read by people.", _SHORTENED
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
    _COUNTED_LATER,
)
STATUS_REST: Final = Bound(24 * KIB, "bytes as JSON", "message and executions", _STATUS, "the message is shortened")
MESSAGE: Final = Bound(1024, "characters", "a message in a status", "It is read by people.", _SHORTENED)
IMAGE: Final = Bound(512, "characters", "an image in a status", "References of images are shorter.", _SHORTENED)
ATTEMPTS: Final = Bound(10, "entries", "attempts", "attemptCount counts all.", "the newest are shown")
EXECUTIONS: Final = Bound(5, "entries", "executions", "run.json of each is in the store.", "the newest are shown")
REPLICA_MESSAGE: Final = Bound(256, "characters", "a message in replicaStatuses", "There are 50 of them.", _SHORTENED)
REPLICA_RESULTS: Final = Bound(
    2048, "bytes as JSON", "results in replicaStatuses", "There are 50 of them.", "left out; run.json has them"
)
REPLICA_OUTPUTS: Final = Bound(
    32, "entries", "outputs in replicaStatuses", "There are 50 of them.", "left out; run.json has them"
)
LOST_POINTS: Final = Bound(
    100,
    "points",
    "points without a report of which the collector is told why",
    "The collector's pod carries the words.",
    "the others have no words",
)
EVENT: Final = Bound(1024, "characters", "the message of an event", "The API server takes no more.", _SHORTENED)
COUNTED_RUNS: Final = Bound(
    1000,
    "names",
    "countedRuns of a schedule",
    "The history limits keep 200 runs.",
    _COUNTED_LATER,
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
    "parsing the code of one namespace's functions, after that",
    "It takes CPU from everything else that the operator does.",
    "the function's condition Ready follows later; its runs do not wait for it",
)
PARSE_AT_ONCE: Final = Bound(
    10,
    "seconds",
    "parsing the code of one namespace's functions at once",
    "That parses some hundred functions of common length.",
    "its share of the time holds",
)
PARSE_SECONDS: Final = Bound(
    30, "seconds", "parsing a function's code on a busy machine", "Others wait for it.", "its pod judges the code"
)
PARSED_CODES: Final = Bound(
    1000, "texts", "functions' code that is remembered as parsed", "Each is a digest.", "the oldest are parsed again"
)
SLOTS_PER_PASS: Final = Bound(
    5000, "slots", "slots that are counted as missed at once", "They take 30 ms.", "the next pass goes on from there"
)
CATCH_UP_SLOTS: Final = Bound(
    2000, "slots", "missed slots that are looked at at once", "They take 20 ms.", "the next pass goes on from there"
)
CATCH_UP_BEHIND: Final = Bound(
    200,
    "runs",
    "runs of later slots that are kept while a missed slot waits",
    "They stay in the cluster.",
    "the slot counts as missed",
)
EVENT_READS: Final = Bound(
    2,
    "reads a second",
    "Kubernetes' events, of all namespaces that ask, in equal parts",
    "The API server reads all events of a namespace for each.",
    "the words of an earlier look stay",
)
CONNECTIONS: Final = Bound(
    100,
    "connections",
    "clients of the probes, and of the metrics",
    "The kubelet and Prometheus need a few. Each takes memory.",
    "the oldest is closed",
)
METRICS_TEXTS: Final = Bound(
    1,
    "rendering a second",
    "the metrics, in each of two formats",
    "With 10,000 runs one takes 20 ms, and whoever reaches the port may ask.",
    "scrapes get the text of the last second",
)

# What is read of the store and of files.
SMALL_OBJECT: Final = Bound(
    16 * MIB,
    "bytes",
    "entity.json, run.json and other documents of the store",
    "They are read whole. The wrapper writes less than 1 MiB.",
    "an error with the object",
)
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

FETCH_OVERHEAD: Final = Bound(
    32 * MIB,
    "bytes",
    "what the archive of a fetch run has besides its files",
    "That is a KiB for each of some 30,000.",
    "DataUnreachable",
)
FETCH_SECONDS: Final = Bound(600, "seconds", "a fetch run", "Somebody waits for it.", "DataUnreachable")
LOG_LINES: Final = Bound(
    1000, "lines", "log lines that wait for a slow reader", "They are held in memory.", "reading pauses"
)

# By the headings of the page.
GROUPS: Final[dict[str, tuple[Bound, ...]]] = {
    "What users write": (
        *(INLINE_CODE, POD_ANNOTATIONS, FREE_FORM, FREE_FORM_DEPTH, SPEC, INPUTS, REPLICAS, POINTS, POINTS_FILE),
        *(BACKFILL, PARAMETER_DEPTH, FLOAT_PARAMETERS, MAP_ENTRIES, QUANTITY, RERUN, GROUP, CA_BUNDLE),
    ),
    "What a pod fetches and unpacks": (
        *(SOURCE_FILE, ARCHIVE_RATIO_FLOOR, INPUT_RATIO_FLOOR, ARCHIVE_NAME, ARCHIVE_PATH, ARCHIVE_DEPTH),
        *(ZIP_ENTRY, ZIP_DIRECTORY, GIT_REFS, GIT_PATH, SUBMODULES, INPUT_NAME, FILE_NAME, HASHED_FILE),
        *(SERVER_SILENCE, PROGRAM_OUTPUT, WRITER_WORDS),
    ),
    "What handlers and pods report": (
        *(REPORT, REPORT_DEPTH, UNKNOWN_FIELDS, RESULT_LEVELS, PREVIEW, PREVIEW_ROWS, PREVIEW_CELL, TRACEBACK),
        *(LAST_WORDS, MLRUN_RECORD, ARTIFACT_RECORD, LISTED_ARTIFACTS, CHILDREN, LISTED_FILES, LOG),
        *(REDRAWN_LINE, EARLIER_REPORT, EARLIER_PODS, DECODED_REPORTS),
        *(LIVE_SECONDS, LIVE_FRAME, LIVE_DOCUMENT, LIVE_VALUE, LIVE_ITERATIONS),
    ),
    "What a status holds": (
        *(STATUS_REPORT, STATUS_REPLICAS, STATUS_ATTEMPTS, STATUS_CONDITIONS, STATUS_SCHEDULE, STATUS_REST),
        *(MESSAGE, IMAGE, ATTEMPTS, EXECUTIONS, COUNTED_RUNS, REPLICA_STATUSES, REPLICA_MESSAGE, REPLICA_RESULTS),
        *(REPLICA_OUTPUTS, LOST_POINTS, EVENT),
    ),
    "What the operator spends": (
        *(CODE_IN_PLACE, PARSE_CPU, PARSE_SECONDS, PARSE_MEMORY, PARSE_AT_ONCE, PARSE_SHARE, PARSED_CODES),
        *(SLOTS_PER_PASS, CATCH_UP_SLOTS, CATCH_UP_BEHIND, EVENT_READS, CONNECTIONS, METRICS_TEXTS),
    ),
    "What is read of the store and of files": (
        *(SMALL_OBJECT, YAML_DEPTH, YAML_REPEATED, FETCH_OVERHEAD, FETCH_SECONDS, LOG_LINES),
        *(LIVE_PODS, LIVE_LOG),
    ),
}
