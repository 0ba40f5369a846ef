"""The development cluster is no part of the distribution, so its folder is put on the path here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "dev"))
