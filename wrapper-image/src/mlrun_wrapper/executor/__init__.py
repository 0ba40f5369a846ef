"""The executor: the process that runs the user's code, in the function's own interpreter.

Only the standard library and mlrun here, and relative imports only: `boot.py` loads this folder under another name, so
that neither the wrapper's packages nor ours come onto the user's `sys.path`.
"""
