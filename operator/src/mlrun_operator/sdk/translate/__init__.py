"""What users write, in DigitalHub's shapes or in Kubernetes', as our resources. Pure; errors name the field."""

from mlrun_operator.sdk.translate.function import function_object, function_spec
from mlrun_operator.sdk.translate.run import RunRequest, run_object, run_spec

__all__ = ["RunRequest", "function_object", "function_spec", "run_object", "run_spec"]
