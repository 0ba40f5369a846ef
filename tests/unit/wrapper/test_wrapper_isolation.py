"""The executor's promise: the standard library and mlrun only, and nothing of ours within the user's reach."""

import ast
import subprocess
import sys
from pathlib import Path

import mlrun_wrapper

EXECUTOR = Path(mlrun_wrapper.__file__).parent / "executor"
# mlrun brings these.
WITH_MLRUN = {"mlrun", "numpy", "pandas", "pyarrow", "yaml"}


def test_the_executor_imports_only_the_standard_library_and_mlrun() -> None:
    allowed = set(sys.stdlib_module_names) | WITH_MLRUN
    for file in EXECUTOR.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = {(node.module or "").partition(".")[0]}
            else:
                continue
            assert names <= allowed, f"{file.name} imports {names - allowed}"


def test_the_executor_keeps_to_python_3_9_which_images_of_users_have() -> None:
    for file in EXECUTOR.glob("*.py"):
        tree = ast.parse(file.read_text(), feature_version=(3, 9))
        unions = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "isinstance"]
        assert not [n for n in unions if isinstance(n.args[1], ast.BinOp)], file.name
        annotated = any(isinstance(n, ast.FunctionDef) for n in ast.walk(tree))
        assert not annotated or "from __future__ import annotations" in file.read_text(), file.name


def test_the_executor_is_started_before_pydantic_and_boto3_are_imported() -> None:
    code = "import sys, mlrun_wrapper.main; print({'pydantic', 'boto3', 'mlrun_operator'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_the_store_imports_boto3_only_where_s3_is_opened() -> None:
    code = "import sys, mlrun_operator.store; print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_gitpython_is_imported_only_where_a_repository_is_fetched() -> None:
    code = "import sys, mlrun_wrapper.steps; print('git' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
