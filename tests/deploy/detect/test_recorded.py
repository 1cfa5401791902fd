"""Looked-up answers are those of the file or the truth, in the crop's pixels, for the right frame alone."""

import numpy as np
import pytest

from mvmono3d.core.detections_file import Detections
from mvmono3d.core.observations import Observations
from mvmono3d.deploy.detect.look import look
from mvmono3d.deploy.detect.protocol import Detector, Finder, WholeImages
from mvmono3d.deploy.detect.recorded import RecordedDetector
from mvmono3d.deploy.detect.truth import TruthDetector, TruthSettings
from mvmono3d.errors import InvalidFileError
from tests.deploy.loop.stage import HAND, JOINTS, PERIOD_NS, RIG, VIEWS, truth_of

TRUTH = truth_of(4)
DETECTIONS = Detections(
    observations=Observations(
        pixels=TRUTH.pixels,
        confidence=np.full(TRUTH.state.shape, 0.7),
        detected=np.ones(TRUTH.state.shape, dtype=bool),
        time_ns=np.arange(4) * PERIOD_NS,
    ),
    views=RIG.names,
    joints=HAND.joints,
    skeleton=HAND.name,
)


def _whole(time_ns: int) -> WholeImages:
    return WholeImages(
        images=np.zeros((VIEWS, 400, 640), dtype=np.uint8),
        bits=8,
        present=np.ones(VIEWS, dtype=bool),
        frame_id=np.full(VIEWS, 1),
        time_ns=time_ns,
    )


def test_recorded_detections_come_back_as_they_were():
    recorded = RecordedDetector(DETECTIONS, HAND, views=RIG.names)
    assert isinstance(recorded, Detector)
    assert isinstance(recorded, Finder)
    seen = look(_whole(2 * PERIOD_NS + 5), (), search=True, detector=recorded, finder=recorded)
    np.testing.assert_allclose(seen.pixels[0], TRUTH.pixels[2], atol=1e-9)
    np.testing.assert_allclose(seen.confidence, 0.7)


def test_at_a_time_that_the_file_lacks_nothing_is_found():
    recorded = RecordedDetector(DETECTIONS, HAND, views=RIG.names)
    seen = look(_whole(9 * PERIOD_NS), (), search=True, detector=recorded, finder=recorded)
    assert seen.pixels.shape == (0, VIEWS, JOINTS, 2)


def test_detections_of_other_cameras_are_refused():
    with pytest.raises(InvalidFileError, match="expected other0"):
        RecordedDetector(DETECTIONS, HAND, views=("other0", "other1"))


def test_the_rehearsed_detector_errs_by_the_noise_it_states_and_the_same_way_each_time():
    detector = TruthDetector(TRUTH, HAND, TruthSettings(noise_px=2.0))
    finder = RecordedDetector(DETECTIONS, HAND, views=RIG.names)
    one, other = (
        look(_whole(PERIOD_NS), (), search=True, detector=detector, finder=finder) for _ in range(2)
    )
    np.testing.assert_array_equal(one.pixels, other.pixels)
    off = one.pixels[0] - TRUTH.pixels[1]
    assert off.std() == pytest.approx(2.0, rel=0.2)
    np.testing.assert_allclose(one.sigma_px, 2.0)
