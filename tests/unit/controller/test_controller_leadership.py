"""The fence: no write leaves when another process may lead."""

from mlrun_operator.controller.election import LEASE_SECONDS, RENEW_SECONDS, Candidate, Leadership


def test_without_an_election_one_may_always_write() -> None:
    assert Leadership().may_write()


def test_with_an_election_only_while_the_lease_is_fresh() -> None:
    now = 100.0
    leadership = Leadership(clock=lambda: now)
    leadership.elected = True
    assert not leadership.may_write(), "not elected yet"
    leadership.renewed(sent_at=100.0)
    assert leadership.may_write()
    now = 100.0 + RENEW_SECONDS - 0.1
    assert leadership.may_write()
    now = 100.0 + RENEW_SECONDS
    assert not leadership.may_write(), "the request was sent then, whenever its answer came"


def test_a_lease_is_taken_when_nobody_was_seen_to_renew_it_for_its_whole_duration() -> None:
    now = 0.0
    candidate = Candidate("me", clock=lambda: now)
    lease = {"holderIdentity": "other", "renewTime": "1999-01-01T00:00:00Z", "leaseDurationSeconds": LEASE_SECONDS}
    assert not candidate.may_take(lease), "the other machine's clock says nothing"
    now = LEASE_SECONDS - 1
    assert not candidate.may_take(lease)
    lease = {**lease, "renewTime": "1999-01-01T00:00:10Z"}
    now = LEASE_SECONDS + 5
    assert not candidate.may_take(lease), "it was renewed meanwhile"
    now = 2 * LEASE_SECONDS + 5
    assert candidate.may_take(lease)


def test_a_lease_of_nobody_or_of_ours_is_taken_at_once() -> None:
    candidate = Candidate("me")
    assert candidate.may_take({})
    assert candidate.may_take({"holderIdentity": ""})
    assert candidate.may_take({"holderIdentity": "me"})
    first = candidate.held({"holderIdentity": "other", "leaseTransitions": 4})
    assert first["leaseTransitions"] == 5
    assert candidate.held(first)["leaseTransitions"] == 5
    assert candidate.held(first)["acquireTime"] == first["acquireTime"]
