"""Desired Kubernetes objects as plain dicts. Pure: no clock, no environment, no client.

The order of `job` is the order of who wins: the user's wishes first, the platform's rules last.
"""
