"""The bounds of what the executor hands over: those of `mlrun_operator.api.bounds`, which it cannot import."""

from __future__ import annotations

RESULT_LEVELS = 100
TRACEBACK_CHARACTERS = 32 * 1024
MLRUN_RECORD_BYTES = 64 * 1024
ARTIFACT_RECORD_BYTES = 1024 * 1024
CHILDREN = 100
PREVIEW_BYTES = 32 * 1024
PREVIEW_ROWS = 50
PREVIEW_CELL_CHARACTERS = 256
LIVE_SECONDS = 5
LIVE_BYTES = 32 * 1024
LIVE_ITERATIONS = 10
LIVE_VALUE_CHARACTERS = 1024
