"""Read camera motions from a JSON file, to track without images."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strongsort_ros.camera_motion.estimator import CameraMotion
from strongsort_ros.errors import InputError
from strongsort_ros.types import Matrix


@dataclass(frozen=True, slots=True)
class SequenceMotion:
    """Camera motions of one sequence, by frame number.

    Attributes
    ----------
    matrices
        Frame number -> (3, 3) float64, maps the previous frame to this one.

    """

    matrices: Mapping[int, Matrix]

    def at(self, frame: int) -> CameraMotion:
        """Return the motion into a frame, with score 1; unknown for a frame without a matrix."""
        matrix = self.matrices.get(frame)
        return CameraMotion() if matrix is None else CameraMotion(matrix, 1.0)

    def __len__(self) -> int:
        return len(self.matrices)


class CameraMotionFile:
    """Camera motions of several sequences, in the format of the published `ECC_val.json`.

    The file is JSON: {sequence: {frame number: 3 x 3 matrix from the previous frame}}.

    Parameters
    ----------
    motions
        Sequence name -> frame number -> (3, 3) matrix.

    Raises
    ------
    InputError
        A matrix does not hold 3 x 3 finite numbers; the message names its sequence and frame.

    """

    def __init__(self, motions: Mapping[str, Mapping[int, npt.ArrayLike]]) -> None:
        self._sequences = {
            str(name): SequenceMotion({
                int(frame): _checked(matrix, f'{name}, frame {frame}')
                for frame, matrix in frames.items()
            })
            for name, frames in motions.items()
        }  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sequences."""
        return tuple(self._sequences)

    def sequence(self, name: str) -> SequenceMotion:
        """Return the motions of a sequence.

        Raises
        ------
        InputError
            The file has no sequence of that name; the message lists its sequences.

        """
        if name not in self._sequences:
            known = ', '.join(sorted(self._sequences)) or 'none'
            raise InputError(f'camera motion: no sequence {name!r}, the file has: {known}')
        return self._sequences[name]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CameraMotionFile:
        """Read a file.

        Raises
        ------
        InputError
            The file is not readable, not JSON or not of the format above; the message is one line
            with the file and the position of the error.

        """
        try:
            content = json.loads(Path(path).read_text(encoding='utf-8'))
            return cls(_by_frame(content))
        except OSError as error:
            raise InputError(f'{path}: {error.strerror}') from error
        except json.JSONDecodeError as error:
            raise InputError(f'{path}: not JSON: {error}') from error
        except UnicodeDecodeError as error:
            raise InputError(f'{path}: not JSON: not UTF-8 text') from error
        except RecursionError as error:
            raise InputError(f'{path}: not a file of camera motions: nested too deeply') from error
        except ValueError as error:
            raise InputError(f'{path}: {error}') from error


def _by_frame(content: Any) -> dict[str, dict[int, Any]]:
    """Return the content of a file with int frame numbers."""
    if not isinstance(content, dict):
        raise InputError(
            f'expected {{sequence: {{frame: matrix}}}}, found {type(content).__name__}'
        )
    motions: dict[str, dict[int, Any]] = {}
    for name, frames in content.items():
        if not isinstance(frames, dict):
            raise InputError(f'{name}: expected {{frame: matrix}}, found {type(frames).__name__}')
        motions[name] = {_frame_number(key, name): matrix for key, matrix in frames.items()}
    return motions


def _frame_number(key: str, name: str) -> int:
    if not (key.isascii() and key.isdigit()):
        raise InputError(f'{name}: frame {key!r}, expected an integer')
    return int(key)


def _checked(matrix: npt.ArrayLike, place: str) -> Matrix:
    """Return a read-only (3, 3) float64 copy."""
    try:
        array = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f'{place}: expected a 3 x 3 matrix of numbers') from None
    if array.shape != (3, 3):
        raise InputError(f'{place}: expected a 3 x 3 matrix, found shape {array.shape}')
    if not np.isfinite(array).all():
        raise InputError(f'{place}: the matrix holds NaN or infinity')
    array.setflags(write=False)
    return array
