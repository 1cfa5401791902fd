"""Every exception that MVMono3D raises on purpose.

A message says what is wrong, where, what was expected, what was found and what would work. Programs
print it as one line and leave with `exit_code`; a traceback therefore always means a bug.
"""

import difflib
from collections.abc import Iterable


class MVMono3DError(Exception):
    """Root of every error raised on purpose."""

    exit_code = 2


class InvalidFileError(MVMono3DError):
    """A file is missing, unreadable, or not what its name or schema promises."""


class IntegrityError(InvalidFileError):
    """A file's content differs from the hash it was published with."""


class InvalidRecordError(MVMono3DError):
    """The values break a law of the record that should hold them."""


class UnknownNameError(MVMono3DError):
    """A name is not among the known ones; the message lists them."""


class ConfigurationError(MVMono3DError):
    """A run's configuration can't be built."""


class ParityError(MVMono3DError):
    """Two implementations that must agree do not."""


class CorruptRecordingError(InvalidFileError):
    """Bytes of a recording are not those that were written."""


class CameraError(MVMono3DError):
    """A camera can't be opened, set or armed, or is lost where all are needed."""


class RecordingError(MVMono3DError):
    """A recording can't begin, or can't go on."""


class RecordingKeyError(MVMono3DError):
    """An encrypted recording doesn't open with this key, or has none."""


class ConsentError(MVMono3DError):
    """Nobody agreed to this recording."""


class StreamError(MVMono3DError):
    """The pose stream is not there, refuses, or says what can't be understood."""


class EngineError(MVMono3DError):
    """A GPU or its runtime did not do what it was asked."""


class MissingDependencyError(MVMono3DError):
    """An optional package is needed for what was asked."""


def unknown_name(kind: str, name: str, known: Iterable[str], *, where: str = "") -> UnknownNameError:
    """Build the error for a name that is not known, with the nearest known one first."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    place = f" in {where}" if where else ""
    return UnknownNameError(f"no {kind} {name!r}{place}{hint} (known: {', '.join(names)})")
