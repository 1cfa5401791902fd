"""Files that describe a board: our own `board.toml`, anipose's and sleap-anipose's, caliscope's.

Our own has one table, with lengths in millimetres as measured on the sheet:

    [board]
    kind = "charuco"                # or "aruco_grid", "chessboard"
    squares = [8, 11]               # columns, rows
    square_mm = 24.0
    marker_mm = 18.75
    dictionary = "DICT_4X4_1000"
    legacy_pattern = false          # left out: found from the images
    inverted = false
    first_id = 0
    two_sided = false               # the back carries the front's mirror image
"""

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from mvmono3d.calibration.board import Board, BoardKind
from mvmono3d.core.schema import SCHEMA_VERSION, atomic_write, check_schema
from mvmono3d.errors import InvalidFileError, InvalidRecordError, UnknownNameError

_KNOWN = (
    *("kind", "squares", "square_mm", "marker_mm", "dictionary"),
    *("legacy_pattern", "inverted", "first_id", "two_sided"),
)


def read_board(path: Path) -> Board:
    """Read a board of any of the four tools; raises `InvalidFileError` with file and field."""
    content = _read(path)
    try:
        return _parse(content, str(path))
    except (InvalidRecordError, UnknownNameError) as error:
        raise InvalidFileError(f"{path}: {error}") from None


def write_board(path: Path, board: Board) -> None:
    """Write our own form; `read_board` gives the same board back."""
    table: dict[str, Any] = {
        "kind": str(board.kind),
        "squares": list(board.squares),
        "square_mm": _mm(board.square_m),
    }
    if board.kind is not BoardKind.CHESSBOARD:
        table |= {"marker_mm": _mm(board.marker_m), "dictionary": board.dictionary}
        table |= {"first_id": board.first_id, "two_sided": board.two_sided}
    if board.legacy_pattern is not None:
        table["legacy_pattern"] = board.legacy_pattern
    table["inverted"] = board.inverted
    with atomic_write(path) as file:
        tomli_w.dump({"board": table, "metadata": {"schema": SCHEMA_VERSION}}, file)


def _mm(metres: float) -> float:
    # To a picometre: a product of decimal numbers shows its binary tail.
    return round(metres * 1e3, 9)


