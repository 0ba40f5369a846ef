"""Flux's own kstatus library."""

import json
from typing import Any

from support.oracle import Oracle


class Kstatus(Oracle):
    """How it judges an object."""

    name = "kstatus"

    def of(self, obj: dict[str, Any]) -> tuple[str, str]:
        """Status (InProgress, Failed, Current, …) and message of an object."""
        answer = json.loads(self.ask(json.dumps(obj)))
        return answer["status"], answer["message"]
