"""`strongsort evaluate`: score tracks against ground truth, and write the report."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from strongsort_ros.cli.console import progress, results, say, warn
from strongsort_ros.cli.options import output_path
from strongsort_ros.errors import InputError
from strongsort_ros.packages import require

if TYPE_CHECKING:
    from strongsort_ros.evaluation.report.model import Report, Video
    from strongsort_ros.evaluation.scores import EvaluatedTracks, ScoredSequence

_MOST_EMBEDDED: Final = 30  # MB


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        'evaluate',
        help='score tracks against ground truth',
        description='Score tracks with TrackEval: HOTA, AssA, DetA, IDF1, MOTA and identity '
        'switches (IDSW), for each sequence and combined.',
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        '--ground-truth', type=Path, required=True, metavar='GT.txt|DIR',
        help='gt.txt, a sequence, or a folder of sequences',
    )  # fmt: skip
    parser.add_argument(
        '--results', type=Path, required=True, metavar='TRACKS|DIR',
        help='.txt or .csv of tracks, or a folder of them, named like the sequences',
    )  # fmt: skip
    parser.add_argument(
        '--refined', type=Path, metavar='TRACKS|DIR', help='refined tracks, scored for comparison'
    )
    parser.add_argument(
        '--second-half', action='store_true',
        help='score only the published validation half: frames from seqLength // 2 + 2',
    )  # fmt: skip
    parser.add_argument(
        '--frames', type=_frames, metavar='FIRST-LAST', help='score only these frames'
    )
    add_report_options(parser)
    video = parser.add_argument_group('video in the report')
    video.add_argument(
        '--video', type=Path, metavar='FILE',
        help='.webm or .mp4 of the sequence, as by render; the charts of the report seek it',
    )  # fmt: skip
    video.add_argument(
        '--embed-video',
        action='store_true',
        help=f'put the video into the report, up to {_MOST_EMBEDDED} MB; default: link it',
    )
    video.add_argument(
        '--video-start', type=int, metavar='FRAME',
        help='frame of the first image of the video; default: that of the first image of the '
        'sequence, otherwise 1',
    )  # fmt: skip
    parser.add_argument('--title', help='heading of the report, such as the tracker and settings')


def add_report_options(group: Any) -> None:
    """Add --json and --html."""
    group.add_argument('--json', type=output_path, metavar='FILE', help='write all scores')
    group.add_argument(
        '--html', type=output_path, metavar='FILE',
        help='write a report: scores, timelines, pictures of identity switches',
    )  # fmt: skip


def run(args: argparse.Namespace) -> None:
    """Score, print the table, and write the report."""
    from strongsort_ros.evaluation.report.model import Report
    from strongsort_ros.evaluation.sequences import (
        folder_images,
        load_sequences,
        missing_results,
        unscored,
    )

    require('scoring', 'trackeval')
    part = {'second_half': args.second_half, 'frames': args.frames}
    pairs = load_sequences(args.ground_truth, args.results, **part)
    refined = []
    if args.refined:
        refined = load_sequences(args.ground_truth, args.refined, **part, before=pairs)
    for pair in pairs:
        classes = sorted(set(pair.tracks.class_ids.tolist()))
        if len(classes) > 1:
            warn(f'{pair.name}: all classes are scored as pedestrians: {", ".join(classes)}')
        if line := missing_results(pair):
            warn(line)
    video = _video(args, pairs) if args.video else None
    before = _score(pairs, args.results)
    after = _score(refined, args.refined) if refined else None
    paths = (args.results, args.refined, args.ground_truth)
    *names, truth = (path.resolve().name for path in paths if path)
    about = f'{" and ".join(names)} against the ground truth {truth}'
    title = args.title or f'Scores of {args.results.resolve().stem}'
    images = folder_images(args.ground_truth)
    write_report(args, Report(title, about, before, after, images, video=video))
    for line in unscored(args.ground_truth, args.results):
        warn(line)


def write_report(args: argparse.Namespace, report: Report) -> None:
    """Print the scores of a report, and write the files of --json and --html."""
    from strongsort_ros.evaluation.report.model import save_report
    from strongsort_ros.evaluation.score_table import class_table, score_table
    from strongsort_ros.evaluation.scores import save_scores

    assert report.before is not None
    assert report.before.scores is not None
    scores = report.before.scores, report.after.scores if report.after else None
    for line in score_table(*scores).lines():
        results().write(f'{line.rstrip()}\n')
    if report.before.classes is not None:
        classes = class_table(report.before.classes, report.after.classes if report.after else None)
        results().write(f'\n{classes.name}:\n')
        for line in classes.lines():
            results().write(f'{line.rstrip()}\n')
    if args.json:
        save_scores(args.json, *scores)
        say(f'scores: {args.json}')
    if args.html:
        save_report(args.html, report)
        say(f'report: {args.html}')


def _score(sequences: list[ScoredSequence], results: Path) -> EvaluatedTracks:
    from strongsort_ros.evaluation.classes import score_classes
    from strongsort_ros.evaluation.scores import EvaluatedTracks, score

    scores = score(sequences, progress(f'evaluate {results.name}'))
    return EvaluatedTracks(sequences, scores, score_classes(sequences))


def _video(args: argparse.Namespace, sequences: list[ScoredSequence]) -> Video:
    """Return the video of the report.

    Raises
    ------
    InputError
        There is no report, there are several sequences, or the file is not a video.

    """
    from strongsort_ros.evaluation.report.model import Video
    from strongsort_ros.evaluation.sequences import first_image
    from strongsort_ros.files.video_readers import open_reader

    if args.html is None:
        raise InputError('--video: needs --html')
    if len(sequences) > 1:
        raise InputError(f'--video: the results have {len(sequences)} sequences, expected one')
    with closing(open_reader(str(args.video))) as reader:
        rate = reader.frame_rate
    if not rate:
        raise InputError(f'{args.video}: its frame rate is unknown')
    start = args.video_start
    if start is None:
        start = first_image(args.ground_truth, sequences[0].name)
    if args.embed_video and args.video.stat().st_size <= 1e6 * _MOST_EMBEDDED:
        return Video.embedded(args.video, rate, start)
    if args.embed_video:
        warn(f'{args.video}: larger than {_MOST_EMBEDDED} MB: linked, not embedded')
    return Video.beside(args.video, args.html, rate, start)


def _frames(text: str) -> range:
    first, separator, last = text.partition('-')
    if not (separator and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f'{text!r} is not FIRST-LAST, such as 264-525')
    return range(int(first), int(last) + 1)
