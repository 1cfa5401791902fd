"""Questions and answers: the newest counts, floats survive, a dead end is noticed, and a new one followed."""

import uuid

import numpy as np

from mvmono3d.deploy.detect.exchange import Answer, Ask, Inlet, Outlet, joints_part, sighting_of
from mvmono3d.deploy.detect.look import Sighting


def _name() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def test_only_the_newest_question_is_heard():
    name = _name()
    inlet, outlet = Inlet(name, Ask), Outlet[Ask](name)
    for number in range(5):
        outlet.put(Ask(number=number, windows=[], search=True))
    heard = inlet.take(1.0)
    assert heard is not None
    assert heard.number == 4
    assert inlet.take(0.0) is None
    outlet.close()
    inlet.close()


def test_a_new_writer_is_heard_after_one_that_closed():
    name = _name()
    inlet = Inlet(name, Answer)
    assert not inlet.writer_lives
    for number in (1, 2):
        outlet = Outlet[Answer](name)
        outlet.put(Answer(number=number))
        heard = inlet.take(1.0)
        assert heard is not None
        assert heard.number == number
        assert inlet.writer_lives
        outlet.close()
        inlet.take(0.0)
        assert not inlet.writer_lives
    inlet.close()


def test_a_sighting_travels_exactly():
    draw = np.random.default_rng(0)
    shape = (2, 4, 21)
    seen = Sighting(
        pixels=draw.normal(size=(*shape, 2)),
        sigma_px=draw.random(shape),
        confidence=draw.random(shape),
        visible=draw.random(shape),
    )
    back = sighting_of(joints_part(seen), views=4, count=21)
    for name in ("pixels", "sigma_px", "confidence", "visible"):
        np.testing.assert_array_equal(getattr(back, name), getattr(seen, name))
    assert sighting_of([], views=4, count=21).pixels.shape == (0, 4, 21, 2)
