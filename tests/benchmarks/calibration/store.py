"""What was measured, as the CSV beside the page: a run that was cut off goes on where it stopped."""

import csv
import datetime
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from mvmono3d.core.schema import atomic_write, sha256_of_file
from tests.benchmarks.machine import ROOT, commit

HEADER = ("part", "case", "method", "metric", "value")
_STAMP = "measured"
_JUDGES = (
    *(ROOT / "mvmono3d" / room for room in ("core", "geometry", "calibration")),
    ROOT / "tests" / "calibration",
    ROOT / "tests" / "benchmarks" / "calibration",
)
_WORDS = ("bars.py", "bench.py", "page.py", "words.py", "parts.py", "store.py")
"""Files that decide no number."""


@dataclass(kw_only=True)
class Results:
    """Numbers of every part, and by what code they were measured."""

    path: Path
    rows: dict = field(default_factory=dict)
    """part → case → method → metric → value, as text."""
    stamps: dict = field(default_factory=dict)
    """part → (code, commit, date) of every code that measured a case of it."""

    def begin(self, part, *, keep):
        """Forget a part that other code measured, unless it is to be kept, and stamp it with this code."""
        code = hash_of_code()
        known = self.stamps.get(part, [])
        if not keep and any(stamp[0] != code for stamp in known):
            self.rows.pop(part, None)
            known = []
        now = (code, commit(*map(str, _JUDGES)), datetime.date.today().isoformat())
        self.stamps[part] = known if any(stamp[0] == code for stamp in known) else [*known, now]

    def of(self, part):
        return self.rows.get(part, {})

    def add(self, part, case, methods):
        """Keep what a case gave, in the file too."""
        texts = {name: {key: _text(one) for key, one in each.items()} for name, each in methods.items()}
        self.rows.setdefault(part, {})[case] = texts
        self.write()

    def write(self):
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER)
        for part, stamps in self.stamps.items():
            for code, revision, date in stamps:
                writer.writerow([part, "", _STAMP, f"{code} {date}", revision])
            for case, methods in self.of(part).items():
                for method, values in methods.items():
                    for metric, value in values.items():
                        writer.writerow([part, case, method, metric, value])
        with atomic_write(self.path) as file:
            file.write(out.getvalue().encode())


def read_results(path):
    """Return what a CSV holds; nothing if there is none."""
    found = Results(path=path)
    if not path.exists():
        return found
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            part, method, metric = row["part"], row["method"], row["metric"]
            if method == _STAMP and not row["case"]:
                code, date = metric.split()
                found.stamps.setdefault(part, []).append((code, row["value"], date))
                continue
            methods = found.rows.setdefault(part, {}).setdefault(row["case"], {})
            methods.setdefault(method, {})[metric] = row["value"]
    return found


def hash_of_code():
    """Return a hash of all that decides a number."""
    files = [path for folder in _JUDGES for path in sorted(folder.rglob("*.py"))]
    digest = hashlib.sha256()
    for path in files:
        if not path.name.startswith("test_") and path.name not in _WORDS:
            digest.update(sha256_of_file(path).encode())
    return digest.hexdigest()[:12]


def numbers(cases, method, metric):
    """Return a metric of a method over cases that have it."""
    found = (methods.get(method, {}).get(metric) for methods in cases.values())
    return [float(value) for value in found if value not in (None, "")]


def _text(value):
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
