"""Everything a user may say, and what operator and wrapper say to each other.

Only pydantic and the standard library here: no client, no clock, no environment, no I/O.
"""
