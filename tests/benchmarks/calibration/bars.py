"""The bars of calibration beside what was measured."""

import numpy as np

from mvmono3d.evaluation.compare import Interval, bootstrap
from tests.benchmarks.calibration import duel, honesty
from tests.benchmarks.calibration.real import SESSIONS
from tests.benchmarks.calibration.store import numbers
from tests.benchmarks.learned.bars import Bar, Bound, Reached

_NEVER = Bound()


def reached(results, amount):
    """Return every bar, in order."""
    return [
        *_against_peers(results.of("peers"), amount),
        *_at_more_noise(results.of("noise"), amount),
        *_uncertainty(results.of("uncertainty"), amount),
        *_real(results.of("real")),
        *_sets(results.of("sets"), amount),
        *_guard(results.of("guard"), amount),
    ]


def of_world(cases, world):
    return {case: methods for case, methods in cases.items() if case.split("/")[0] == world}


def best(cases, labels, metric="held_out_mm"):
    """Return the setting with the least mean error, chosen on these very cases; None if none was run."""
    means = {label: np.mean(found) for label in labels if (found := numbers(cases, label, metric))}
    return min(means, key=lambda label: means[label]) if means else None


def ratio(cases, ours, other, metric="held_out_mm"):
    """Return the ratio of mean errors; the bracket is the least and the largest of single cases."""
    if other is None:
        return None
    own, theirs = np.array(numbers(cases, ours, metric)), np.array(numbers(cases, other, metric))
    each = own / theirs
    return Interval(
        mean=float(own.mean() / theirs.mean()), low=float(each.min()), high=float(each.max()), clips=len(each)
    )


def _against_peers(cases, amount):
    found = []
    for world in amount.worlds:
        mine, assumed = of_world(cases, world), world == "anipose"
        for title, labels, limit in (
            ("held-out 3D error over OpenCV's chain", tuple(duel.CHAINS), 0.25),
            ("held-out 3D error over aniposelib's", tuple(duel.ANIPOSE), 0.2),
            ("held-out 3D error over calibrateMultiview's", tuple(duel.MULTIVIEW), None),
        ):
            must = _NEVER if assumed or limit is None else Bound(high=limit)
            bar = Bar(number=1, title=title, must=must)
            value = ratio(mine, duel.OURS, best(mine, labels))
            found.append(_reached(bar, world, value, f"{len(mine)} of {amount.seeds} seeds"))
    return found


def _at_more_noise(cases, amount):
    found = []
    for world in (name for name in amount.worlds if name != "anipose"):
        mine = of_world(cases, world)
        for title, metric, limit, unit in (
            ("0.3 px of noise: turn of the lines of sight", "rays_deg", 0.03, "°"),
            ("0.3 px of noise: turn between the cameras' axes", "axes_deg", 0.03, "°"),
            ("0.3 px of noise: error of lengths, per metre", "length_mm", 0.5, "mm"),
        ):
            bar = Bar(number=2, title=title, unit=unit, must=Bound(high=limit))
            value = _mean(numbers(mine, duel.OURS, metric))
            found.append(_reached(bar, world, value, f"{len(mine)} of {amount.seeds} seeds"))
    return found


def _uncertainty(cases, amount):
    found = []
    for kind in honesty.KINDS:
        bar = Bar(number=3, title=f"95 % intervals that hold the truth: {kind}", unit="%", must=Bound(90, 98))
        inside, total = (
            np.array(numbers(cases, honesty.CHOSEN, f"{kind}: {what}")) for what in ("inside", "intervals")
        )
        value = bootstrap(100.0 * inside / total, seed=0) if len(total) else None
        found.append(_reached(bar, "middle", value, f"{len(cases)} of {amount.runs} runs"))
    return found


