"""A function that names mlrun/mlrun where the plain wrapper runs: what it is told."""

from collections.abc import Callable

import pytest
from wrapper_runs import Ended, envelope

from mlrun_operator.api.contract.envelope import Envelope, StoreInfo

Run = Callable[..., Ended]

# As where the modules are not installed.
NO_SKLEARN = """\
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name in ("sklearn", "elsewhere"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
"""
EXCHANGE = "the operator's plain wrapper image runs instead of mlrun/mlrun:1.7, without "
REMEDY = (
    "scikit-learn: name scikit-learn in the function's `requirements`, or have wrapper-ml run "
    "(chart value `wrapperMl.repository`)"
)


@pytest.fixture
def asking(file_store: StoreInfo) -> Callable[..., Envelope]:
    def build(code: str, *, plain: bool | None = True) -> Envelope:
        made = envelope(code, store=file_store, plain_image=plain)
        function = made.function.model_copy(
            update={"spec": made.function.spec.model_copy(update={"image": "mlrun/mlrun:1.7"})}
        )
        return made.model_copy(update={"function": function})

    return build


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sklearn.metrics\ndef handler(): ...", "InvalidRun"),
        ("def handler():\n    import sklearn", "HandlerFailed"),
        (
            "def handler():\n    try:\n        import sklearn\n"
            "    except ImportError as error:\n        raise ValueError('no models') from error",
            "HandlerFailed",
        ),
    ],
    ids=["at the top", "in the handler", "as the cause"],
)
def test_a_failed_import_says_what_is_missing(
    run: Run, asking: Callable[..., Envelope], code: str, reason: str
) -> None:
    ended = run(asking(NO_SKLEARN + code))
    assert ended.reason == reason, ended.log
    assert EXCHANGE + REMEDY in ended.result.message


def test_the_exchange_is_a_warning_of_every_such_run(run: Run, asking: Callable[..., Envelope]) -> None:
    ended = run(asking("def handler(): return 1"))
    assert ended.reason == "Succeeded"
    (warning,) = ended.result.warnings
    assert warning.startswith(EXCHANGE)
    assert "plotly, scikit-learn, scipy" in warning
    assert f"warning: {EXCHANGE}" in ended.log


@pytest.mark.parametrize("plain", [None, False])
def test_without_an_exchange_nothing_is_said_of_one(
    run: Run, asking: Callable[..., Envelope], plain: bool | None
) -> None:
    ended = run(asking(f"{NO_SKLEARN}def handler():\n    import sklearn", plain=plain))
    assert (ended.reason, ended.result.warnings) == ("HandlerFailed", [])
    assert "plain wrapper" not in ended.log + ended.result.message


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import elsewhere", "ModuleNotFoundError"),
        ("import joblib.no_such_part", "ModuleNotFoundError"),
        (
            "try:\n        import sklearn\n    except ImportError:\n        raise ValueError('x must be positive')",
            "ValueError",
        ),
    ],
    ids=["of another package", "a part of a package that is there", "while it was handled"],
)
def test_another_failure_is_no_matter_of_it(run: Run, asking: Callable[..., Envelope], code: str, error: str) -> None:
    installed = "sys.modules['joblib'] = sys\n"
    ended = run(asking(f"{NO_SKLEARN}{installed}def handler():\n    {code}"))
    assert ended.result.message.startswith(error)
    assert "plain wrapper" not in ended.result.message
