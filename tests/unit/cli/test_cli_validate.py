"""`validate`: what is wrong, and on which line."""

import io
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devcluster.paths import REPOSITORY
from mlrun_operator.api.contract.envelope import decode
from mlrun_operator.cli.documents import parse
from mlrun_operator.cli.errors import Exit
from mlrun_operator.cli.output import yaml_text
from mlrun_operator.cli.problems import check
from mlrun_operator.cli.submit import _placed

FUNCTION = """\
apiVersion: mlrun-operator.dev/v1alpha1
kind: MlrunFunction
metadata:
  name: fn
spec:
  source:
    code: |
      import os

      def handler(context):
          return 1
  handler: handler
"""
RUN = """\
apiVersion: mlrun-operator.dev/v1alpha1
kind: MlrunRun
metadata:
  name: one
spec:
  functionRef:
    name: fn
  parameters:
    rate: 1e-3
    day: 2026-11-24
"""


def problems(text: str) -> list[tuple[int, str, str]]:
    return [(p.line, p.field, p.message) for p in check(parse(text, "f.yaml"))]


def test_good_manifests_have_no_problems() -> None:
    assert problems(f"{FUNCTION}---\n{RUN}") == []


def test_all_examples_are_valid(cli) -> None:
    said = cli("validate", REPOSITORY / "examples")
    assert (said.code, said.out) == (0, "")


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        (RUN.replace("parameters", "paramters"), 8, "spec.paramters", "unknown field; did you mean parameters?"),
        (RUN + "  backoff_limit: 1\n", 11, "spec.backoff_limit", "unknown field; did you mean backoffLimit?"),
        (RUN + "  backoffLimit: many\n", 11, "spec.backoffLimit", "must be a whole number"),
        (RUN + "  inputs:\n    url: store://x\n", 11, "spec.inputs", "is not a key; its form is store://"),
        (RUN + "  inputs:\n    x: {path: a, key: b}\n", 12, "spec.inputs.x", "exactly one of key"),
        (RUN + "  volumes:\n  - name: v\n    mountPath: data\n    emptyDir: {}\n", 13, "spec.volumes[0].mountPath", ""),
        (RUN + "  env:\n  - value: x\n", 12, "spec.env[0].name", "is required"),
        (RUN + "  env:\n  - name: HOME\n", 12, "spec.env[0].name", "HOME is set by the platform"),
        (RUN + "  action: build\n", 11, "spec.action", "only job is supported"),
        (RUN + "  function: {}\n", 11, "spec.function.source", "is required"),
        (RUN.replace("name: one", "name: One_Run"), 4, "metadata.name", "write one-run-"),
        (RUN.replace("  name: one", "  labels: {}"), 3, "metadata", "metadata.name is required"),
        (RUN.replace("v1alpha1", "v1"), 1, "apiVersion", "use mlrun-operator.dev/v1alpha1"),
        (RUN.replace("MlrunRun", "MlrunJob"), 2, "kind", "there are MlrunFunction and MlrunRun"),
        (RUN.replace("spec:", "specs:"), 1, "", "spec is required"),
        (FUNCTION.replace("handler: handler", "handler: handle"), 12, "spec.handler", "did you mean handler?"),
        (FUNCTION.replace("return 1", "return ("), 11, "spec.source", "the code is not Python: line 4: '(' was never"),
    ],
)
def test_a_problem_is_told_with_its_line(text: str, line: int, field: str, words: str) -> None:
    found = [p for p in problems(text) if "among these files" not in p[2]]
    assert any(p[0] == line and p[1] == field and words in p[2] for p in found), found


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ('backoffLimit: "2"', "backoffLimit", "must be a whole number without quotes, not '2'"),
        ("backoffLimit: two", "backoffLimit", "must be a whole number without quotes, not 'two'"),
        ("backoffLimit: true", "backoffLimit", "must be a whole number without quotes, not true"),
        ('suspend: "true"', "suspend", "must be true or false without quotes, not 'true'"),
        ('replicas: "3"', "replicas", "must be a whole number without quotes, not '3'"),
        ('volumes: [{name: v, mountPath: /v, readOnly: "true", emptyDir: {}}]', "volumes[0].readOnly", "true or false"),
        ('tolerations: [{effect: NoExecute, key: a, tolerationSeconds: "3"}]', "tolerations[0].tolerationSeconds", "3"),
        ("imagePullPolicy: Sometimes", "imagePullPolicy", "input should be 'Always', 'IfNotPresent' or 'Never'"),
        ("resources: {requests: {cpu: 0.5}}", "resources.requests.cpu", "a text; put it in quotes: '0.5'"),
        ("resources: {requests: {cpu: half}}", "resources.requests.cpu", "'half' is not a quantity; write one such as"),
        ("resources: {requests: {cpu: true}}", "resources.requests.cpu", "true is not a quantity"),
        ("resources: {limits: {memory: -1Gi}}", "resources.limits.memory", "'-1Gi' is negative"),
        ("resources: {limits: {mem: 1Gi}}", "resources.limits.mem", "'mem' is no resource; there are cpu, memory"),
        ("resources: {limits: {gpu: 500m}}", "resources.limits", "gpu 500m must be a whole number"),
        ("resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}", "resources", "less than or equal to cpu limit 1500m"),
        ("resources: {requests: {a.org/b: 1}}", "", "resources.requests.a.org/b 1 has no limit; write it under limits"),
        ("volumes: [{name: v, mountPath: /v, emptyDir: {sizeLimit: 1.5}}]", "volumes[0].emptyDir.sizeLimit", "'1.5'"),
        (
            "volumes: [{name: v, mountPath: /v, ephemeral: {size: 1 GB}}]",
            "volumes[0].ephemeral.size",
            "is not a quantity",
        ),
        (
            "volumes: [{name: v, mountPath: /v, emptyDir: {}}, {name: w, mountPath: /v/, emptyDir: {}}]",
            "volumes",
            "two volumes are mounted at /v",
        ),
        ("nodeSelector: {disk: a b}", "nodeSelector.disk", "'a b' is no value of a label"),
        ("nodeSelector: {a/b/c: x}", "nodeSelector.a/b/c", "'a/b/c' is no key of a label"),
        ("podLabels: {-a: x}", "podLabels.-a", "'-a' is no key of a label"),
        ("podAnnotations: {a b: x}", "podAnnotations.a b", "'a b' is no key of an annotation"),
        ("tolerations: [{operator: Exists, key: a, value: b}]", "tolerations[0]", "operator: Exists matches any value"),
        ("tolerations: [{value: b}]", "tolerations[0]", "needs operator: Exists"),
        ("tolerations: [{key: a, tolerationSeconds: 3}]", "tolerations[0]", "is for effect: NoExecute only"),
        ("env: [{name: A, valueFrom: {}}]", "env[0].valueFrom", "set exactly one of secretKeyRef, configMapKeyRef"),
        ("inputs: {a: 'ftp://me:pw@h/x'}", "inputs", "a: ftp:// cannot be read; there are http://, https://, s3://"),
        ("inputs: {a: [{path: 'gs://b/x'}]}", "inputs", "a[0]: gs:// cannot be read"),
    ],
)
def test_what_only_the_cluster_would_refuse_is_told_before(spec: str, field: str, words: str) -> None:
    found = problems(f"{FUNCTION}---\n{RUN}  {spec}\n")
    assert [(each, words in message) for _, each, message in found] == [(f"spec.{field}".rstrip("."), True)], found
    assert "pw" not in str(found)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("metadata.name", True),
        ("metadata.labels['a.b/c']", True),
        ("status.podIPs", True),
        ("spec.serviceAccountName", True),
        ("spec.nope", False),
        ("metadata.labels", False),
        ("metadata.name.x", False),
    ],
)
def test_a_field_that_no_variable_can_have_is_worth_a_note(path: str, *, is_one: bool) -> None:
    text = f'{FUNCTION}---\n{RUN}  env: [{{name: A, valueFrom: {{fieldRef: {{fieldPath: "{path}"}}}}}}]\n'
    found = [(p.field, p.note) for p in check(parse(text, "f.yaml"))]
    assert found == ([] if is_one else [("spec.env[0].valueFrom.fieldRef.fieldPath", True)])


