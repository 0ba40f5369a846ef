"""What to try after the demo."""

from pathlib import Path

from demo.console import say, styled
from deploy import Target

# Where the explanations of the commands begin.
COLUMN = 50


def show(target: Target, namespace: str, run: str) -> None:
    """Print commands that work as they are, in the repository's folder."""
    tools = Path(target.facts.kubectl).parent
    say(f"\n{styled('What to try next', 'bold')}")
    for command, why in (
        (f"export KUBECONFIG={target.facts.kubeconfig} PATH={tools}:$PATH", ""),
        (f"kubectl config set-context --current --namespace={namespace}", ""),
        (f"kubectl describe mlr {run}", "all of the status, and the events"),
        (f"kubectl logs -l mlrun-operator.dev/run={run}", "the pods' logs"),
        ("kubectl explain mlr.spec", "every field"),
        ("kubectl apply -f examples/02-inline-code/", "code in the run, numbers in the status"),
        ("kubectl edit mlr temperatures", "change unit to C: a new execution"),
        ("kubectl apply -f examples/04-failing-handler/", "a handler that raises"),
        ("kubectl get mlr --watch", ""),
        ("make demo", "the same run again; quick now"),
        ("make cluster-down", "remove the cluster and all that it holds"),
    ):
        padding = " " * (COLUMN - len(command))
        say(f"  {styled(command, 'cyan')}" + (f"{padding}  {styled('# ' + why, 'dim')}" if why else ""))
    say(styled("  The demo's file server has stopped: its input cannot be fetched again outside `make demo`.", "dim"))
