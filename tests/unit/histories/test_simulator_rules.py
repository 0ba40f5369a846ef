"""The rules of Kubernetes in the simulator, fast; that the real control plane does the same is an integration test."""

from collections.abc import Callable

import pytest
from support.simulator import kubernetes_rules as known
from support.simulator.kubernetes_rules import Facts, rules
from support.simulator.ports import SimulatedPort

_OVER: Facts = ["FailureTarget/DeadlineExceeded", "Failed/DeadlineExceeded"]
_SPENT: Facts = ["FailureTarget/BackoffLimitExceeded", "Failed/BackoffLimitExceeded"]
_TOO_MANY: Facts = ["FailureTarget/MaxFailedIndexesExceeded", "Failed/MaxFailedIndexesExceeded"]
_INDEXES: Facts = ["FailureTarget/FailedIndexes", "Failed/FailedIndexes"]
EXPECTED: dict[Callable[..., Facts], Facts] = {
    known.a_retry_waits_ten_seconds_after_the_first_failure: [1, 2, 1],
    known.a_second_retry_waits_twenty_seconds: [2, 3],
    known.no_pod_is_replaced_while_it_terminates: [1, True, 1, 1],
    known.a_disruption_is_not_counted_and_is_replaced: [2, 0, []],
    known.an_exit_code_of_the_policy_fails_the_job: [["FailureTarget/PodFailurePolicy", "Failed/PodFailurePolicy"], 1],
    known.the_last_failure_fails_the_job: [_SPENT, 1],
    known.a_success_completes_the_job: [["SuccessCriteriaMet/CompletionsReached", "Complete/CompletionsReached"], 1],
    known.a_job_over_its_deadline_fails_when_its_pods_have_ended: [_OVER[:1], True, 1, _OVER],
    known.after_failure_target_a_patch_does_nothing: [[200, 200], _OVER],
    known.suspension_deletes_pods_and_resumption_makes_new_ones: [["Suspended/JobSuspended"], 1, 0, []],
    known.a_success_while_a_suspended_jobs_pod_ends_is_forgotten: [["Suspended/JobSuspended"], 0, 1],
    known.background_deletion_takes_the_job_first: [True, True, "Running", True],
    known.foreground_deletion_retries_nothing: [True, True, [], [], True, 0],
    known.orphan_deletion_leaves_the_pod_with_its_label: [False, [], True, []],
    known.retries_of_each_index_cannot_be_changed: [422, 422, 422, 200],
    known.a_limit_below_the_failures_kills_the_running_retry: [True, _SPENT[:1]],
    known.a_failed_index_leaves_the_others_running: ["0", [], False, _INDEXES, "1"],
    known.an_index_is_retried_by_itself: [2, ["1"], ["0"]],
    known.a_condition_of_the_policy_ends_an_index: ["0", 1],
    known.a_force_deleted_pod_is_gone_at_once: [False, 1, 0],
    known.a_deleted_pod_keeps_its_phase_until_a_kubelet_says_more: [True, "Running"],
    known.a_cron_jobs_creation_time_never_changes: [200, True, True],
    known.a_suspended_job_keeps_its_start_time: [["Suspended/JobSuspended"], True],
    known.a_jobs_scheduling_may_change_only_before_it_starts: [200, 422, 422, 422, 200, 200],
    known.too_many_failed_indexes_end_the_job: [_TOO_MANY[:1], "0", _TOO_MANY, ""],
    known.a_job_whose_owner_never_was_is_collected: [True],
    known.a_cron_job_deletes_ended_jobs_beyond_its_limit: [1, True],
    known.a_resumed_cron_job_fires_only_the_newest_slot: [1, True],
    known.a_cron_job_fires_by_its_policy: [True, {"allow": 2, "forbid": 1, "replace": 1}, True],
}


@pytest.mark.parametrize("rule", EXPECTED, ids=lambda rule: rule.__name__)
def test_the_simulator_knows(rule: Callable[..., Facts]) -> None:
    assert rule(SimulatedPort()) == EXPECTED[rule]


def test_no_rule_is_left_out() -> None:
    assert set(rules()) == set(EXPECTED)