@pytest.mark.parametrize(
    ("image", "is_one"),
    [
        ("mlrun/mlrun", True),
        ("reg.example.org:5000/a/b:1.2", True),
        (f"a/b@sha256:{'0' * 64}", True),
        ("'[fd00::1]:5000/a/b:1'", True),
        ("'[fd00::1]/a'", True),
        ("https://reg/a", False),
        ("a//b", False),
        ("'a/b:'", False),
        ("a/b/", False),
        ("'a/b@'", False),
        ("'[fd00::1]'", False),
    ],
)
def test_an_image_is_a_reference_that_nodes_can_pull(image: str, *, is_one: bool) -> None:
    found = problems(f"{FUNCTION}  image: {image}\n")
    assert [field for _, field, _ in found] == ([] if is_one else ["spec.image"])


def test_the_limit_of_a_function_counts_for_the_request_of_its_run() -> None:
    function = FUNCTION + "  run: {resources: {limits: {cpu: 1}}}\n"
    (found,) = problems(f"{function}---\n{RUN}  resources: {{requests: {{cpu: 2}}}}\n")
    assert "requests.cpu 2 must be less than or equal to cpu limit 1" in found[2]
    assert problems(f"{function}---\n{RUN}  resources: {{requests: {{cpu: 500m}}}}\n") == []


