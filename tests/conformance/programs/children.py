"""Child contexts: a handler's own iterations."""

RUN = {"child_with_parameters_of_the_parent": {"params": {"rate": 0.5}}}
DIFFERS = {}


def best_is_marked(context):
    """`mark_as_best` makes a child's results and artifacts those of the run."""
    best = 0
    for p in (3, 4, 8, 9):
        with context.get_child_context(p=p) as child:
            accuracy = 1 / (1 + abs(p - 4))
            child.log_result("accuracy", accuracy)
            child.log_artifact("art", body=f"p is {p}", local_path=f"a{p}.txt")
            if accuracy > best:
                child.mark_as_best()
                best = accuracy


def without_a_best(context):
    """Children of which none is marked."""
    for p in (1, 2):
        with context.get_child_context(p=p) as child:
            child.log_result("p", p)
            child.log_artifact("art", body=str(p), local_path="a.txt")


def results_of_parent_and_children(context):
    """Results of the parent beside its children's."""
    for p in (1, 2):
        with context.get_child_context(p=p) as child:
            child.log_result("score", p)
    context.log_result("total", 3)


def child_with_parameters_of_the_parent(context):
    """`with_parent_params` copies the parent's parameters."""
    with context.get_child_context(with_parent_params=True, depth=2) as child:
        child.log_result("parameters", child.parameters)


def child_without_parameters_of_the_parent(context):
    """A child has its own parameters only."""
    context.get_param("rate", 0.5)
    with context.get_child_context(depth=2) as child:
        child.log_result("parameters", child.parameters)


def iteration_of_a_child(context):
    """Children count from 1."""
    seen = []
    for _ in range(2):
        with context.get_child_context() as child:
            seen.append(child.iteration)
    context.log_result("iterations", seen)


def child_of_a_child(context):
    """A child has no children of its own."""
    with context.get_child_context(a=1) as child:
        child.get_child_context(b=1)


def mark_as_best_of_the_parent(context):
    """The parent cannot be the best."""
    context.mark_as_best()


def children_with_models(context):
    """Models of children."""
    for p in (1, 2):
        with context.get_child_context(p=p) as child:
            child.log_model("model", body=f"w{p}".encode(), model_file="m.bin", metrics={"p": p})
            if p == 2:
                child.mark_as_best()


def children_with_datasets(context):
    """Datasets of children."""
    import pandas as pd

    for p in (1, 2):
        with context.get_child_context(p=p) as child:
            child.log_dataset("frame", df=pd.DataFrame({"p": [p]}))
            if p == 1:
                child.mark_as_best()


def artifact_of_parent_and_child(context):
    """One key by the parent and by a child."""
    with context.get_child_context(p=1) as child:
        child.log_artifact("art", body="child", local_path="a.txt")
    context.log_artifact("art", body="parent", local_path="b.txt")


def child_that_fails(context):
    """An exception in a child's block."""
    try:
        with context.get_child_context(p=1) as child:
            child.log_result("p", 1)
            raise ValueError("child failed")
    except ValueError:
        context.log_result("caught", True)


def update_child_iterations(context):
    """`update_child_iterations` commits all children and names the best."""
    for p in (1, 2):
        child = context.get_child_context(p=p)
        child.log_result("score", p)
    context.update_child_iterations(best_run=2, commit_children=True)


def log_iteration_results(context):
    """`log_iteration_results` with a summary of the user's own."""
    context.log_iteration_results(0, [["iter", "score"], [1, 5]], None)
    context.log_result("n", 1)


def child_that_commits(context):
    """A child that is not a block, with `commit`."""
    child = context.get_child_context(p=1)
    child.log_result("score", 1)
    child.commit(completed=True)


def labels_of_a_child(context):
    """Labels of a child stay with it."""
    with context.get_child_context(p=1) as child:
        child.set_label("stage", "child")
    context.log_result("label", str(context.labels.get("stage")))


def best_child_in_a_list(context):
    """`best_iteration` of `list_artifacts`."""
    for number in (1, 2, 3):
        with context.get_child_context(number=number) as child:
            child.log_artifact("part", body=str(number), local_path=f"{number}.txt")
            if number == 2:
                child.mark_as_best()
    listed = context.get_project_object().list_artifacts("~part", best_iteration=True)
    context.log_result("iterations", [each["metadata"]["iter"] for each in listed])
