"""The wrapper's lines about what it fetched and stored."""

from mlrun_wrapper.log import Log


def report_fetched(log: Log, what: str, size: int | None, sha256: str | None, seconds: float) -> None:
    """Such as `source 1.2 KiB sha256 ab12cd34 0.1 s`."""
    parts = [what]
    if size is not None:
        parts.append(readable_size(size))
    if sha256:
        parts.append(f"sha256 {sha256[:12]}")
    log.line(" ".join([*parts, f"{seconds:.1f} s"]))


def readable_size(size: int) -> str:
    """Bytes for people."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{int(value)} B" if unit == "B" else f"{value:.1f} {unit}"
