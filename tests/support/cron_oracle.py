"""The CronJob controller's own cron library."""

from support.oracle import Oracle


class CronOracle(Oracle):
    """Which slots an expression has."""

    name = "cron"

    def slots(self, expression: str, zone: str, after: int, count: int) -> list[int] | None:
        """The next `count` slots as Unix times; None where the library refuses the expression."""
        kind, _, rest = self.ask(f"{expression}\t{zone}\t{after} {count}").partition(" ")
        return [int(slot) for slot in rest.split()] if kind == "slots" else None
