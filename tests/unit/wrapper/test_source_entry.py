"""Which file of a source is the function's."""

import os
from pathlib import Path

import pytest

from mlrun_operator.api.contract.fetching import PipInfo
from mlrun_operator.api.values.handlers import Handler
from mlrun_wrapper.code import Code
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.guards import GuardError
from mlrun_wrapper.requirements import pip_environment, pip_reason
from mlrun_wrapper.sources.base import FetchedSource
from mlrun_wrapper.sources.entry import find_code, find_file
from mlrun_wrapper.sources.git.credentials import Credentials


def tree(folder: Path, *names: str) -> FetchedSource:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    return FetchedSource(folder, 0)


def found(fetched: FetchedSource, file: str | None = None, handler: str | None = None) -> Code:
    return find_code(fetched, file, Handler.parse(handler) if handler else None)


def test_a_file_by_its_path_imports_from_its_folder_and_from_the_root(tmp_path: Path) -> None:
    source = tree(tmp_path, "src/pipelines/train.py", "other.py", "README.md")
    file = tmp_path / "src/pipelines/train.py"
    assert found(source, "src/pipelines/train.py") == Code(file, (file.parent, tmp_path))
    assert found(source, "other.py", "train") == Code(tmp_path / "other.py", (tmp_path,))


@pytest.mark.parametrize(
    ("files", "handler", "file", "roots"),
    [
        (("pkg/sub/mod.py",), "pkg.sub.mod:f", "pkg/sub/mod.py", "."),
        (("pkg/__init__.py", "a.py", "b.py"), "pkg:f", "pkg/__init__.py", "."),
        (("src/pkg/mod.py", "setup.py"), "pkg.mod:f", "src/pkg/mod.py", "src:."),
        (("repo-main/pkg/mod.py",), "pkg.mod:C::f", "repo-main/pkg/mod.py", "repo-main"),
        (("r-1/src/pkg/mod.py", "r-1/README.md"), "pkg.mod:f", "r-1/src/pkg/mod.py", "r-1/src:r-1"),
        (("a.py", "b.py"), "b:f", "b.py", "."),
    ],
)
def test_a_module_is_imported_from_its_root(
    tmp_path: Path, files: tuple[str, ...], handler: str, file: str, roots: str
) -> None:
    code = found(tree(tmp_path, *files), handler=handler)
    folders = tuple(tmp_path / root for root in roots.split(":"))
    assert code == Code(tmp_path / file, folders, handler.partition(":")[0])


def test_a_path_and_a_module_that_agree(tmp_path: Path) -> None:
    source = tree(tmp_path, "code/pkg/mod.py", "code/pkg/__init__.py", "x.py")
    file, root = tmp_path / "code/pkg/mod.py", tmp_path / "code"
    assert found(source, "code/pkg/mod.py", "pkg.mod:f") == Code(file, (root, tmp_path), "pkg.mod")
    assert found(source, "code/pkg/__init__.py", "pkg:f").folders == (root, tmp_path)
    with pytest.raises(StepError, match="keep one of them"):
        found(source, "code/pkg/mod.py", "other:f")
    with pytest.raises(GuardError, match="outside"):
        find_code(FetchedSource(tmp_path / "code", 0), "pkg/mod.py", Handler("f", module="code.pkg.mod"))


@pytest.mark.parametrize("extra", [(), ("setup.py", "conftest.py"), ("tests/a.py", "README.md", ".git/hooks/x.py")])
def test_the_only_file_at_the_root_needs_no_name(tmp_path: Path, extra: tuple[str, ...]) -> None:
    assert found(tree(tmp_path, "pipeline.py", *extra)).file == tmp_path / "pipeline.py"


def test_the_only_folder_of_an_archive_is_its_root(tmp_path: Path) -> None:
    source = tree(tmp_path, "repo-1.0/pipeline.py", "repo-1.0/lib/a.py")
    assert found(source) == Code(tmp_path / "repo-1.0/pipeline.py", (tmp_path / "repo-1.0",))
    assert found(source, "lib/a.py").folders == (tmp_path / "repo-1.0/lib", tmp_path / "repo-1.0")
    assert find_file(tmp_path, "lib/a.py") == tmp_path / "repo-1.0/lib/a.py"


def test_what_a_mac_adds_to_an_archive_is_not_there(tmp_path: Path) -> None:
    added = ("__MACOSX/._repo", "__MACOSX/repo/._pipeline.py", ".DS_Store", "repo/.DS_Store", "repo/._pipeline.py")
    source = tree(tmp_path, "repo/pipeline.py", "repo/lib/helper.py", *added)

    assert found(source) == Code(tmp_path / "repo/pipeline.py", (tmp_path / "repo",))
    assert found(source, handler="lib.helper:f").file == tmp_path / "repo/lib/helper.py"
    (tmp_path / "repo/other.py").write_text("")
    with pytest.raises(
        StepError, match=r"set source.handler to one of repo/other.py, repo/pipeline.py, repo/lib/helper.py$"
    ):
        found(source)
    with pytest.raises(StepError, match=r"no module 'nothing'; it has (?!.*MACOSX)"):
        found(source, handler="nothing:f")


