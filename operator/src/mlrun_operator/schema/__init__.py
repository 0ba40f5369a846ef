"""Models in, CustomResourceDefinitions out. `python -m mlrun_operator.schema [--check]` writes or compares `crds/`."""
