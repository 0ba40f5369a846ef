"""Which module an error comes of."""

import pytest

from mlrun_wrapper.executor.failure import described, missing_module

NOT_FOUND = ModuleNotFoundError("No module named 'sklearn.svm'", name="sklearn.svm")


def raised(error: Exception, cause: Exception | None) -> Exception:
    """Return the error as it is when it was raised for the cause."""
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def raised_within(error: Exception, handled: Exception) -> Exception:
    """Return the error as it is when it was raised while the other one was handled."""
    error.__context__ = handled
    return error


@pytest.mark.parametrize(
    ("error", "module"),
    [
        (NOT_FOUND, "sklearn.svm"),
        (raised(ValueError("no models"), NOT_FOUND), "sklearn.svm"),
        (ImportError("cannot import name 'x'", name="sklearn"), None),
        (ValueError("x"), None),
        (raised(ValueError("x"), KeyError("y")), None),
        (raised_within(ImportError("no models"), NOT_FOUND), "sklearn.svm"),
        (raised(raised_within(ImportError("no models"), NOT_FOUND), None), None),
        (raised_within(ValueError("x < 0"), NOT_FOUND), None),
        (raised_within(ImportError("no models"), raised_within(ValueError("x"), NOT_FOUND)), None),
    ],
)
def test_a_module_that_was_not_found_is_told(error: Exception, module: str | None) -> None:
    assert missing_module(error) == described(error)["missing"] == module


def test_an_error_that_is_its_own_cause_has_an_end() -> None:
    error = ValueError("x")
    assert missing_module(raised(error, error)) is None
