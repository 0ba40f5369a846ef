"""Every cause of failure of a source and of requirements, for the test that produces it and the page that lists it."""

from dataclasses import dataclass

import test_wrapper_failures as failures
from support.gitserver import GitServer
from support.servers import CLOSED_BUCKET, OPEN_BUCKET
from support.wheels import find_links, wheel
from test_source_archives import with_entry, zipped

from mlrun_operator.api.contract.envelope import Envelope
from mlrun_operator.api.contract.fetching import PipInfo
from mlrun_operator.api.v1alpha1.source import Source

Case = failures.Case


@dataclass
class SourceWorld(failures.World):
    """The servers, and one more for Git."""

    git: GitServer

    def source(
        self, uri: str, handler: str | None = None, function: str | None = "handler", **more: object
    ) -> Envelope:
        return self.run(Source(source=uri, handler=handler), function, **more)

    def repository(self, ref: str | None = None, **more: object) -> Envelope:
        self.git.repository("one.git").commit({"pipeline.py": "def handler(): pass"})
        return self.source(self.git.source("one.git", ref), **more)

    def private(self) -> Envelope:
        self.git.credentials["one.git"] = ("oauth2", "glpat-right")
        return self.repository()

    def with_submodule(self, url: str) -> Envelope:
        made = self.git.repository("one.git")
        made.submodule(url, "sub", "1" * 40)
        made.push()
        return self.source(self.git.source("one.git"))

    def archive(self, data: bytes, handler: str | None = "handler", **more: object) -> Envelope:
        return self.source(f"zip+{self.https.serve('/sources/code.zip', data)}", function=handler, **more)

    def requires(self, *requirements: str, **pip: object) -> Envelope:
        page = find_links(self.https, wheel("pandas", "99.0"))
        info = PipInfo(**{"find_links": page, **pip})
        return self.run(requirements=list(requirements), pip=info)


def _slow(world: SourceWorld) -> Envelope:
    return world.source(world.https.serve("/sources/slow.py", "x", delay=20), fetch={"seconds": 1})


def _downgraded(world: SourceWorld) -> Envelope:
    return world.source(world.https.serve("/sources/moved.py", status=302, location="http://host/x.py"))


def _case(name, reason, content, *words, env=lambda _: {}) -> Case:  # type: ignore[no-untyped-def]
    return Case(name, reason, content, words, env)


