"""What is measured, part by part, each a list of cases that are measured and kept one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.calibration import duel, honesty, real
from tests.benchmarks.calibration import trials as guards
from tests.benchmarks.peers.peer_process import is_installed


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much is measured."""

    seeds: int = 5
    worlds: tuple[str, ...] = tuple(duel.WORLDS)
    poses: int = 40
    runs: int = 100
    sets: int = 200
    trials: int = 100
    hours: int = 8
    clips: int = guards.CLIPS_PER_HOUR


QUICK = Amount(seeds=1, worlds=("middle",), poses=14, runs=2, sets=1, trials=1, hours=1, clips=2)
FIRST_RUN = 1000
"""First seed of the uncertainty's runs: far from those that tests look at."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One section of the page."""

    name: str
    cases: Callable
    """Amount → case → a function that measures it: method → metric → value."""
    missing: Callable = lambda: None
    """Say why it can't be measured here; None if it can."""


def _peers(amount):
    return {
        f"{world}/{seed}": partial(duel.compare, world, seed, poses=amount.poses, noise_px=0.2)
        for world in amount.worlds
        for seed in range(amount.seeds)
    }


def _noise(amount):
    return {
        f"{world}/{seed}": partial(duel.compare, world, seed, poses=amount.poses, noise_px=0.3, peers=False)
        for seed in range(amount.seeds)
        for world in amount.worlds
        if world != "anipose"
    }


def _uncertainty(amount):
    seeds = range(FIRST_RUN, FIRST_RUN + amount.runs)
    return {str(seed): partial(honesty.measure, seed, poses=amount.poses) for seed in seeds}


def _real(_amount):
    cases = {}
    if real.is_there("mouse_4mono"):
        cases["mouse_4mono"] = real.mouse
        cases["check-rig, broken"] = real.broken
    if real.is_there("caliscope_charuco4cam"):
        cases |= {session: partial(real.webcams, session) for session in real.SESSIONS}
    for name in real.PUBLISHED:
        if real.is_there(name.split(",")[0]):
            cases[f"check-rig, {name}"] = partial(real.published, name)
    return cases


def _sets(amount):
    cases = {}
    for seed in range(amount.sets):
        cases[f"bad/{seed}"] = partial(guards.bad, seed)
        cases[f"good/{seed}"] = partial(guards.good, seed)
    return cases


def _guard(amount):
    cases = {
        f"{noise:g} px/{degrees:g} deg/{seed}": partial(guards.turned, noise, degrees, seed)
        for degrees in guards.TURNS_DEG
        for noise in guards.NOISES_PX
        for seed in range(amount.trials)
    }
    cases |= {
        f"hour/{number}": partial(guards.hour, number, clips=amount.clips) for number in range(amount.hours)
    }
    return cases | {
        f"blind/{degrees:g} deg/{seed}": partial(guards.blind, degrees, seed)
        for degrees in guards.BLIND_TURNS_DEG
        for seed in range(amount.trials)
    }


def _no_peers():
    return None if is_installed() else "the peers aren't installed: make bench-calibration installs them"


def _no_recordings():
    names = ("mouse_4mono", "caliscope_charuco4cam")
    return None if any(map(real.is_there, names)) else "no real recordings (set MVMONO3D_REALDATA)"


PARTS = (
    Part(name="peers", cases=_peers, missing=_no_peers),
    Part(name="noise", cases=_noise),
    Part(name="uncertainty", cases=_uncertainty),
    Part(name="real", cases=_real, missing=_no_recordings),
    Part(name="sets", cases=_sets),
    Part(name="guard", cases=_guard),
)
