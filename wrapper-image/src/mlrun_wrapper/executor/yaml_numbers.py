"""mlrun writes a model's description as YAML, and of numpy's numbers only those of 64 bits; here all of them."""

from __future__ import annotations

import numpy as np
import yaml


def install() -> None:
    """Have YAML take a numpy number, a float32 metric say, as the Python number that it is."""
    kinds: tuple[type, ...] = (np.floating, np.integer, np.bool_)
    for kind in kinds:
        yaml.SafeDumper.add_multi_representer(kind, lambda dumper, number: dumper.represent_data(number.item()))
