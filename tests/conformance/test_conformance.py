"""Each program ends here as it ends under plain mlrun, or differs in exactly the way that it declares."""

import json
from typing import Final

import pytest
from comparison import as_declared, differences
from running import Outcomes

from docgen.programs import SAME, Program, programs

# Faults that are known and not mended yet. A program that passes has to leave the table.
_AWAITED: Final[dict[str, str]] = {
    "children/best_is_marked": "children: the plain name is not the best",
    "children/children_with_models": "children: the plain name is not the best",
    "children/children_with_datasets": "children: the plain name is not the best",
    "children/artifact_of_parent_and_child": "children: the plain name is not the best",
    "children/without_a_best": "children without a best one: artifacts vanish",
    "chains/project_artifact_read": "project.log_*: artifacts vanish",
    "project/log_artifact": "project.log_*: artifacts vanish",
    "project/log_artifact_with_labels": "project.log_*: artifacts vanish",
    "project/log_dataset": "project.log_*: artifacts vanish",
    "project/log_model": "project.log_*: artifacts vanish",
    "project/log_code_file": "project.log_*: artifacts vanish",
    "project/log_document": "project.log_*: artifacts vanish",
    "project/log_llm_prompt": "project.log_*: artifacts vanish",
    "project/log_beside_the_context": "project.log_*: artifacts vanish",
    "project/get_artifact": "project.log_*: artifacts vanish",
    "project/update_artifact": "project.log_*: artifacts vanish",
    "project/delete_artifact": "project.log_*: artifacts vanish",
    "project/run_function_with_hyperparameters": "project.log_*: artifacts vanish",
    "models/model_by_url": "a model that is only a URL fails the run",
    "chains/meta_of_an_artifact": "what mlrun knows of an artifact is lost between runs",
    "chains/meta_of_a_dataset": "what mlrun knows of an artifact is lost between runs",
    "chains/record_of_a_dataset": "what mlrun knows of an artifact is lost between runs",
    "chains/dataset_with_extra_data_read": "what mlrun knows of an artifact is lost between runs",
    "chains/labels_of_a_model": "what mlrun knows of an artifact is lost between runs",
    "chains/features_of_a_model": "what mlrun knows of an artifact is lost between runs",
    "chains/statistics_of_a_model": "what mlrun knows of an artifact is lost between runs",
    "chains/extra_data_of_a_model": "what mlrun knows of an artifact is lost between runs",
    "chains/uri_of_an_output": "what mlrun knows of an artifact is lost between runs",
    "chains/kind_of_a_table": "what mlrun knows of an artifact is lost between runs",
    "packing/str_of_a_folder_packed": "what mlrun knows of an artifact is lost between runs",
    "packing/ndarray_packed": "what mlrun knows of an artifact is lost between runs",
    "chains/text_by_its_tag": "a tag is not kept",
    "chains/model_updated_by_the_next_run": "a stored artifact cannot be updated",
    "chains/artifact_updated_by_the_next_run": "a stored artifact cannot be updated",
    "artifacts/db_key_names_the_artifact": "db_key is ignored",
    "datasets/dataset_with_db_key": "db_key is ignored",
    "models/model_with_db_key": "db_key is ignored",
    "chains/model_with_db_key_by_its_name": "db_key is ignored",
    "artifacts/empty_text_body": "an empty body fails the run",
    "artifacts/empty_bytes_body": "an empty body fails the run",
    "project/list_artifacts": "the database's methods have other signatures",
    "project/list_artifacts_by_name": "the database's methods have other signatures",
    "project/list_artifacts_by_label": "the database's methods have other signatures",
    "project/list_artifacts_by_tag": "the database's methods have other signatures",
    "project/list_artifacts_as_objects": "the database's methods have other signatures",
    "project/list_models": "the database's methods have other signatures",
    "project/list_models_of_earlier_runs": "the database's methods have other signatures",
    "project/list_artifacts_of_earlier_runs": "the database's methods have other signatures",
    "project/get_artifact_of_an_earlier_run": "the database's methods have other signatures",
    "project/list_functions": "the database's methods have other signatures",
    "project/list_artifacts_by_kind": "the database's methods have other signatures",
    "inputs/keyword_arguments_of_inputs": "an input of **kwargs fails",
    "log_hints/hint_with_option": "log hints as maps and with options are refused",
    "log_hints/hint_of_a_file_with_option": "log hints as maps and with options are refused",
    "log_hints/hint_with_two_options": "log hints as maps and with options are refused",
    "log_hints/hint_of_an_array_with_option": "log hints as maps and with options are refused",
    "log_hints/hint_as_a_map": "log hints as maps and with options are refused",
    "log_hints/hint_as_a_map_with_option": "log hints as maps and with options are refused",
    "log_hints/hint_as_a_map_with_packing_options": "log hints as maps and with options are refused",
    "log_hints/hint_as_a_map_with_labels": "log hints as maps and with options are refused",
    "log_hints/hint_as_a_map_with_tag": "log hints as maps and with options are refused",
    "log_hints/hint_as_a_map_with_artifact_path": "log hints as maps and with options are refused",
    "log_hints/hint_as_a_map_with_extra_data": "log hints as maps and with options are refused",
}
_VERDICTS: Final = (SAME, "better", "refused")
_PROGRAMS: Final = programs()


def _parameter(program: Program) -> object:
    fault = _AWAITED.get(program.id)
    marks = [pytest.mark.xfail(strict=True, reason=fault)] if fault else []
    return pytest.param(program, id=program.id, marks=marks)


@pytest.mark.parametrize("program", [_parameter(program) for program in _PROGRAMS])
def test_program_ends_as_under_mlrun(program: Program, outcomes: Outcomes) -> None:
    plain, here = outcomes.of(program)

    found = differences(plain, here)
    assert as_declared(found, program.differs), f"{program.id}: {json.dumps(found, indent=1)}"
    outcomes.forget(program)


def test_there_are_at_least_150_programs() -> None:
    assert len(_PROGRAMS) >= 150
    assert len({program.id for program in _PROGRAMS}) == len(_PROGRAMS)


def test_what_differs_says_why() -> None:
    for program in _PROGRAMS:
        assert program.verdict in _VERDICTS, program.id
        assert (program.verdict == SAME) == (not program.differs) == (not program.why), program.id
        assert program.why.endswith(".") or program.verdict == SAME, program.id


def test_what_is_refused_ends_here_with_words() -> None:
    for program in _PROGRAMS:
        if program.verdict == "refused":
            assert any(place.endswith("error") and pair[1] for place, pair in program.differs.items()), program.id


def test_awaited_faults_are_of_programs() -> None:
    assert set(_AWAITED) <= {program.id for program in _PROGRAMS}
