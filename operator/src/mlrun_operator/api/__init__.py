"""The resources that users write, and the contract between operator and wrapper.

It uses only pydantic and the standard library: no client, no clock, no environment, no I/O.
"""
