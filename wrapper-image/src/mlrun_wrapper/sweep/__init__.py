"""Sweeps: the points of a run, what their pods tell each other, and what is made of all of them at the end.

In one process the executor calls the handler for every point; in a fan-out each pod does one, and a last one collects.
Both end with the same `collect`.
"""
