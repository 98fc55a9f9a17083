"""Tables of numbers in text files, checked as a whole and blamed by line."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.tracking.detections import BoolArray, FloatArray, IntArray

MAX_FRAME = 10_000_000
"""Largest frame number believed: four days at 30 frames a second."""


class TextTable:
    """Numbers of a text file, a row a line, separated by commas or blanks.

    Parameters
    ----------
    path
        File to read. Lines without anything in them are skipped.
    min_columns
        Columns that there must be; all rows have equally many.

    Attributes
    ----------
    values
        (N, C) float64, all finite.

    Raises
    ------
    InputError
        The file is missing, not text, ragged, or holds something else than finite numbers.

    """

    def __init__(self, path: Path | str, min_columns: int) -> None:
        self.path = Path(path)
        try:
            text = self.path.read_text(encoding='utf-8-sig')
        except OSError as error:
            raise InputError(f'{path}: cannot read it: {error.strerror}') from error
        except UnicodeDecodeError as error:
            raise InputError(f'{path}: not a text file') from error
        self._lines = text.splitlines()
        self._separator = ',' if ',' in text else None
        self.values = self._parse(min_columns)
        self.refuse(~np.all(np.isfinite(self.values), axis=1), 'a number that is not finite')

    def refuse(self, bad: BoolArray, what: str) -> None:
        """Raise InputError with the line of the first bad row, if there is one.

        Parameters
        ----------
        bad
            (N,) which rows cannot be used.
        what
            What is wrong with such a row.

        """
        if bad.any():
            line = self._line_numbers()[int(np.argmax(bad))]
            self._fail(line, f'{what}: {self._lines[line - 1].strip()[:80]!r}')

    def whole(self, column: int, name: str, low: int, high: int) -> IntArray:
        """Return a column of whole numbers in [low, high], as int64."""
        values: FloatArray = self.values[:, column]
        outside = (values < low) | (values > high)
        self.refuse(outside, f'the {name} is not in {low}..{high}')
        self.refuse(values != np.floor(values), f'the {name} is not a whole number')
        return values.astype(np.int64)

    def _parse(self, min_columns: int) -> FloatArray:
        rows = [line for line in self._lines if line.strip()]
        if not rows:
            return np.empty((0, min_columns))
        try:
            values = np.loadtxt(rows, delimiter=self._separator, comments=None, ndmin=2)
        except ValueError:
            self._blame(min_columns)
        if values.shape[1] < min_columns:
            self._blame(min_columns)
        return values

    def _line_numbers(self) -> list[int]:
        return [n for n, line in enumerate(self._lines, 1) if line.strip()]

    def _blame(self, min_columns: int) -> NoReturn:
        """Read line by line, slowly, to name the first that is wrong."""
        columns = 0
        for number in self._line_numbers():
            fields = self._lines[number - 1].split(self._separator)
            for column, field in enumerate(fields, 1):
                try:
                    float(field)
                except ValueError:
                    self._fail(number, f'column {column} is not a number: {field.strip()[:40]!r}')
            if len(fields) < min_columns:
                self._fail(number, f'{len(fields)} columns, expected at least {min_columns}')
            columns = columns or len(fields)
            if len(fields) != columns:
                self._fail(number, f'{len(fields)} columns, the lines before have {columns}')
        raise InputError(f'{self.path}: not a table of numbers')

    def _fail(self, line: int, what: str) -> NoReturn:
        raise InputError(f'{self.path}, line {line}: {what}')
