"""The soak in short: every frame set is accounted for by processes that don't know of each other."""

from pathlib import Path

import pytest

from tests.benchmarks.soak import soak
from tests.benchmarks.soak_page import growth, ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_growing_process_is_seen_and_its_warm_up_is_not():
    warm = [(float(second), 50.0 + min(second, 20)) for second in range(100)]
    assert growth(warm) == (70.0, pytest.approx(0.0, abs=1e-9))
    leaking = [(second, megabytes + 0.1 * second) for second, megabytes in warm]
    assert growth(leaking)[1] == pytest.approx(6.0)


def test_after_some_seconds_at_a_rate_that_nobody_can_follow_the_ledger_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    result = soak(tmp_path, rate_hz=200, seconds=15.0)
    assert result.received
    assert not [each for each in ledger(result) if not each[2]]
    assert set(result.memory_mb) == {"capture", "renderer", "loop", "server", "detector", "guard"}
