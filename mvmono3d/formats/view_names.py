"""Which folder or file of a recording belongs to which camera of the rig.

Other tools name them alike but not equally: `cam01_json` holds what camera `cam_01` saw, and
`minimal_back_proofread.analysis.h5` is that of `back`.
"""

import re
from collections.abc import Sequence

from mvmono3d.errors import UnknownNameError

_DECORATION = frozenset({"json", "openpose", "pose", "keypoints", "analysis", "csv", "h5"})


def match_views(names: Sequence[str], cameras: Sequence[str], *, where: str) -> tuple[str, ...]:
    """Return the camera of each name.

    Names count as equal when exactly so; then by their letters and numbers, without decoration such
    as `_json` or leading zeros; then when one camera's words stand in a row within the name. Raises
    `UnknownNameError` with both lists when a name fits no camera or several, or a camera two names.
    """
    matched = tuple(_match(name, cameras, names, where) for name in names)
    for camera in matched:
        rivals = [name for name, other in zip(names, matched, strict=True) if other == camera]
        if len(rivals) > 1:
            raise UnknownNameError(
                f"{where}: {', '.join(rivals)} all fit camera {camera!r} of the rig "
                f"(cameras: {', '.join(cameras)}); keep one of them"
            )
    return matched


def _match(name: str, cameras: Sequence[str], names: Sequence[str], where: str) -> str:
    if name in cameras:
        return name
    words = _words(name)
    candidates = [camera for camera in cameras if _words(camera) == words]
    if not candidates:
        candidates = [camera for camera in cameras if _contains(words, _words(camera))]
    if len(candidates) == 1:
        return candidates[0]
    fits = f"fits several cameras ({', '.join(candidates)})" if candidates else "fits no camera"
    raise UnknownNameError(
        f"{where}: {name!r} {fits} of the rig; the recording has {', '.join(names)}, "
        f"the rig has {', '.join(cameras)}: rename one of them"
    )


def _words(name: str) -> tuple[str, ...]:
    found = re.findall(r"[a-z]+|[0-9]+", name.lower())
    words = [word.lstrip("0") or "0" if word.isdigit() else word for word in found]
    return tuple(word for word in words if word not in _DECORATION) or tuple(words)


def _contains(words: tuple[str, ...], part: tuple[str, ...]) -> bool:
    size = len(part)
    return size > 0 and any(words[i : i + size] == part for i in range(len(words) - size + 1))
