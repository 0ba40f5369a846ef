"""`python -m mlrun_operator.cli`."""

from mlrun_operator.cli.main import run

if __name__ == "__main__":
    run()
