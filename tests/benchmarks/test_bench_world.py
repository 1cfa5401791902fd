"""How fast the synthetic world is: it must never be what training waits for."""

import subprocess
import sys

import pytest

FRAME_SETS_PER_SECOND = 10_000

# A process of its own: there no import hook checks types.
MEASURE = """
import time
from mvmono3d.synthetic.presets import preset
from mvmono3d.synthetic.world import make_clip

settings = preset("realistic", skeleton="{skeleton}")
for number in range(3):
    make_clip(settings, seed=number, subject=number, rig_seed=number)
spent = []
for number in range(40):
    begin = time.thread_time()
    make_clip(settings, seed=number, subject=number, rig_seed=number)
    spent.append(time.thread_time() - begin)
print(settings.frames / sorted(spent)[len(spent) // 2])
"""


@pytest.mark.bench
@pytest.mark.parametrize("skeleton", ["hand21", "body25b"])
def test_a_core_makes_ten_thousand_frame_sets_of_four_views_per_second(skeleton):
    code = MEASURE.format(skeleton=skeleton)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(output) >= FRAME_SETS_PER_SECOND
