"""Frames come in their order, with their numbers and times, from every kind of source."""

from __future__ import annotations

import http.server
import struct
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from strongsort_ros.errors import InputError
from strongsort_ros.files import video_readers
from strongsort_ros.files.frames import open_frames
from strongsort_ros.files.live_frames import LiveFrames
from strongsort_ros.files.video import has_pyav, write_video
from strongsort_ros.files.video_readers import open_reader
from test.files.clips import picture, write_clip, write_images


@pytest.fixture(params=['opencv', 'pyav'])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of each installed library that reads videos."""
    if request.param == 'pyav' and not has_pyav():
        pytest.skip('needs PyAV: pip install av')
    if request.param == 'opencv':
        monkeypatch.setattr(video_readers, 'has_pyav', lambda: False)
    return str(request.param)


@pytest.mark.parametrize('name', ['street.avi', 'street.webm'])
def test_video(tmp_path: Path, reader: str, name: str) -> None:
    path = write_clip(tmp_path / name, frames=12, rate=12.5)
    with open_frames(path) as source:
        assert (source.name, source.size, source.frame_rate) == ('street', (128, 96), 12.5)
        assert source.length == 12
        frames = list(source)
    assert [frame.number for frame in frames] == list(range(1, 13))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(12) / 12.5, atol=2e-3)
    for step, frame in enumerate(frames):
        assert frame.image is not None
        error = np.abs(frame.image.astype(int) - picture(step).astype(int)).mean()
        assert error < 12, reader
    assert (source.faults, source.notes) == ([], [])


def test_a_given_rate_replaces_the_times(tmp_path: Path, reader: str) -> None:
    with open_frames(write_clip(tmp_path / 'a.avi', frames=3), 10) as source:
        assert source.frame_rate == 10, reader
        assert [frame.seconds for frame in source] == pytest.approx([0, 0.1, 0.2])


def test_a_video_that_is_cut_off(tmp_path: Path) -> None:
    av = pytest.importorskip('av')
    path = tmp_path / 'long.webm'
    write_clip(path, frames=60)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with open_frames(path) as source:
        frames = len(list(source))
        assert 0 < frames < 54, av
        assert source.notes == [
            f'{path}: read {frames} of 60 frames; the file is cut off or damaged'
        ]


def test_a_video_that_is_turned(tmp_path: Path, reader: str) -> None:
    """A phone stores a picture on its side, and the angle to turn it by."""
    pytest.importorskip('av')
    path = tmp_path / 'phone.mp4'
    image = np.zeros((96, 128, 3), np.uint8)
    image[:48, :64] = 255
    write_video(path, [image] * 3, 25)
    content = bytearray(path.read_bytes())
    start = content.index(b'tkhd') + 4 + 40  # of the matrix in the track's header
    one = 1 << 16
    content[start : start + 36] = struct.pack('>9i', 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    with open_frames(path) as source:
        assert source.size == (96, 128), reader
        frame = next(iter(source))
    assert frame.image is not None
    assert frame.image.shape == (128, 96, 3)
    assert frame.image[10, -10].min() > 200
    assert frame.image[10, 10].max() < 50


def test_variable_frame_rate(tmp_path: Path) -> None:
    """The times are those of the video, not multiples of a frame period."""
    av = pytest.importorskip('av')
    times = [0, 40, 80, 120, 520, 560, 600, 900]
    with av.open(str(tmp_path / 'a.mkv'), 'w') as out:
        stream = out.add_stream('mjpeg', rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, 'yuvj420p'
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for step, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(step), format='bgr24')
            frame.pts, frame.time_base = time, stream.codec_context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with open_frames(tmp_path / 'a.mkv') as source:
        assert source.variable
        seconds = [frame.seconds for frame in source]
    np.testing.assert_allclose(seconds, np.array(times) / 1000, atol=1e-6)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [('a.mp4', b'no video' * 99, 'not a video that'), ('none.mp4', None, 'no such file or folder')],
)
def test_what_is_no_video(
    tmp_path: Path, reader: str, name: str, content: bytes | None, message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_frames(tmp_path / name)
    assert capfd.readouterr().err == '', reader


def test_images_keep_their_numbers(tmp_path: Path) -> None:
    folder = write_images(tmp_path / 'shots', ['000010.png', '000012.png', '000011.png'])
    with open_frames(folder, 10) as source:
        assert (source.name, source.size, source.length) == ('shots', (128, 96), 3)
        assert [(f.number, f.seconds) for f in source] == [(10, 0.0), (11, 0.1), (12, 0.2)]


def test_images_without_numbers_are_sorted(tmp_path: Path) -> None:
    folder = write_images(tmp_path / 'shots', ['b.png', 'a.png', 'c.jpg'])
    with open_frames(folder) as source:
        assert source.numbers == [1, 2, 3]
        frame = next(iter(source))
    assert frame.image is not None
    np.testing.assert_array_equal(frame.image, picture(1))


@pytest.mark.parametrize(
    ('folder', 'opened', 'numbers', 'rate'),
    [
        ('seq/img1', 'seq', [1, 2], 30.0),
        ('training/image_02/0004', 'training/image_02/0004', [0, 1], 10.0),
        ('drive/image_02/data', 'drive', [0, 1], 10.0),
        ('dance/img1', 'dance', [1, 2], 20.0),
    ],
)
def test_sequences(
    tmp_path: Path, folder: str, opened: str, numbers: list[int], rate: float
) -> None:
    """KITTI counts from 0 at 10 Hz; MOTChallenge and DanceTrack have a seqinfo.ini."""
    write_images(tmp_path / folder, [f'{number:08}.png' for number in numbers])
    if opened == 'dance':
        text = '[Sequence]\nname=dance\nframeRate=20\nseqLength=2\nimDir=img1\n'
        (tmp_path / opened / 'seqinfo.ini').write_text(text)
    with open_frames(tmp_path / opened) as source:
        assert (source.numbers, source.frame_rate) == (numbers, rate)
        assert source.name == opened.rpartition('/')[2]


def test_a_folder_without_images(tmp_path: Path) -> None:
    for name in ('0000', '0001'):
        write_images(tmp_path / name, ['1.png'])
    with pytest.raises(InputError, match=r'no images .* name one of its folders: 0000, 0001'):
        open_frames(tmp_path)


def test_an_image_that_cannot_be_read(tmp_path: Path) -> None:
    folder = write_images(tmp_path / 'shots', ['1.png', '2.png', '3.png'])
    for name in ('1.png', '3.png'):
        (folder / name).write_bytes(b'damaged')
    with open_frames(folder) as source:
        assert source.size == (128, 96)
        assert [frame.image is None for frame in source] == [True, False, True]
        assert source.faults == [
            f'{folder}/{name}: not an image that OpenCV can read' for name in ('1.png', '3.png')
        ]
    (folder / '2.png').unlink()
    with pytest.raises(InputError, match='none of the 2 images can be read'):
        open_frames(folder)


@pytest.mark.parametrize('name', ['camera:97', '97', '/dev/video97'])
def test_a_camera_that_is_not_there(name: str) -> None:
    with pytest.raises(InputError, match='camera 97: cannot open it; '):
        open_frames(name)
    with pytest.raises(InputError, match='name a camera by its number'):
        open_frames('camera:front')


def test_a_stream_that_is_not_there(reader: str) -> None:
    """The error names the stream without its password."""
    with pytest.raises(InputError, match=r'^http://127\.0\.0\.1:9/live: not a video') as error:
        open_frames('http://user:secret@127.0.0.1:9/live')
    assert 'secret' not in str(error.value), reader


class _Camera(http.server.BaseHTTPRequestHandler):
    """Server of a stream of 30 JPEG images."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=next')
        self.end_headers()
        for step in range(30):
            data = cv2.imencode('.jpg', picture(step % 20))[1].tobytes()
            head = f'--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n'
            self.wfile.write(head.encode() + data + b'\r\n')

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def stream() -> Iterator[str]:
    """Address of a stream that two clients can read, one after the other."""
    server = http.server.HTTPServer(('127.0.0.1', 0), _Camera)

    def serve() -> None:
        for _ in range(2):
            server.handle_request()
        server.server_close()

    server.timeout = 20
    thread = threading.Thread(target=serve)
    thread.start()
    yield f'http://127.0.0.1:{server.server_port}/live.mjpg'
    thread.join()


def test_a_stream_is_opened_again(stream: str) -> None:
    """The newest frames are taken; after the second end of the stream no attempt succeeds."""
    pytest.importorskip('av')
    opened: list[str] = []

    def connect() -> video_readers.Reader:
        opened.append(stream)
        return open_reader(stream, stream=True)

    with LiveFrames(stream, connect, waits=(0.0, 0.0)) as source:
        frames = list(source)
        assert source.live
        assert source.size == (128, 96)
    assert len(opened) >= 4
    assert source.notes == [f'{stream}: lost; 2 attempts to open it again failed']
    assert frames[-1].number > 30
    numbers = [frame.number for frame in frames]
    seconds = [frame.seconds for frame in frames]
    assert numbers == sorted(set(numbers))
    assert seconds == sorted(seconds)
    assert all(frame.image is not None and frame.image.shape == (96, 128, 3) for frame in frames)
