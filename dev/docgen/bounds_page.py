"""The page of all bounds."""

from docgen.markdown import page, table
from mlrun_operator.api.bounds import GIB, GROUPS, KIB, MIB, Bound


def bounds_page() -> str:
    """Return the page, a table for each group."""
    parts = [
        part
        for heading, group in GROUPS.items()
        for part in (
            f"## {heading}",
            table(("What", "At most", "Why no more", "What becomes of more"), map(_row, group)),
        )
    ]
    return page(
        "Bounds",
        "How much of what users, handlers and files bring is taken, why no more, and what becomes of more.",
        "Limits that are settings of the operator, as those of sources and inputs, are in [settings](settings.md) and "
        "in the [chart](reference-chart.md).",
        *parts,
    )


def _row(bound: Bound) -> tuple[str, str, str, str]:
    return bound.of, _amount(bound), bound.why, bound.beyond


def _amount(bound: Bound) -> str:
    """Return limit and unit, as people write sizes."""
    unit, _, rest = bound.unit.partition(" ")
    if unit != "bytes":
        return f"{bound.limit:,} {bound.unit}".strip()
    return f"{_size(bound.limit)} {rest}".strip()


def _size(size: int) -> str:
    """Return the number of bytes in the largest unit of which it is a multiple."""
    for name, unit in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size:,} bytes"
