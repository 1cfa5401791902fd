from typing import Any

import pytest

from mvmono3d.errors import ConfigurationError
from mvmono3d.geometry.robust_settings import RobustSettings, view_subsets


@pytest.mark.parametrize("views", range(1, 21))
def test_subsets_are_bounded_distinct_and_hold_every_pair_up_to_sixteen_views(views):
    subsets = view_subsets(views)
    assert len(set(subsets)) == len(subsets) <= 128
    assert all(len(subset) >= 2 and list(subset) == sorted(set(subset)) for subset in subsets)
    if views <= 16:
        pairs = {subset for subset in subsets if len(subset) == 2}
        assert len(pairs) == views * (views - 1) // 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("sigma_px", 0.0), ("gate", float("nan")), ("refine_gates", ()), ("min_separation_m", -1.0)],
)
def test_settings_that_make_no_sense_are_refused(name, value):
    change: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=name):
        RobustSettings(**change)
