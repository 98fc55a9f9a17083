"""Read tables of numbers from text files; errors name the line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from strongsort_ros.errors import InputError
from strongsort_ros.types import BoolArray, FloatArray, IntArray

MAX_FRAME = 10_000_000
"""Largest frame number accepted: four days at 30 frames per second."""

COLUMNS: Final = ('frame', 'id', 'left', 'top', 'width', 'height', 'score')
"""Columns of MOTChallenge's files in their order; a header can name them in any order."""
CLASS: Final = 'class'
"""Column of text in a file with a header."""
STATE: Final = 'state'
"""Column of text in a file of tracks with their states."""
STATES: Final = ('tentative', 'confirmed', 'lost')
"""Texts of the states TENTATIVE, CONFIRMED and LOST."""
MAX_CLASS: Final = 256
"""Longest class in a file, characters."""
_DEFAULTS: Final = {'id': '-1', 'score': '1'}


class TextTable:
    """Table of numbers separated by commas or blanks, one row per line.

    If the first line names columns, such as `frame,left,top,width,height,score,class`, columns are
    found by name, and unknown ones are ignored.

    Parameters
    ----------
    path
        File to read. Empty lines are skipped.
    min_columns
        Smallest number of columns; all rows have equally many.
    named
        Columns that a header must name; without any, a header is refused.

    Attributes
    ----------
    values
        (N, C) float64, all finite; with a header, the columns of `COLUMNS`.
    classes
        N texts of the column `class`, or None if there is no such column.
    states
        (N,) int64 of the column `state`, an index of `STATES`; None unless the column is needed.

    Raises
    ------
    InputError
        The file is missing or not text, its rows differ in length, or a field is not a finite
        number.

    """

    def __init__(self, path: Path | str, min_columns: int, named: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self.classes: list[str] | None = None
        self.states: IntArray | None = None
        try:
            text = self.path.read_text(encoding='utf-8-sig')
        except OSError as error:
            raise InputError(f'{path}: cannot read it: {error.strerror}') from error
        except UnicodeDecodeError as error:
            raise InputError(f'{path}: not a text file') from error
        self._lines = text.splitlines()
        self._separator = ',' if ',' in text else None
        self._numbers = [n for n, line in enumerate(self._lines, 1) if line.strip()]
        if named and self._numbers and COLUMNS[0] in _names(self._lines[self._numbers[0] - 1]):
            self.values = self._parse_named(named)
        else:
            self.values = self._parse(min_columns)
        self.refuse(~np.all(np.isfinite(self.values), axis=1), 'a number that is not finite')

    def refuse(self, bad: BoolArray, fault: str) -> None:
        """Raise InputError for the line of the first bad row, if there is one.

        Parameters
        ----------
        bad
            (N,) mask of invalid rows.
        fault
            Description of the fault; the error quotes the line after it.

        """
        if bad.any():
            line = self._numbers[int(np.argmax(bad))]
            self._fail(line, f'{fault}: {self._lines[line - 1].strip()[:80]!r}')

    def integers(self, column: int, name: str, low: int, high: int) -> IntArray:
        """Return a column of integers in [low, high] as int64."""
        values: FloatArray = self.values[:, column]
        outside = (values < low) | (values > high)
        self.refuse(outside, f'the {name} is not in {low}..{high}')
        self.refuse(values != np.floor(values), f'the {name} is not an integer')
        return values.astype(np.int64)

    def _parse(self, min_columns: int) -> FloatArray:
        rows = [self._lines[number - 1] for number in self._numbers]
        if not rows:
            return np.empty((0, min_columns))
        try:
            values = np.loadtxt(rows, delimiter=self._separator, comments=None, ndmin=2)
        except ValueError:
            self._fail_plain(min_columns)
        if values.shape[1] < min_columns:
            self._fail_plain(min_columns)
        return values

    def _parse_named(self, needed: Sequence[str]) -> FloatArray:
        """Return the columns named by the first line in the order of `COLUMNS`."""
        head, *self._numbers = self._numbers
        names = _names(self._lines[head - 1])
        for name in needed:
            if names.count(name) != 1:
                self._fail(head, f'{names.count(name)} columns {name!r}, expected one')
        records = [self._record(number, len(names)) for number in self._numbers]
        if CLASS in names:
            self.classes = self._read_classes([record[names.index(CLASS)] for record in records])
        if STATE in needed:
            self.states = self._read_states([record[names.index(STATE)] for record in records])
        places = [(names.index(n) if n in names else -1, _DEFAULTS.get(n, '')) for n in COLUMNS]
        rows = [
            [record[place] if place >= 0 else default for place, default in places]
            for record in records
        ]
        if not rows:
            return np.empty((0, len(COLUMNS)))
        try:
            lines = [','.join(row) for row in rows]
            values = np.loadtxt(lines, delimiter=',', comments=None, ndmin=2)
        except ValueError:
            self._fail_named(rows)
        if values.shape[1] != len(COLUMNS):  # commas within fields, such as "0,9"
            self._fail_named(rows)
        return values

    def _read_classes(self, fields: Sequence[str]) -> list[str]:
        classes = [field.strip() for field in fields]
        for number, name in zip(self._numbers, classes, strict=True):
            if len(name) > MAX_CLASS:
                self._fail(number, f'a class of {len(name)} characters, at most {MAX_CLASS}')
        return classes

    def _read_states(self, fields: Sequence[str]) -> IntArray:
        for number, field in zip(self._numbers, fields, strict=True):
            if field not in STATES:
                self._fail(number, f'state is {field[:40]!r}, expected one of {", ".join(STATES)}')
        return np.array([STATES.index(field) for field in fields], dtype=np.int64)

    def _fail_named(self, rows: Sequence[Sequence[str]]) -> NoReturn:
        for number, row in zip(self._numbers, rows, strict=True):
            for name, field in zip(COLUMNS, row, strict=True):
                if not _is_number(field):
                    self._fail(number, f'{name} is not a number: {field.strip()[:40]!r}')
        raise InputError(f'{self.path}: not a table of numbers')

    def _record(self, number: int, columns: int) -> list[str]:
        """Return the fields of a line; they can be quoted."""
        try:
            (record,) = csv.reader([self._lines[number - 1]], strict=True)
        except csv.Error as error:
            self._fail(number, str(error))
        if len(record) != columns:
            self._fail(number, f'{len(record)} columns, the header has {columns}')
        return record

    def _fail_plain(self, min_columns: int) -> NoReturn:
        """Raise InputError for the first bad line; reads slowly, line by line."""
        columns = 0
        for number in self._numbers:
            fields = self._lines[number - 1].split(self._separator)
            for column, field in enumerate(fields, 1):
                if not _is_number(field):
                    self._fail(number, f'column {column} is not a number: {field.strip()[:40]!r}')
            if len(fields) < min_columns:
                self._fail(number, f'{len(fields)} columns, expected at least {min_columns}')
            columns = columns or len(fields)
            if len(fields) != columns:
                self._fail(number, f'{len(fields)} columns, the lines before have {columns}')
        raise InputError(f'{self.path}: not a table of numbers')

    def _fail(self, line: int, fault: str) -> NoReturn:
        raise InputError(f'{self.path}, line {line}: {fault}')


def _names(line: str) -> list[str]:
    """Return the fields of a line as column names."""
    return [field.strip().strip('"').strip().lower() for field in line.split(',')]


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
