"""Every form of a source's URI, and every wrong one with the words that it gets."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlrun_operator.api.v1alpha1.function import FunctionSpec
from mlrun_operator.api.v1alpha1.source import Source
from mlrun_operator.api.values.handlers import Handler
from mlrun_operator.api.values.source_uri import SourceURI

REPOSITORY = "https://git.example.org:8443/team/pipelines.git"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        (f"git+{REPOSITORY}", SourceURI("git", REPOSITORY)),
        (f"git+{REPOSITORY}#main", SourceURI("git", REPOSITORY, "main")),
        (f"git+{REPOSITORY}#feature/new-model", SourceURI("git", REPOSITORY, "feature/new-model")),
        (f"git+{REPOSITORY}#refs/tags/v1.0", SourceURI("git", REPOSITORY, "refs/tags/v1.0")),
        ("git+https://[fd00::1]/a/b", SourceURI("git", "https://[fd00::1]/a/b")),
        ("git+ssh://git@host/team/p.git#v1", SourceURI("git", "ssh://git@host/team/p.git", "v1")),
        ("zip+s3://bucket/some/key.zip", SourceURI("zip", "s3://bucket/some/key.zip")),
        ("zip+https://host/a.zip?sig=1%2F", SourceURI("zip", "https://host/a.zip?sig=1%2F")),
        ("zip+http://host/download", SourceURI("zip", "http://host/download")),
        ("https://host/a/b.py", SourceURI("file", "https://host/a/b.py")),
        ("http://host/b.py?token=x", SourceURI("file", "http://host/b.py?token=x")),
        ("s3://bucket/a#1/b.py", SourceURI("file", "s3://bucket/a#1/b.py")),
    ],
)
def test_a_uri_is_taken_apart(text: str, parsed: SourceURI) -> None:
    assert SourceURI.parse(text) == parsed
    assert Source(source=text).uri == parsed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/a.py", "the scheme must be one of git+https, git+ssh"),
        ("pipeline.py", "the scheme must be one of"),
        ("git+file:///srv/repo", "the scheme must be one of"),
        ("git+http://host/a/b.git", "the scheme must be one of"),
        ("ext::sh -c id", "the scheme must be one of"),
        ("git+ext::sh", "the scheme must be one of"),
        ("HTTPS://host/a.py", "the scheme must be one of"),
        ("https://host/my file.py", "must not contain spaces"),
        ("https://host/a.py\n", "must not contain spaces"),
        ("git+https://me:pw@host/a/b.git", "carries credentials"),
        ("git+https://token@host/a/b.git", "carries credentials"),
        ("git+ssh://git:pw@host/a/b.git", "carries credentials"),
        ("https://me:pw@host/a.py", "carries credentials"),
        ("git+https://host", "form git+https://host"),
        ("git+https:///a/b.git", "form git+https://host"),
        ("git+ssh://-oProxyCommand=id/a", "form git+https://host"),
        ("git+ssh://git@-oProxyCommand=id/a", "form git+https://host"),
        ("git+https://host/a//b.git", "form git+https://host"),
        ("git+https://host/a.git?x=1", "form git+https://host"),
        ("git+https://host/a.git#", "is not a branch, tag or commit"),
        ("git+https://host/a.git#--upload-pack=id", "is not a branch, tag or commit"),
        ("git+https://host/a.git#a:b", "is not a branch, tag or commit"),
        ("git+https://host/a.git#a^{commit}", "is not a branch, tag or commit"),
        ("zip+s3:///key.zip", "has no bucket"),
        ("s3:///a.py", "has no bucket"),
        ("zip+s3://bucket", "has no object key"),
        ("zip+s3://bucket/", "has no object key"),
        ("zip+s3://bucket/folder/", "has no object key"),
        ("zip+https://host", "must have a host and a path"),
        ("https:///a.py", "must have a host and a path"),
        ("https://host/a.py#L3", "must have a host and a path"),
        ("https://host/archive.zip", "zip+https://"),
        ("https://[1.2]/a.py", "wrong host or port"),
        ("git+https://host:99999/a/b.git", "wrong host or port"),
        ("https://host/train.ipynb", "jupyter nbconvert"),
        ("s3://bucket/train.ipynb", "jupyter nbconvert"),
    ],
)
def test_a_wrong_uri_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        SourceURI.parse(text)
    with pytest.raises(ValidationError):
        Source(source=text)


def test_a_uri_is_shown_without_its_signature() -> None:
    assert str(SourceURI.parse("zip+https://host/a.zip?X-Amz-Signature=abc")) == "zip+https://host/a.zip?…"
    assert str(SourceURI.parse(f"git+{REPOSITORY}#main")) == f"git+{REPOSITORY}#main"
    assert str(SourceURI.parse("s3://bucket/what?.py")) == "s3://bucket/what?.py"


def test_the_parts_of_an_s3_uri() -> None:
    uri = SourceURI.parse("zip+s3://bucket/some/key.zip")
    assert (uri.scheme, uri.bucket, uri.key, uri.name) == ("s3", "bucket", "some/key.zip", "key.zip")
    assert SourceURI.parse("https://host/my%20file.py?x=/y.py").name == "my file.py"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("train", Handler("train")),
        ("Trainer::fit", Handler("fit", cls="Trainer")),
        ("pkg.sub.mod:train", Handler("train", module="pkg.sub.mod")),
        ("mod:Trainer::fit", Handler("fit", module="mod", cls="Trainer")),
    ],
)
def test_a_handler_is_taken_apart(text: str, parsed: Handler) -> None:
    assert Handler.parse(text) == parsed
    assert FunctionSpec(source=Source(code="x"), handler=text).handler == text


@pytest.mark.parametrize("text", ["", "a b", "a.b", "a:", ":a", "A::", "a:b:c", "1a", "a-b:c", "train\n", "A::b::c"])
def test_a_wrong_handler_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        FunctionSpec(source=Source(code="x"), handler=text)


@pytest.mark.parametrize("path", ["a.py", "src/pipelines/train.py", "a..b/c.py", "..a/b.py"])
def test_a_file_inside_of_a_repository_is_named_by_its_path(path: str) -> None:
    assert Source(source=f"git+{REPOSITORY}", handler=path).handler == path


@pytest.mark.parametrize(
    "path", ["/etc/a.py", "../a.py", "a/../b.py", "./a.py", "a\\b.py", "train.ipynb", "a//b.py", ".py"]
)
def test_a_path_that_leaves_the_repository_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Source(source=f"git+{REPOSITORY}", handler=path)


@pytest.mark.parametrize("where", [{"code": "x"}, {"source": "https://host/a.py"}])
def test_a_path_without_a_repository_or_archive_is_refused(where: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="inside a repository or archive"):
        Source(**where, handler="a.py")


@pytest.mark.parametrize(
    "entry",
    [
        "numpy",
        "scikit-learn>=1.4,<2",
        "torch==2.3.0; python_version < '3.12'",
        "-r requirements.txt",
        "-r deep/..dots/base.txt",
        "tool @ https://host/tool.whl",
        "tool @ git+https://${TOKEN}@host/tool.git",
        "lib[extra1,extra2] --hash=sha256:abc",
    ],
)
def test_a_requirement_is_what_pip_takes(entry: str) -> None:
    assert FunctionSpec(source=Source(code="x"), requirements=[entry]).requirements == [entry]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("--index-url=https://evil", "set other options of pip"),
        ("-e .", "set other options of pip"),
        ("-r /etc/passwd", "set other options of pip"),
        ("-r ../../secret.txt", "set other options of pip"),
        ("-r a/../../secret.txt", "set other options of pip"),
        ("numpy\n--index-url=https://evil", "set other options of pip"),
        ("numpy\\", "set other options of pip"),
        ("tool @ https://me:pw@host/tool.whl", "no credentials in a URL"),
    ],
)
def test_a_wrong_requirement_is_refused_in_words(entry: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        FunctionSpec(source=Source(code="x"), requirements=[entry])
    assert words in str(refused.value)


_SCHEMES = ["git+", "zip+", "https", "http", "ssh", "s3", "://"]
_HOSTS = ["host", "user", "[fd00::1]", "[1.2]", ":99999"]
_PATHS = ["..", ".py", "key.zip", "main", "%2F", "\\", "*", " ", "é", "\u2028", "\x00"]
_PIECES = st.sampled_from([*"/?#@:[]~^-.%", *_SCHEMES, *_HOSTS, *_PATHS])


@given(text=st.text() | st.lists(_PIECES, max_size=14).map("".join))
@example(text="https://[1.2]/a.py")
@example(text="git+https://host:99999/a/b.git")
def test_any_text_is_a_uri_or_is_refused(text: str) -> None:
    try:
        parsed = SourceURI.parse(text)
    except ValueError:
        return
    assert (parsed.kind == "git") == text.startswith("git+")
    assert text.startswith(f"{parsed.scheme}://") or f"+{parsed.scheme}://" in text
    assert "/" not in parsed.name
    assert (
        "@" not in str(parsed)
        or parsed.scheme in ("ssh", "s3")
        or "@" in urlsplit(parsed.url).path + (parsed.ref or "")
    )
