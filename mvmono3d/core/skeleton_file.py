"""Skeletons in YAML: the named ones that ship, and any that a user writes.

```yaml
name: fish
torso: [spine]                       # optional: the root alone
flesh: [[left_fin, right_fin, 0.004]]                    # optional: what hides joints besides bones
frame: {kind: heading, lateral: [left_fin, right_fin]}   # optional
joints:
  spine:     {parent: null, rest_m: [0, 0, 0], radius_m: 0.02}
  left_fin:  {parent: spine, rest_m: [0.01, 0.02, 0]}    # mirror: right_fin, by its name
  right_fin: {parent: spine, rest_m: [0.01, -0.02, 0], flexible: true}
```
"""

from pathlib import Path
from typing import Any

import yaml

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.skeleton import BodyFrame, FrameKind, Skeleton
from mvmono3d.errors import InvalidFileError, InvalidRecordError, unknown_name

_KEYS = {"name", "torso", "frame", "flesh", "joints"}
_JOINT_KEYS = {"parent", "mirror", "flexible", "rest_m", "radius_m"}
_DEFAULT_RADIUS_M = 0.01


def skeleton_names() -> tuple[str, ...]:
    """Return the names of the skeletons that ship."""
    return tuple(sorted(path.stem for path in resource_folder("conf", "skeleton").glob("*.yaml")))


def load_skeleton(name_or_path: str | Path) -> Skeleton:
    """Load a skeleton by its name, or from a user's YAML file."""
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return _read(path)
    if str(name_or_path) not in skeleton_names():
        raise unknown_name("skeleton", str(name_or_path), (*skeleton_names(), "PATH.yaml"))
    return _read(resource_folder("conf", "skeleton") / f"{name_or_path}.yaml")


def _read(path: Path) -> Skeleton:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError(f"can't read skeleton {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise InvalidFileError(f"skeleton {path} is not YAML: {error}") from None
    return parse_skeleton(content, where=str(path))


def parse_skeleton(content: Any, *, where: str) -> Skeleton:
    """Build a skeleton from parsed YAML; errors name `where` and the joint."""
    if not isinstance(content, dict) or not isinstance(content.get("joints"), dict):
        raise InvalidFileError(f"{where}: expected the keys {sorted(_KEYS)} with a table of joints")
    _refuse_unknown(content, _KEYS, where)
    table: dict[str, dict[str, Any]] = {name: joint or {} for name, joint in content["joints"].items()}
    for name, joint in table.items():
        _refuse_unknown(joint, _JOINT_KEYS, f"{where}, joint {name!r}")
    joints = tuple(table)

    def place(name: str) -> int:
        if name not in joints:
            raise unknown_name("joint", str(name), joints, where=where)
        return joints.index(name)

    parents = tuple(-1 if joint.get("parent") is None else place(joint["parent"]) for joint in table.values())
    torso = content.get("torso") or [joints[parents.index(-1)]] if -1 in parents else []
    try:
        return Skeleton(
            name=str(content.get("name", Path(where).stem)),
            joints=joints,
            parents=parents,
            mirror=tuple(place(joint.get("mirror", _partner(name, joints))) for name, joint in table.items()),
            flexible=tuple(bool(joint.get("flexible", False)) for joint in table.values()),
            torso=tuple(place(name) for name in torso),
            frame=_frame(content.get("frame"), place),
            rest_m=_rest(table, where),
            radius_m=tuple(float(joint.get("radius_m", _DEFAULT_RADIUS_M)) for joint in table.values()),
            flesh=tuple(
                (place(one), place(other), float(radius)) for one, other, radius in content.get("flesh") or ()
            ),
        )
    except (InvalidRecordError, KeyError, TypeError, ValueError) as error:
        raise InvalidFileError(f"{where}: {error}") from None


def _refuse_unknown(content: dict[str, Any], known: set[str], where: str) -> None:
    for key in content:
        if key not in known:
            raise unknown_name("key", str(key), known, where=where)


def _partner(name: str, joints: tuple[str, ...]) -> str:
    swaps = (("left", "right"), ("Left", "Right"), ("_L", "_R"))
    for one, other in (*swaps, *((b, a) for a, b in swaps)):
        candidate = name.replace(one, other)
        if candidate != name and candidate in joints:
            return candidate
    return name


def _frame(content: Any, place: Any) -> BodyFrame | None:
    if content is None:
        return None
    kind, forward = FrameKind(content["kind"]), content.get("forward")
    if kind is FrameKind.FULL and forward is None:
        raise ValueError("a frame of kind 'full' needs 'forward: [joint, joint]'")
    first, second = content["lateral"]
    return BodyFrame(
        kind=kind,
        lateral=(place(first), place(second)),
        forward=(place(forward[0]), place(forward[1])) if forward else None,
    )


def _rest(table: dict[str, dict[str, Any]], where: str) -> tuple[tuple[float, float, float], ...] | None:
    given = [name for name, joint in table.items() if "rest_m" in joint]
    if not given:
        return None
    if len(given) < len(table):
        missing = [name for name in table if name not in given]
        raise InvalidFileError(f"{where}: rest_m is given for some joints but not for {', '.join(missing)}")
    rests = [tuple(float(value) for value in joint["rest_m"]) for joint in table.values()]
    return tuple((x, y, z) for x, y, z in rests)
