"""What was measured, scene by scene, as CSV: one file per section, code and bundle."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np

from mvmono3d.core.schema import sha256_of_file
from mvmono3d.evaluation.stress.measures import Measures
from mvmono3d.synthetic.settings import settings_hash

ROOT = Path(__file__).resolve().parents[3]
_JUDGES = ("core", "geometry", "synthetic", "pipeline", "evaluation", "metrics", "deploy", "data")
"""Rooms whose code decides a number besides the bundle."""
_DONE = "done"


class Store:
    """A folder of CSV files; a number in it is never from another bundle, setting or version of the code."""

    def __init__(self, folder, bundle):
        self._folder, self._bundle = folder, bundle
        self._code = _hash_of_code()

    def path(self, section):
        """Return the section's file."""
        rows = [row.name for row in section.rows]
        key = [settings_hash(section.settings), rows, section.baselines, repr(section.tolerance)]
        key += [self._code, sha256_of_file(self._bundle / "manifest.json")]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
        return self._folder / f"{section.name}-{name}.csv"

    def read(self, section):
        """Return scene → (row, method) → field → sums of all scenes that are complete."""
        path = self.path(section)
        if not path.exists():
            return {}
        found, done = {}, set()
        _cut_torn_line(path)
        with path.open(newline="", encoding="utf-8") as file:
            for scene, row, method, field, shape, values in csv.reader(file):
                if field == _DONE:
                    done.add(int(scene))
                    continue
                array = np.array([float(value) for value in values.split()])
                sums = found.setdefault(int(scene), {}).setdefault((row, method), {})
                sums[field] = array.reshape([int(size) for size in shape.split()])
        return {scene: each for scene, each in found.items() if scene in done}

    def append(self, section, scene, sums):
        """Add a scene; a last line says that it is whole."""
        path = self.path(section)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            _cut_torn_line(path)
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            for (row, method), values in sums.items():
                for field, array in values.items():
                    shape = " ".join(map(str, array.shape))
                    numbers = " ".join(repr(float(value)) for value in array.ravel())
                    writer.writerow([scene, row, method, field, shape, numbers])
            writer.writerow([scene, "", "", _DONE, "", ""])


def _cut_torn_line(path):
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        path.write_bytes(content[:whole])


def _hash_of_code():
    package = Path(ROOT / "mvmono3d")
    files = sorted(path for room in _JUDGES for path in (package / room).rglob("*.py"))
    files += [Path(__file__).with_name(name) for name in ("measuring.py", "sections.py")]
    digest = hashlib.sha256(repr(Measures.__dataclass_fields__.keys()).encode())
    for path in files:
        digest.update(sha256_of_file(path).encode())
    return digest.hexdigest()
