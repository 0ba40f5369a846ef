"""Run by path in the function's interpreter: prints the packages that it has, by name and version, as JSON."""

import importlib.metadata
import json

if __name__ == "__main__":
    found: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name and package.version:
            found.setdefault(name, package.version)
    print(json.dumps(found))
