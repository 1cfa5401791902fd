"""A take in words: a line a second while it runs, and what became of every frame at its end."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from mvmono3d.deploy.recording.ledger import Account
from mvmono3d.deploy.recording.take import Progress, Taken
from mvmono3d.deploy.sync.records import Absence, Cause

_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S


def status_line(progress: Progress) -> str:
    """Return rate, sets, losses by cause, and room, in one line."""
    recorder = progress.recorder
    parts = [
        f"{progress.seconds:6.1f} s",
        f"{progress.capture.sets_hz:5.1f} sets/s",
        f"{progress.sets} sets",
        _losses(progress),
        f"queue {100 * recorder.queue_fill:.0f} %",
        f"disk {recorder.free_bytes / 1e9:.0f} GB{_left(recorder.seconds_left)}",
    ]
    alarms = [
        f"{view.serial} {view.alarm.value}" for view in progress.capture.views if view.alarm is not None
    ]
    gone = [view.serial for view in progress.capture.views if not view.camera.connected]
    parts += [f"LOST {', '.join(gone)}"] if gone else []
    parts += [f"ALARM {', '.join(alarms)}"] if alarms else []
    parts += ["LITTLE ROOM"] if recorder.short_of_room else []
    return " | ".join(parts)


def summary(taken: Taken, folder: Path) -> str:
    """Return what was recorded and what was not, in lines."""
    progress, account = taken.progress, taken.account
    partial = progress.sets - progress.complete
    lines = [
        f"{folder}: {progress.sets} frame sets of {len(account.cameras)} cameras in {progress.seconds:.1f} s "
        f"({progress.complete} complete, {partial} partial); ended because {taken.ending.value}",
        f"recorder: {account.describe()}",
    ]
    if progress.skipped:
        lines.append(
            f"ring: {progress.skipped} frame sets left before they were read: this machine is too slow"
        )
    lines += [f"cameras: {words}" for words in _cameras(progress, account)]
    complaint = taken.progress.recorder.message or taken.progress.capture.message
    if complaint and not taken.ending.wanted:
        lines.append(complaint)
    return "\n".join(lines) + "\n"


def _losses(progress: Progress) -> str:
    counts: Counter[str] = Counter()
    accounts = progress.capture.accounts
    for camera in accounts.cameras if accounts is not None else ():
        counts.update({_words(cause): count for cause, count in camera.lost})
        counts.update({f"absent ({_words(absence)})": count for absence, count in camera.absent})
    if accounts is not None:
        counts["pulses without any frame"] += accounts.blank
    counts.update({"skipped": progress.skipped * len(progress.recorder.account.cameras)})
    for cause, frames in progress.recorder.account.lost.items():
        counts[cause.replace("_", " ")] += sum(frames)
    return f"lost {_listed(counts) or 'none'}"


def _cameras(progress: Progress, account: Account) -> list[str]:
    accounts = progress.capture.accounts
    if accounts is None:
        return []
    found = [f"{accounts.blank} pulses of {accounts.expected} gave no frame at all"] if accounts.blank else []
    for name, camera in zip(account.cameras, accounts.cameras, strict=True):
        lost = _listed({_words(cause): count for cause, count in camera.lost})
        absent = _listed({_words(absence): count for absence, count in camera.absent})
        told = [f"lost {lost}"] if lost else []
        told += [f"absent from {absent} of {accounts.sets} sets"] if absent else []
        if told:
            found.append(f"{name}: {camera.delivered} frames delivered; {'; '.join(told)}")
    return found or ["every frame that was delivered is in a set, and every set is complete"]


def _words(cause: Cause | Absence) -> str:
    return cause.value.replace("_", " ")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {cause}" for cause, count in counts.items() if count)


def _left(seconds: float) -> str:
    if seconds == float("inf"):
        return ""
    if seconds > 2 * _DAY_S:
        return f" ({seconds / _DAY_S:.0f} days)"
    return f" ({seconds / _HOUR_S:.1f} h)" if seconds > _HOUR_S else f" ({seconds / 60:.0f} min)"