@pytest.mark.parametrize(
    ("files", "file", "handler", "words"),
    [
        (("b.py", "a.py", "c/d.py"), None, "train", "set source.handler to one of a.py, b.py, c/d.py"),
        (tuple(f"{n:02}.py" for n in range(12)), None, None, "09.py and 2 more"),
        (("README.md",), None, None, "it holds no .py file"),
        (("b/x.ipynb",), None, None, "no .py file but b/x.ipynb; a notebook becomes a .py by `jupyter nbconvert"),
        (("src/train.py",), "src/trian.py", None, "no file 'src/trian.py'; did you mean 'src/train.py'?"),
        (("a.py",), "zzz/yyy.py", None, "no file 'zzz/yyy.py'; it has a.py"),
        (("pkg/mod.py",), None, "pkg.mdo:f", "no module 'pkg.mdo'; did you mean 'pkg.mod'?"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    tmp_path: Path, files: tuple[str, ...], file: str | None, handler: str | None, words: str
) -> None:
    with pytest.raises(StepError) as failed:
        found(tree(tmp_path, *files), file, handler)
    assert words in failed.value.message


def test_a_single_file_has_no_other_modules(tmp_path: Path) -> None:
    source = FetchedSource(tmp_path, 0, tmp_path / "train.py")
    assert found(source, handler="train:f") == found(source, handler="f") == Code(tmp_path / "train.py", (tmp_path,))
    with pytest.raises(StepError, match="names the module 'other', but the source is one file; write 'C::f'"):
        found(source, handler="other:C::f")


@pytest.mark.parametrize(
    ("env", "username", "password"),
    [
        ({"GIT_TOKEN": "glpat-x"}, "oauth2", "glpat-x"),
        ({"GIT_TOKEN": "github_pat_x"}, "oauth2", "github_pat_x"),
        ({"GIT_TOKEN": "ghp_x"}, "ghp_x", "x-oauth-basic"),
        ({"GIT_USER": "ada", "GIT_PASSWORD": "geheim"}, "ada", "geheim"),
    ],
)
def test_git_credentials(env: dict[str, str], username: str, password: str) -> None:
    credentials = Credentials.from_environment(env)
    assert credentials is not None
    assert (credentials.username, credentials.password) == (username, password)
    secret = env.get("GIT_TOKEN") or env["GIT_PASSWORD"]
    assert credentials.hidden(f"sent {credentials.header} of {secret}") == "sent Basic *** of ***"
    assert secret not in repr(credentials)


@pytest.mark.parametrize("env", [{}, {"GIT_USERNAME": "a"}, {"GIT_PASSWORD": "b"}, {"GIT_TOKEN": " \n"}])
def test_half_of_the_credentials_are_none(env: dict[str, str]) -> None:
    assert Credentials.from_environment(env) is None


def test_the_run_s_own_words_to_pip_go_before_the_operator_s() -> None:
    info = PipInfo(index_url="https://index/simple", find_links="https://wheels/")
    assert pip_environment({}, info, 3) == {
        "PIP_RETRIES": "3",
        "PIP_INDEX_URL": "https://index/simple",
        "PIP_FIND_LINKS": "https://wheels/",
        "PIP_NO_CACHE_DIR": "1",
    }
    own = {"PIP_INDEX_URL": "https://me:pw@own/simple", "PIP_CACHE_DIR": "/cache", "PIP_TARGET": "/x", "HOME": "/h"}
    assert pip_environment(own, info, 3) == {
        "PIP_RETRIES": "3",
        "PIP_INDEX_URL": "https://me:pw@own/simple",
        "PIP_FIND_LINKS": "https://wheels/",
        "PIP_CACHE_DIR": "/cache",
        "HOME": "/h",
    }
    assert pip_environment({}, PipInfo(find_links="https://wheels/"), 3)["PIP_NO_INDEX"] == "1"
    assert "PIP_NO_INDEX" not in pip_environment({}, PipInfo(), 3)
    assert os.environ.get("PIP_NO_INDEX") is None


def test_pip_s_reason_is_found_in_what_it_says() -> None:
    conflict = """Looking in links: https://wheels
ERROR: Cannot install pandas==1.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested pandas==1.0
    The user requested (constraint) pandas==2.1.4

To fix this you could try to:
1. loosen the range of package versions you've specified
ERROR: ResolutionImpossible: for help visit https://pip.pypa.io
"""
    said = pip_reason(conflict)
    assert said.startswith("Cannot install pandas==1.0 because")
    assert "The user requested (constraint) pandas==2.1.4; mlrun and what it needs stay in the image's" in said
    assert pip_reason("a\nb\nc\nd") == "b; c; d"
    assert pip_reason("") == "pip ended without a word"
