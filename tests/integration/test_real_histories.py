"""Random histories on the real API server, whose pods a stand-in for the kubelet plays; `make prove` plays 300."""

from support.real.play import IN_A_WORLD, play

HISTORIES = 2 * IN_A_WORLD


def test_histories_on_the_real_api_server() -> None:
    outcomes = play(range(HISTORIES), at_once=2)
    broken = [outcome for outcome in outcomes if outcome.broken]
    assert not broken, "\n\n".join(map(str, broken))
    assert len(outcomes) == HISTORIES