def _real(cases):
    mouse = cases.get("mouse_4mono", {})
    ours, shipped = mouse.get("ours", {}), mouse.get("shipped", {})
    over = float(ours["corner_mm"]) / float(shipped["corner_mm"]) if ours else None
    source = "56 images" if ours else "not run"
    found = [
        _single("corners of boards left out, mean", "mm", 0.2, ours.get("corner_mm"), "mouse_4mono", source),
        _single("residuals at boards left out, mean", "px", 0.2, ours.get("mean_px"), "mouse_4mono", source),
        _single("residuals at boards left out, RMS", "px", 0.2, ours.get("rms_px"), "mouse_4mono", source),
        _single("corner error over the shipped rig's", "", 0.5, over, "mouse_4mono", source),
        _single(
            "images to rig, CPU time of all processes", "s", 60.0, ours.get("cpu_s"), "mouse_4mono", source
        ),
        _single("the solve itself, CPU time", "s", 2.0, ours.get("solve_cpu_s"), "mouse_4mono", source),
    ]
    for session, limit in zip(SESSIONS, (0.45, 0.6), strict=True):
        value = cases.get(session, {}).get("ours", {}).get("pair_mm")
        source = "its videos" if value else "not run" if session not in cases else "no rig"
        found.append(_single("distances on the board, median error", "mm", limit, value, session, source))
    return [*found, *_checked(cases)]


def _checked(cases):
    broken = cases.get("check-rig, broken", {})
    refused = [each for each in broken.values() if each["refused"] == each["named"] == "1"]
    bar = Bar(number=6, title="the copied camera refused, side and top named", unit="%", must=Bound(low=100))
    share = _mean([100.0 * len(refused) / len(broken)] if broken else [])
    trusted = [
        100.0 * float(methods["ours"]["trusted"])
        for case, methods in cases.items()
        if case.startswith("check-rig, ") and "ours" in methods
    ]
    passed = Bar(number=6, title="published good rigs that pass", unit="%", must=Bound(low=100))
    return [
        _reached(bar, "check-rig", share, f"{len(broken)} kinds of evidence"),
        _reached(passed, "check-rig", _mean(trusted), f"{len(trusted)} rigs and evidence"),
    ]


def _sets(cases, amount):
    bad, good = of_world(cases, "bad"), of_world(cases, "good")
    caught = [
        100.0 * (each["ours"]["named"] == "1" or each["ours"]["accepted"] == "0") for each in bad.values()
    ]
    refused = [100.0 * (each["ours"]["accepted"] == "0") for each in good.values()]
    must = Bar(number=7, title="bad sets refused, or the mistake named", unit="%", must=Bound(low=100))
    most = Bar(number=7, title="good sets refused", unit="%", must=Bound(high=2))
    return [
        _reached(must, "sets", _share(caught), f"{len(bad)} of {amount.sets} sets"),
        _reached(most, "sets", _share(refused), f"{len(good)} of {amount.sets} sets"),
    ]


def _guard(cases, amount):
    turned = [each["ours"] for case, each in cases.items() if case.startswith("2 px/0.1 deg/")]
    flagged = [100.0 * float(each["flagged"]) for each in turned]
    named = [100.0 * float(each["named"]) for each in turned]
    hours = of_world(cases, "hour")
    alarms = numbers(hours, "ours", "alarms")
    ran = sum(numbers(hours, "ours", "clips")) / 360.0
    source = f"{len(turned)} of {amount.trials} trials"
    total = (
        Interval(mean=sum(alarms), low=sum(alarms), high=sum(alarms), clips=len(alarms)) if alarms else None
    )
    rows = (
        ("0.1° flagged within 10 s of motion, 2 px noise", "%", Bound(low=100), _share(flagged), source),
        ("the camera named rightly", "%", Bound(low=95), _share(named), source),
        ("false alarms", "", Bound(high=1), total, f"{ran:.1f} of {amount.hours} hours"),
    )
    return [
        _reached(Bar(number=8, title=title, unit=unit, must=must), "guard", value, source)
        for title, unit, must, value, source in rows
    ]


def _single(title, unit, limit, value, about, source):
    number = 5 if about in SESSIONS else 4
    found = None if value is None else _mean([float(value)])
    return _reached(Bar(number=number, title=title, unit=unit, must=Bound(high=limit)), about, found, source)


def _mean(values):
    """Return the mean; the bracket is the least and the largest."""
    if not values:
        return None
    return Interval(mean=float(np.mean(values)), low=min(values), high=max(values), clips=len(values))


def _share(values):
    return bootstrap(np.array(values), seed=0) if values else None


def _reached(bar, about, value, source):
    return Reached(bar=bar, about=about, interval=value, source=source)
