"""`python -m mlrun_wrapper`: the image's entry point."""

import os
import sys

from mlrun_wrapper.main import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # a thread that hangs in a request must not keep the pod
