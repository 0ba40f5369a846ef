"""The pages of `docs/` that are made from the code: fields, reasons and settings. `python -m docgen [--check]`."""