SOURCE_CASES = [
    _case(
        "the-repository-wants-credentials",
        "PermissionDenied",
        lambda w: w.private(),
        "answered 401",
        "it wants credentials: set GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD",
    ),
    _case(
        "the-repository-refuses-the-credentials",
        "PermissionDenied",
        lambda w: w.private(),
        "answered 401",
        "it refuses those of GIT_TOKEN",
        env=lambda _: {"GIT_TOKEN": "geheim"},
    ),
    _case(
        "the-repository-does-not-exist",
        "SourceNotFound",
        lambda w: w.source(w.git.source("nowhere.git")),
        "nowhere.git answered 404",
        "no such repository, or it may not be read",
    ),
    _case(
        "the-repository-has-no-such-branch-tag-or-commit",
        "SourceNotFound",
        lambda w: w.repository("mian"),
        "has no branch, tag or commit 'mian'",
        "did you mean 'main'?",
    ),
    _case(
        "the-git-server-is-down",
        "SourceUnavailable",
        lambda w: w.source(f"git+https://{w.nowhere}/one.git"),
        "Connection refused",
    ),
    _case(
        "the-git-server-s-name-is-unknown",
        "SourceUnavailable",
        lambda w: w.source("git+https://git.invalid/one.git"),
        "git.invalid cannot be resolved",
    ),
    _case(
        "at-the-url-is-no-git-server",
        "InvalidRun",
        lambda w: w.source(f"git+{w.https.serve('/no/info/refs', 'hello', content_type='text/html')[:-10]}"),
        "not as a Git server does",
    ),
    _case(
        "a-submodule-has-another-transport",
        "InvalidRun",
        lambda w: w.with_submodule("file:///etc"),
        "the rule 'transport'",
        "write an https:// or a relative URL into .gitmodules",
    ),
    _case(
        "a-repository-over-ssh-has-no-key",
        "InvalidRun",
        lambda w: w.source("git+ssh://git@localhost/one.git"),
        "git+ssh needs a private key",
        "GIT_SSH_KEY_FILE",
    ),
    _case(
        "the-source-s-address-hands-out-credentials",
        "InvalidRun",
        lambda w: w.source("git+https://169.254.169.254/one.git"),
        "the rule 'link-local'",
        "sources.linkLocal allows it",
    ),
    _case(
        "the-source-is-redirected-from-https-to-http",
        "InvalidRun",
        _downgraded,
        "sends on from https to http",
        "the rule 'redirect'",
    ),
    _case(
        "the-archive-is-none",
        "InvalidRun",
        lambda w: w.archive(b"print('hello')"),
        "Not a valid zip file",
    ),
    _case(
        "the-archive-leaves-its-folder",
        "InvalidRun",
        lambda w: w.archive(with_entry("../x.py", 0o100644)),
        "outside of the archive's folder",
        "the rule 'path'",
    ),
    _case(
        "the-archive-holds-a-link",
        "InvalidRun",
        lambda w: w.archive(with_entry("x.py", 0o120777, "/etc/passwd")),
        "is a link",
        "the rule 'link'",
    ),
    _case(
        "the-archive-unpacks-to-too-much",
        "InvalidRun",
        lambda w: w.archive(zipped({"x.bin": bytes(2 << 20)}), fetch={"max_unpacked_mib": 1}),
        "unpacks to 2 MiB, more than 1 MiB",
        "sources.maxUnpackedMiB allows it",
    ),
    _case(
        "the-archive-is-too-large",
        "InvalidRun",
        lambda w: w.archive(bytes(2 << 20), fetch={"max_mib": 1}),
        "larger than 1048576 bytes",
        "sources.maxMiB allows it",
    ),
    _case(
        "the-source-s-object-does-not-exist",
        "SourceNotFound",
        lambda w: w.source(f"zip+s3://{OPEN_BUCKET}/nowhere.zip", store=w.open_s3()),
        "nowhere.zip does not exist",
    ),
    _case(
        "the-source-s-bucket-wants-credentials",
        "PermissionDenied",
        lambda w: w.source(f"s3://{CLOSED_BUCKET}/x.py", store=w.open_s3()),
        "refuses",
    ),
    _case(
        "the-source-has-no-such-file",
        "SourceNotFound",
        lambda w: w.repository(handler="pipelin.py"),
        "no file 'pipelin.py'",
        "did you mean 'pipeline.py'?",
    ),
    _case(
        "the-source-has-several-files",
        "InvalidRun",
        lambda w: w.archive(zipped({"a.py": "", "b.py": ""})),
        "set source.handler to one of a.py, b.py",
    ),
    _case(
        "the-source-has-no-such-module",
        "InvalidRun",
        lambda w: w.archive(zipped({"pkg/train.py": ""}), "pkg.trian:handler"),
        "no module 'pkg.trian'",
        "did you mean 'pkg.train'?",
    ),
    _case(
        "the-source-takes-too-long",
        "SourceUnavailable",
        _slow,
        "not there within 1 s",
        "sources.timeoutSeconds allows more",
    ),
    _case(
        "a-requirement-would-change-what-mlrun-needs",
        "RequirementsFailed",
        lambda w: w.requires("pandas==99.0"),
        "(constraint) pandas",
        "mlrun and what it needs stay in the image's versions",
    ),
    _case(
        "the-requirements-file-does-not-exist",
        "RequirementsFailed",
        lambda w: w.requires("-r requirements.txt"),
        "the source has no such file",
    ),
]
