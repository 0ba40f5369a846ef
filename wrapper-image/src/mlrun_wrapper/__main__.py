"""`python -m mlrun_wrapper`: the image's entry point."""

if __name__ == "__main__":
    from mlrun_wrapper.signals import Sigterm

    sigterm = Sigterm()  # before the other imports, which take a while

    import os
    import sys

    from mlrun_wrapper.main import main

    code = main(sigterm)
    sys.stdout.flush()
    os._exit(code)  # a thread that hangs in a request must not keep the pod