def test_a_run_that_is_too_large_for_a_pod_is_told() -> None:
    parameters = {"seed": "".join(sha256(bytes([i % 256, i // 256])).hexdigest() for i in range(8000))}
    ((_, field, words),) = problems(FUNCTION + "---\n" + RUN.replace("rate: 1e-3", f"seed: {parameters['seed']}"))
    assert field == "spec"
    assert words.startswith("code, parameters and settings need")


def test_a_name_that_is_there_twice_is_told_with_the_other_place() -> None:
    ((line, field, words),) = problems(f"{FUNCTION}---\n{FUNCTION}")
    assert (line, field) == (17, "metadata.name")
    assert words == "is also in f.yaml:1; the later one would replace it"


def test_a_missing_function_is_a_note_and_a_failure_only_with_strict(cli, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(RUN)
    assert cli("validate", file).code == Exit.OK
    said = cli("validate", "--strict", file)
    assert said.code == Exit.FAILED
    assert said.out.startswith(f"{file}:7: note: MlrunRun/one: spec.functionRef.name: MlrunFunction fn is not among")


def test_a_function_is_found_by_its_original_name() -> None:
    function = FUNCTION.replace("name: fn", "name: my-function-c64d28").replace(
        "spec:", "spec:\n  name: my_function", 1
    )
    assert problems(f"{function}---\n{RUN.replace('name: fn', 'name: my_function')}") == []


def test_standard_input_lists_and_other_kinds(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [parse(FUNCTION, "")[0].value, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent="\t")
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    said = cli("validate", "-", "--json")
    assert json.loads(said.out) == {"valid": True, "objects": 1, "problems": []}


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [1", "f.yaml:1: "), ("a: 1\nb: 2\na: 3", "f.yaml:3: 'a' is written twice"), ("a:\n\t- b", "f.yaml:2: ")],
)
def test_text_that_is_no_yaml_is_told_with_its_line(cli, tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    said = cli("validate", file)
    assert said.code == Exit.USAGE
    assert f"error: {tmp_path}/{words}" in said.err


def bomb() -> str:
    """A billion texts in half a KiB, as parameters of a run."""
    head = "  parameters:\n    a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    names = [f"[{', '.join([f'*a{n}'] * 10)}]" for n in range(9)]
    return RUN.partition("  parameters:")[0] + head + "".join(f"    a{n}: &a{n} {v}\n" for n, v in enumerate(names, 1))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "words"),
    [(bomb(), "13: aliases repeat more than 1 MiB"), (RUN + "  x: " + "[" * 3_000, "11: it is nested deeper than 100")],
)
@pytest.mark.parametrize("verb", ["validate", "render", "apply", "diff", "convert"])
def test_a_bomb_ends_quickly_and_names_its_file(cli, tmp_path: Path, verb: str, text: str, words: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    said = cli(verb, file)
    assert said.code == Exit.USAGE
    assert f"error: {file}:{words}" in said.err


def test_a_value_that_cannot_be_read_names_its_line(cli, tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(RUN + f"  x: {'1' * 5000}\n")
    said = cli("validate", file)
    assert said.code == Exit.USAGE
    assert f"error: {file}:11: this is not a valid int" in said.err


def test_parameters_have_the_same_limits(cli, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("[" * 3_000)
    for words in (("--params-file", file), ("-p", "x=" + "[" * 3_000), ("-x", "x=" + "[" * 3_000)):
        said = cli("run", "train", *words, "--dry-run")
        assert said.code == Exit.USAGE
        assert "nested deeper than 100 levels" in said.err


@pytest.mark.parametrize("verb", ["validate", "render", "apply", "diff"])
def test_files_may_be_named_as_kubectl_does(cli, tmp_path: Path, verb: str) -> None:
    function, run = tmp_path / "function.yaml", tmp_path / "run.yaml"
    function.write_text(FUNCTION)
    run.write_text(RUN.replace("parameters", "paramters"))
    for arguments in (["-f", function, "-f", run], [f"--filename={run}", function], [function, run, "-f", run]):
        said = cli(verb, *arguments)
        assert said.code == Exit.FAILED
        assert (said.out + said.err).count(f"{run}:8: MlrunRun/one: spec.paramters: unknown field") == 1


def test_standard_input_may_be_named_as_kubectl_does(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(FUNCTION))
    assert cli("validate", "-f", "-").err.strip() == "1 object of ours: valid"


@pytest.mark.parametrize("verb", ["validate", "render", "apply", "diff"])
def test_a_verb_without_a_file_says_what_to_name(cli, verb: str) -> None:
    said = cli(verb)
    assert (said.code, "no file was named" in said.err, "-f FILE" in said.err) == (Exit.USAGE, True, True)


def test_files_without_anything_of_ours_are_a_failure(cli, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Secret\n")
    assert cli("validate", tmp_path).code == Exit.FAILED


def test_numbers_and_dates_are_read_as_kubectl_reads_them() -> None:
    (document,) = parse(RUN, "")
    assert document.value["spec"]["parameters"] == {"rate": 0.001, "day": "2026-11-24"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    st.lists,
    max_leaves=5,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_what_is_printed_as_yaml_is_read_back_the_same(value: dict[str, object]) -> None:
    (document,) = parse(yaml_text({"kind": "x", "value": value}), "f")
    assert document.value["value"] == value


def test_a_float_that_kubernetes_stores_as_an_integer_is_worth_a_note() -> None:
    run = RUN.replace("rate: 1e-3", "rate: 1.0\n    steps: [0.5, 2.0]")
    (found,) = check(parse(f"{FUNCTION}---\n{run}", "f.yaml"))
    assert (found.field, found.line, found.note) == ("spec.parameters.rate", FUNCTION.count("\n") + 10, True)
    assert "floatParameters: [/parameters/rate, /parameters/steps]" in found.message
    declared = f"{run}  floatParameters: [/parameters/rate, /parameters/none]\n"
    (found,) = check(parse(f"{FUNCTION}---\n{declared}", "f.yaml"))
    assert (found.field, found.note) == ("spec.floatParameters", True)
    assert "'/parameters/none' is not in the run" in found.message


def test_what_is_applied_says_which_numbers_are_floats() -> None:
    (document,) = parse(RUN.replace("rate: 1e-3", "rate: 1.0"), "f.yaml")
    _, placed = _placed(document.value, "team")
    assert placed["spec"]["floatParameters"] == ["/parameters/rate"]
    (document,) = parse(RUN.replace("rate: 1e-3", "rate: 1"), "f.yaml")
    assert "floatParameters" not in _placed(document.value, "team")[1]["spec"]


def test_a_rendered_job_has_the_floats_that_apply_declares(cli, tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(f"{FUNCTION}---\n{RUN.replace('rate: 1e-3', 'rate: 1.0')}")
    job = json.loads(cli("render", file, "--json").out)
    envelope = decode(job["spec"]["template"]["metadata"]["annotations"]["mlrun-operator.dev/envelope"])
    assert envelope.float_parameters == ["/parameters/rate"]


def test_a_regular_sidecar_of_a_template_is_worth_a_note() -> None:
    native = "        initContainers:\n        - {name: db, image: x, restartPolicy: Always}\n"
    template = f"  podTemplate:\n      spec:\n{native}        containers:\n        - {{name: proxy, image: x}}\n"
    found = check(parse(f"{FUNCTION}---\n{RUN}{template}", "f.yaml"))
    assert [(problem.field, problem.note) for problem in found] == [("spec.podTemplate", True)]
    assert "container proxy" in found[0].message
