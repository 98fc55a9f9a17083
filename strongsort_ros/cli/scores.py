"""Scores as a table on the terminal and as a file, before and after refinement."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from strongsort_ros.cli.console import results, say

if TYPE_CHECKING:
    from strongsort_ros.evaluation.scores import Evaluation


def show_scores(sides: Mapping[str, Evaluation]) -> None:
    """Print the scores that papers tell; `sides` are named where there are several."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column('sequence')
    if len(sides) > 1:
        table.add_column('refinement')
    for name in ('HOTA', 'AssA', 'DetA', 'IDF1', 'MOTA', 'IDSW'):
        table.add_column(name, justify='right')
    rows = [(*e.sequences, *([e.combined] if len(e.sequences) > 1 else [])) for e in sides.values()]
    for of_one in zip(*rows, strict=True):
        if of_one[0] is rows[0][-1]:
            table.add_section()
        for side, scores in zip(sides, of_one, strict=True):
            shares = (scores.hota, scores.assa, scores.deta, scores.idf1, scores.mota)
            names = (scores.name, side)[: 1 + (len(sides) > 1)]
            table.add_row(*names, *(f'{share:.2f}' for share in shares), str(scores.idsw))
    Console(file=results(), markup=False, highlight=False).print(table)


def save_scores(path: Path, before: Evaluation, after: Evaluation | None) -> None:
    """Write all scores as JSON, and say where."""
    from strongsort_ros.evaluation import before_after

    before_after.save_scores(path, before, after)
    say(f'scores: {path}')
