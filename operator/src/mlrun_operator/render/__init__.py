"""Desired Kubernetes objects as plain dicts. Pure: no clock, no environment, no client.

Later settings override earlier ones: the user's template first, then the options, the platform's rules last.
"""
