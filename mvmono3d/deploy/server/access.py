"""Who may read and who may give orders: tokens, their files, and how often one may guess."""

import hashlib
import hmac
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mvmono3d.errors import InvalidFileError

_ADDRESSES = 1024
_WINDOW_S = 60.0


def token_path(name: str = "control") -> Path:
    """Return where this user's token lies unless another file is named."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "mvmono3d" / f"{name}-token"


def ensure_token(path: Path) -> str:
    """Return the token in a file that only its owner reads; a new one where there is no file.

    Raises:
        InvalidFileError: if the file can't be read or written, or others can read it.
    """
    token = secrets.token_urlsafe(32)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return read_token(path)
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Whole or not at all, and never in place of one that another server has made meanwhile.
        os.link(draft, path)
    except FileExistsError:
        return read_token(path)
    except OSError as error:
        raise InvalidFileError(f"can't write token {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            draft.unlink()
    return token


def read_token(path: Path) -> str:
    """Return the token in a file; raises `InvalidFileError` where it isn't one, or others can read it."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"can't read token {path}: {error}") from None
    if mode & 0o077:
        raise InvalidFileError(f"{path} can be read by others: chmod 600 {path}, and make a new token")
    if not text:
        raise InvalidFileError(f"{path} is empty: expected a token; delete the file to get a new one")
    return text


def same_token(given: str | None, expected: str | None) -> bool:
    """Compare in a time that depends on neither; no token equals none that is expected."""
    one = hashlib.sha256((given or "").encode("utf-8", "surrogatepass")).digest()
    other = hashlib.sha256((expected or "").encode()).digest()
    return hmac.compare_digest(one, other) and bool(given) and bool(expected)


class Guesses:
    """Wrong tokens of each address within a minute."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._wrong: dict[str, deque[float]] = {}

    def blocked(self, address: str) -> bool:
        """Say whether an address guessed too often."""
        wrong = self._wrong.get(address)
        if wrong is None:
            return False
        while wrong and wrong[0] < self._clock() - _WINDOW_S:
            wrong.popleft()
        if not wrong:
            del self._wrong[address]
        return len(wrong) >= self._most

    def note(self, address: str) -> None:
        """Remember a wrong token."""
        if address not in self._wrong and len(self._wrong) >= _ADDRESSES:
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong.setdefault(address, deque(maxlen=self._most)).append(self._clock())


class Allowance:
    """So many per second, twice as many at once."""

    __slots__ = ("_clock", "_left", "_per_s", "_time_s")

    def __init__(self, per_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._clock = per_s, clock
        self._left, self._time_s = 2.0 * per_s, clock()

    def take(self) -> bool:
        """Use one up; false where none is left."""
        now = self._clock()
        self._left = min(2.0 * self._per_s, self._left + (now - self._time_s) * self._per_s)
        self._time_s = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
