"""Rules `files` and `unpacked-size` for a repository together with its submodules."""

from dataclasses import dataclass

from mlrun_operator.api.bounds import MIB
from mlrun_operator.api.contract.fetching import FetchRules
from mlrun_wrapper.guards import GuardError, setting


@dataclass
class Budget:
    """What all repositories of a source may have together, with folders. Raises GuardError where it is spent."""

    rules: FetchRules
    files: int = 0
    size: int = 0

    def spent(self) -> GuardError:
        """The files are too large."""
        text = f"the repository's files have more than {self.rules.max_unpacked_mib} MiB"
        return GuardError("unpacked-size", text, setting("maxUnpackedMiB"))

    def take(self, files: int, size: int) -> None:
        """Count these."""
        self.files += files
        self.size += size
        if self.files > self.rules.max_files:
            text = f"the repository has more than {self.rules.max_files} files and folders"
            raise GuardError("files", text, setting("maxFiles"))
        if self.size > self.rules.max_unpacked_mib * MIB:
            raise self.spent()
