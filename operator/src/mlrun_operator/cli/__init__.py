"""The command line: `mlrunctl`, and `kubectl mlrun` by the same program.

One module for each group of verbs holds what the user types; what a verb needs is imported when it runs, so that
`--help` answers at once and no verb pays for another. Modules without verbs hold what several of them share.
"""
