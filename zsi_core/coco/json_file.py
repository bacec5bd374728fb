"""Read a JSON file of unknown origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zsi_core.errors import AnnotationError

MAX_BYTES = 1 << 30
"""Largest annotation file. Python needs some ten times as much memory for its content."""


class _NotANumberError(Exception):
    pass


def load_json(path: str | Path, *, allow_nan: bool = False) -> Any:
    """Parse a UTF-8 JSON file.

    Args:
        path: file to read.
        allow_nan: accept the words NaN and Infinity, which JSON does not have.

    Raises:
        AnnotationError: the file is missing, too large, not UTF-8, not JSON, cut off, or nested too deeply.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AnnotationError(f"{path} has more than {MAX_BYTES >> 20} MiB: split it into several files")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise AnnotationError(
            f"{path} does not exist: check the spelling, or whether it was moved"
        ) from error
    except IsADirectoryError as error:
        raise AnnotationError(f"{path} is a folder: name an annotation file") from error
    except OSError as error:
        raise AnnotationError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8, if it is a JSON file at all"
        ) from error
    if not text.strip():
        raise AnnotationError(f"{path} is empty: export it again")
    try:
        return json.loads(text, parse_constant=None if allow_nan else _refuse)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            advice = "it is cut off; copy or export it again"
        else:
            advice = "correct it there, or export it again"
        raise AnnotationError(
            f"{path} is not valid JSON ({error.msg}, line {error.lineno}, column {error.colno}): {advice}"
        ) from error
    except _NotANumberError as error:
        raise AnnotationError(
            f"{path} holds {error}, which JSON does not have: `zsi validate` says where; export it again"
        ) from error
    except RecursionError as error:
        raise AnnotationError(
            f"{path} is nested too deeply for an annotation file: export it again"
        ) from error
    except ValueError as error:  # an integer of thousands of digits
        raise AnnotationError(f"{path} holds a number that is too long: export it again") from error


def _refuse(word: str) -> float:
    raise _NotANumberError(word)
