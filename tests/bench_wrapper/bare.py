"""What a user would write without the wrapper: fetch, run the handler with mlrun, upload. Arguments: JSON."""

import json
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    if "requirement" in asked:
        where = [f"--target={asked['work']}/packages", f"--find-links={asked['page']}", "--no-index", "--no-cache-dir"]
        quiet = ["-q", "--disable-pip-version-check", "--no-input", f"--cert={asked['ca']}"]
        subprocess.run([sys.executable, "-m", "pip", "install", *quiet, *where, asked["requirement"]], check=True)
        sys.path.insert(0, f"{asked['work']}/packages")
    import boto3
    import mlrun
    from botocore import UNSIGNED
    from botocore.config import Config

    work = Path(asked["work"])
    client = boto3.client(
        "s3", endpoint_url=asked["endpoint"], region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    inputs = {}
    for name, (bucket, key) in asked["inputs"].items():
        inputs[name] = str(work / Path(key).name)
        client.download_file(bucket, key, inputs[name])
    project = mlrun.get_or_create_project("bench", str(work / "project"), save=False)
    if asked.get("script"):
        (work / "script.py").write_text(asked["code"])
        function = mlrun.new_function("bench", project="bench", kind="local", command=str(work / "script.py"))
        function.run(output_path=str(work / "out"), local=True)
    else:
        namespace: dict[str, object] = {}
        exec(asked["code"], namespace)
        function = mlrun.new_function("bench", project="bench", kind="")
        function.run(handler=namespace["handler"], inputs=inputs, returns=["frame"], output_path=str(work / "out"))
    for file in (work / "out").rglob("*.parquet"):
        client.upload_file(str(file), asked["bucket"], f"bare/{file.name}")