def _metres(product: float) -> float:
    return round(product, 12)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFileError(f"can't read board {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"board {path} is not TOML: {error}") from None


def _parse(content: dict[str, Any], where: str) -> Board:
    if isinstance(content.get("board"), dict):
        if "schema" in content.get("metadata", {}):
            check_schema(content["metadata"]["schema"], where=where)
        return _own(content["board"], f"{where}, [board]")
    if "board_type" in content.get("calibration", {}):
        return _anipose(content["calibration"], f"{where}, [calibration]")
    if "board_x" in content:
        return _sleap_anipose(content, where)
    if "aruco_scale" in content:
        return _caliscope(content, where)
    raise InvalidFileError(
        f"{where}: no board in it; expected a [board] table ({', '.join(_KNOWN)}), anipose's [calibration] "
        "with board_type, sleap-anipose's board_x, or caliscope's aruco_scale"
    )


def _own(table: dict[str, Any], where: str) -> Board:
    unknown = sorted(set(table) - set(_KNOWN))
    if unknown:
        raise InvalidFileError(f"{where}: unknown field {unknown[0]!r}; known: {', '.join(_KNOWN)}")
    kind = _word(table, "kind", where)
    if kind not in tuple(BoardKind):
        raise InvalidFileError(f"{where}: kind {kind!r}, expected {', '.join(BoardKind)}")
    plain = kind == BoardKind.CHESSBOARD
    return Board(
        kind=BoardKind(kind),
        squares=_pair(table, "squares", where),
        square_m=_number(table, "square_mm", where) / 1e3,
        marker_m=0.0 if plain else _number(table, "marker_mm", where) / 1e3,
        dictionary="" if plain else _word(table, "dictionary", where),
        legacy_pattern=_flag(table, "legacy_pattern", where) if "legacy_pattern" in table else None,
        inverted="inverted" in table and _flag(table, "inverted", where),
        first_id=_count(table, "first_id", where) if "first_id" in table else 0,
        two_sided="two_sided" in table and _flag(table, "two_sided", where),
    )


def _anipose(table: dict[str, Any], where: str) -> Board:
    """Read anipose's config.toml (https://anipose.readthedocs.io/en/latest/params.html), in millimetres."""
    kind, (columns, rows) = _word(table, "board_type", where), _pair(table, "board_size", where)
    if kind == "checkerboard":
        # anipose counts inner corners of a checkerboard, but squares of a ChArUco board.
        side = _number(table, "board_square_side_length", where)
        return Board(kind=BoardKind.CHESSBOARD, squares=(columns + 1, rows + 1), square_m=side / 1e3)
    if kind not in {"charuco", "aruco"}:
        raise InvalidFileError(f"{where}: board_type {kind!r}, expected charuco, aruco or checkerboard")
    marker = _number(table, "board_marker_length", where)
    if kind == "aruco":
        square = marker + _number(table, "board_marker_separation_length", where)
    else:
        square = _number(table, "board_square_side_length", where)
    return Board(
        kind=BoardKind.CHARUCO if kind == "charuco" else BoardKind.ARUCO_GRID,
        squares=(columns, rows),
        square_m=square / 1e3,
        marker_m=marker / 1e3,
        dictionary=_bits_name(table, ("board_marker_bits", "board_marker_dict_number"), where),
    )


def _sleap_anipose(content: dict[str, Any], where: str) -> Board:
    """Read sleap-anipose's board.toml, in millimetres; without markers it is a checkerboard."""
    columns, rows = _count(content, "board_x", where), _count(content, "board_y", where)
    square = _number(content, "square_length", where) / 1e3
    if "marker_length" not in content:
        return Board(kind=BoardKind.CHESSBOARD, squares=(columns + 1, rows + 1), square_m=square)
    return Board(
        kind=BoardKind.CHARUCO,
        squares=(columns, rows),
        square_m=square,
        marker_m=_number(content, "marker_length", where) / 1e3,
        dictionary=_bits_name(content, ("marker_bits", "dict_size"), where),
    )


def _caliscope(content: dict[str, Any], where: str) -> Board:
    """Read caliscope's charuco.toml; the square's side is taken only as it was measured, in centimetres.

    caliscope looks for every board in the mirror too: its boards may be printed on both sides.
    """
    if "square_size_override_cm" not in content:
        raise InvalidFileError(
            f"{where}: no 'square_size_override_cm'; measure a printed square and write its side in cm"
        )
    square = _metres(_number(content, "square_size_override_cm", where) / 1e2)
    return Board(
        kind=BoardKind.CHARUCO,
        squares=(_count(content, "columns", where), _count(content, "rows", where)),
        square_m=square,
        marker_m=_metres(square * _number(content, "aruco_scale", where)),
        dictionary=_word(content, "dictionary", where),
        legacy_pattern=_flag(content, "legacy_pattern", where) if "legacy_pattern" in content else None,
        inverted="inverted" in content and _flag(content, "inverted", where),
        two_sided=True,
    )


def _bits_name(table: dict[str, Any], fields: tuple[str, str], where: str) -> str:
    bits, count = (_count(table, field, where) for field in fields)
    return f"DICT_{bits}X{bits}_{count}"


def _value(table: dict[str, Any], field: str, where: str) -> Any:
    if field not in table:
        raise InvalidFileError(f"{where}: no {field!r}; the file has {', '.join(sorted(table)) or 'nothing'}")
    return table[field]


def _number(table: dict[str, Any], field: str, where: str) -> float:
    value = _value(table, field, where)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InvalidFileError(f"{where}: {field} = {value!r}, expected a length above 0")
    return float(value)


def _count(table: dict[str, Any], field: str, where: str) -> int:
    value = _value(table, field, where)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidFileError(f"{where}: {field} = {value!r}, expected a whole number")
    return value


def _flag(table: dict[str, Any], field: str, where: str) -> bool:
    value = _value(table, field, where)
    if not isinstance(value, bool):
        raise InvalidFileError(f"{where}: {field} = {value!r}, expected true or false")
    return value


def _word(table: dict[str, Any], field: str, where: str) -> str:
    value = _value(table, field, where)
    if not isinstance(value, str):
        raise InvalidFileError(f"{where}: {field} = {value!r}, expected a text")
    return value


def _pair(table: dict[str, Any], field: str, where: str) -> tuple[int, int]:
    value = _value(table, field, where)
    if not isinstance(value, list) or len(value) != 2 or not all(type(item) is int for item in value):
        raise InvalidFileError(f"{where}: {field} = {value!r}, expected [columns, rows]")
    return value[0], value[1]
