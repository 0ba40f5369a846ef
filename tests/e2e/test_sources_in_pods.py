"""Sources and requirements in real pods: no root, a read-only root, Secrets as files and as variables."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gitserver import GitServer, Repository
from support.kube import Kube, Object, run
from support.sshserver import SshServer
from support.wheels import wheel

import fileserver
from devcluster import paths


def inline(name: str, function: Object, **spec: object) -> Object:
    made = run(name, **spec)
    made["spec"].pop("functionRef")
    made["spec"]["function"] = function
    return made


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    server = SshServer(tmp_path_factory.mktemp("ssh"), paths.BRIDGE_IP, paths.BRIDGE_IP)
    yield server
    server.stop()


def test_a_repository_over_ssh_with_a_mounted_key(kube: Kube, ssh: SshServer, tmp_path: Path) -> None:
    repository = Repository(tmp_path, "one.git")
    commit = repository.commit(
        {"pipeline.py": "import helpers\ndef handler(): return helpers.X", "helpers.py": "X = 7"}
    )
    files = (f"--from-file=key={ssh.key}", f"--from-file=known_hosts={ssh.known_hosts}")
    kube.kubectl("create", "secret", "generic", "git-ssh", *files)
    function = {"source": {"source": f"git+{ssh.url}{repository.bare}", "handler": "pipeline.py"}, "handler": "handler"}
    env = {"GIT_SSH_KEY_FILE": "/git-ssh/key", "GIT_SSH_KNOWN_HOSTS": "/git-ssh/known_hosts"}
    kube.apply(
        inline(
            "over-ssh",
            function,
            env=[{"name": name, "value": value} for name, value in env.items()],
            volumes=[{"name": "git-ssh", "mountPath": "/git-ssh", "secret": {"secretName": "git-ssh"}}],
        )
    )
    status = kube.finished("over-ssh")
    assert status["phase"] == "Succeeded", status["message"]
    assert (status["source"], status["results"]["return"]) == ({"commit": commit}, 7)


def test_a_repository_with_a_submodule_and_its_requirements(kube: Kube, git_server: GitServer) -> None:
    sub = git_server.repository("helpers.git").commit({"helpers.py": "X = 1"})
    repository = git_server.repository("with-requirements.git")
    imports = "import tinydep, tinypkg\nfrom lib.helpers import X\n"
    code = f"{imports}def handler(): return [X, tinypkg.VERSION, tinydep.VERSION]"
    repository.commit({"src/train.py": code, "requirements.txt": "tinypkg>=1\n"})
    repository.submodule("../helpers.git", "lib", sub)
    commit = repository.push()
    with tempfile.TemporaryDirectory() as folder:
        for made in (wheel("tinypkg", "1.2", requires=["tinydep"]), wheel("tinydep", "2.5")):
            (Path(folder) / made.filename).write_bytes(made.data)
        with fileserver.serve(Path(folder)) as url:
            kube.apply(
                inline(
                    "with-requirements",
                    {
                        "source": {"source": git_server.source("with-requirements.git", commit[:9])},
                        "handler": "train:handler",
                        "requirements": ["-r requirements.txt"],
                    },
                    env=[{"name": "PIP_FIND_LINKS", "value": f"{url}/"}, {"name": "PIP_NO_INDEX", "value": "1"}],
                )
            )
            status = kube.finished("with-requirements")
    assert status["phase"] == "Succeeded", status["message"]
    assert (status["source"], status["results"]["return"]) == ({"commit": commit}, [1, "1.2", "2.5"])


def test_a_requirement_that_does_not_exist_is_no_matter_of_retrying(kube: Kube) -> None:
    function = {"source": {"code": "def handler(): pass"}, "handler": "handler", "requirements": ["no-such-package"]}
    env = [{"name": "PIP_NO_INDEX", "value": "1"}]
    kube.apply(inline("unmet", function, env=env, backoffLimit=2))
    status = kube.finished("unmet")
    assert (status["reason"], status["attemptCount"]) == ("RequirementsFailed", 1)
    assert status["attempts"][0]["exitCode"] == 78
    assert "No matching distribution found for no-such-package" in status["message"]


def test_a_script_stores_what_it_logs(kube: Kube) -> None:
    code = """
import mlrun
import pandas as pd

context = mlrun.get_or_create_ctx("script")
context.log_result("n", context.get_param("n"))
context.log_dataset("table", df=pd.DataFrame({"a": [1, 2, 3]}), format="parquet")
"""
    kube.apply(inline("script", {"source": {"code": code}}, parameters={"n": 5}, outputs={"table": "numbers"}))
    status = kube.finished("script")
    assert status["phase"] == "Succeeded", status["message"]
    assert (status["results"]["n"], status["outputs"]["numbers"]["preview"]["rows"]) == (5, 3)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"source": "ftp://host/a.py"}, "the scheme must be one of git+https, git+ssh"),
        ({"source": "zip+s3:///a.zip"}, "source has no bucket"),
        ({"source": "zip+s3://bucket"}, "source has no object key"),
        ({"source": "git+https://me:pw@host/a.git"}, "source carries credentials: set GIT_TOKEN"),
        ({"source": "git+https://host/a.git#--upload-pack=x"}, "cannot start with -"),
        ({"source": "https://host/a.ipynb"}, "jupyter nbconvert"),
        ({"source": "https://host/a.py", "handler": "b.py"}, "inside a repository or archive"),
        ({"source": "git+https://host/a.git", "handler": "../b.py"}, "is the path of a .py file inside"),
    ],
)
def test_the_api_server_refuses_a_wrong_source_in_our_words(kube: Kube, source: Object, words: str) -> None:
    made = {
        "apiVersion": "mlrun-operator.dev/v1alpha1",
        "kind": "MlrunFunction",
        "metadata": {"name": "wrong"},
        "spec": {"source": source},
    }
    with pytest.raises(Exception, match="is invalid") as refused:
        kube.apply(made)
    assert words in str(refused.value)
