"""Play histories on the real API server, and print each that breaks a promise, with all that happened."""

import time
from collections.abc import Sequence
from pathlib import Path

from support.kube import install_crds
from support.real.play import Outcome, play, summary


def play_real(seeds: Sequence[int], at_once: int, report: Path | None) -> bool:
    """Return whether no history breaks anything; `report` takes what the broken ones print."""
    install_crds()
    started = time.monotonic()

    def tell(outcome: Outcome) -> None:
        if not outcome.broken:
            return
        print(f"seed {outcome.seed}:", *outcome.broken, sep="\n    ", flush=True)
        if report is None:
            print(outcome, flush=True)
        else:
            with report.open("a") as stream:
                stream.write(f"{outcome}\n\n")

    outcomes = play(seeds, at_once, tell)
    print(summary(outcomes, time.monotonic() - started))
    return not any(outcome.broken for outcome in outcomes)
