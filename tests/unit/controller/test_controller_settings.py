"""What the operator's settings say of sources, pip, proxy and defaults reaches the runs."""

import pytest
from pydantic import ValidationError

from mlrun_operator.api.contract.envelope import decode, encode
from mlrun_operator.api.contract.fetching import FetchRules, PipInfo, ProxyInfo
from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.options import RunOptions
from mlrun_operator.api.v1alpha1.run import RunSpec
from mlrun_operator.controller.settings import Settings
from mlrun_operator.render.envelope import PinnedFunction, build_envelope


def test_the_rules_of_sources_and_pip_are_in_the_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SOURCE_SECONDS": "60",
        "SOURCE_MAX_MIB": "5",
        "SOURCE_MAX_UNPACKED_MIB": "50",
        "SOURCE_MAX_FILES": "500",
        "SOURCE_MAX_RATIO": "20",
        "SOURCE_LINK_LOCAL": "true",
        "INPUT_MAX_UNPACKED_MIB": "700",
        "INPUT_MAX_RATIO": "30",
        "PIP_INDEX_URL": "https://packages.example.org/simple",
        "PIP_FIND_LINKS": "",
        "PIP_SECONDS": "30",
    }.items():
        monkeypatch.setenv(f"MLRUN_OPERATOR_{name}", value)
    written = {"source": {"code": "x"}, "requirements": ["openpyxl"]}
    function = PinnedFunction.of_inline("run", "uid", written, FunctionSpec.model_validate(written))
    run = {"metadata": {"name": "run", "namespace": "team", "uid": "uid"}, "spec": {"function": written}}
    spec = RunSpec.model_validate(run["spec"])
    envelope = decode(encode(build_envelope(run, spec, function, 1, Settings().platform)))
    assert envelope.fetch == FetchRules(
        seconds=60,
        max_mib=5,
        max_unpacked_mib=50,
        max_files=500,
        max_ratio=20,
        link_local=True,
        input_max_unpacked_mib=700,
        input_max_ratio=30,
    )
    assert envelope.pip == PipInfo(index_url="https://packages.example.org/simple", seconds=30)
    assert envelope.function.spec.requirements == ["openpyxl"]


@pytest.mark.parametrize("name", ["index_url", "find_links"])
def test_an_index_with_a_password_would_be_shown_by_every_pod(name: str) -> None:
    url = "https://me:geheim@packages.example.org/simple"
    with pytest.raises(ValidationError, match="give runs PIP_INDEX_URL from a Secret"):
        PipInfo(**{name: url})
    with pytest.raises(ValidationError, match="give runs PIP_INDEX_URL from a Secret"):
        Settings(**{f"pip_{name}": url})


def test_the_proxy_reaches_the_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUN_OPERATOR_HTTPS_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("MLRUN_OPERATOR_HTTP_PROXY", "")
    monkeypatch.setenv("MLRUN_OPERATOR_NO_PROXY", ".corp")
    assert Settings().platform.proxy == ProxyInfo(https="http://proxy.example.org:3128", no_proxy=".corp")


def test_without_a_proxy_the_envelope_says_nothing_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.setenv(f"MLRUN_OPERATOR_{name}", "")
    assert Settings().platform.proxy is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://me:geheim@proxy:3128", "give runs HTTPS_PROXY from a Secret"),
        ("proxy:3128", "write http://HOST:PORT"),
        ("socks5://proxy:1080", "write http://HOST:PORT"),
    ],
)
def test_a_proxy_that_would_not_do_is_refused_at_the_start(url: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(https_proxy=url)


def test_defaults_of_runs_are_options_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLRUN_OPERATOR_RUN_DEFAULTS", '{"imagePullSecrets": ["registry"]}')
    assert Settings().platform.run_defaults == RunOptions(image_pull_secrets=["registry"])
    monkeypatch.setenv("MLRUN_OPERATOR_RUN_DEFAULTS", '{"imagePullSecret": ["registry"]}')
    with pytest.raises(ValidationError, match="imagePullSecret"):
        Settings()
