"""Camera motion as the published StrongSORT program computes it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from strongsort_ros.arrays import check_image
from strongsort_ros.camera_motion.estimator import CameraMotion
from strongsort_ros.types import Float32Array, FloatArray, Image, Matrix

SCALE = 0.1
MAX_ITERATIONS = 100
EPSILON = 1e-5


class PublishedCameraMotion:
    """ECC at a tenth of the image size, without masks; reproduces the published matrices.

    It has the published weaknesses: people count as background, and aliasing of the reduced images
    limits the accuracy. Use it to compare with published results, and `ecc` to track.
    """

    def __init__(self) -> None:
        self._previous: Float32Array | None = None

    def estimate(self, image: Image, tlwh: FloatArray | None = None) -> CameraMotion:
        """Return the motion from the image of the previous call to this one; boxes are ignored."""
        del tlwh
        check_image(image, grey=True)
        current = _reduce(image)
        previous, self._previous = self._previous, current
        if previous is None or current is None or previous.shape != current.shape:
            return CameraMotion()
        found = maximise_ecc(previous, current)
        if found is None:
            return CameraMotion()
        matrix, correlation = found
        if correlation <= 0:
            return CameraMotion()
        matrix[:2, 2] /= SCALE
        return CameraMotion(matrix, min(correlation, 1.0))

    def reset(self) -> None:
        """Forget the previous image."""
        self._previous = None


def _reduce(image: Image) -> Float32Array | None:
    """Return the grey image at a tenth of the size, or None if that is below 2 x 2 pixels."""
    size = round(image.shape[1] * SCALE), round(image.shape[0] * SCALE)
    if min(size) < 2:
        return None
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)
    return small.astype(np.float32)


def maximise_ecc(template: Float32Array, image: Float32Array) -> tuple[Matrix, float] | None:
    """Return the Euclidean warp from template to image, and their correlation under it.

    Forward additive ECC from the identity (Evangelidis and Psarakis, PAMI 30(10), 2008).
    OpenCV 4 samples images at multiples of 1/32 pixel, OpenCV 5 exactly, which alone moves the
    result by up to 0.2 pixel of the full image. The published matrices come from OpenCV 4, so this
    function uses its sampling and its single precision with every version of OpenCV.

    Returns
    -------
    matrix, correlation
        (3, 3) and in [-1, 1]; None if the search does not converge.

    """
    half = np.array([[-0.5, 0, 0.5]], np.float32)
    sources = image, cv2.filter2D(image, -1, half), cv2.filter2D(image, -1, half.T)
    warp = np.eye(2, 3, dtype=np.float32)
    correlation, before = -1.0, -EPSILON
    for _ in range(MAX_ITERATIONS):
        if abs(correlation - before) < EPSILON:
            break
        found = _step(template, sources, warp)
        if found is None:
            return None
        before = correlation
        (turn, x, y), correlation = found
        angle = np.arcsin(np.clip(warp[1, 0], -1, 1)) + turn
        cos, sin = np.cos(angle), np.sin(angle)
        warp = np.array([[cos, -sin, warp[0, 2] + x], [sin, cos, warp[1, 2] + y]], np.float32)
    return np.vstack([warp, [0, 0, 1]]).astype(np.float64), correlation


def _step(
    template: Float32Array, sources: tuple[cv2.typing.MatLike, ...], warp: Float32Array
) -> tuple[Matrix, float] | None:
    """Return the step of (angle, x, y) that raises the correlation, and the current correlation."""
    height, width = template.shape
    (warped, dx, dy), inside = _sample(sources, warp)
    pixels = np.count_nonzero(inside)
    if pixels == 0:
        return None
    mean, deviation = (v.item() for v in cv2.meanStdDev(warped, mask=inside))
    template_mean, template_deviation = (v.item() for v in cv2.meanStdDev(template, mask=inside))
    norms = pixels * deviation * template_deviation
    warped = np.where(inside > 0, warped - np.float32(mean), warped).ravel().astype(np.float64)
    target = np.where(inside > 0, template - np.float32(template_mean), np.float32(0))
    target = target.ravel().astype(np.float64)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    cos, sin = warp[0, 0], warp[1, 0]
    turn = dy * (cos * x - sin * y) - dx * (sin * x + cos * y)
    jacobian = np.stack([turn, dx, dy]).reshape(3, -1).astype(np.float64)
    hessian = jacobian @ jacobian.T
    if norms <= 0 or not np.linalg.det(hessian) > 0:
        return None
    inverse = np.linalg.inv(hessian)
    on_image, on_template = jacobian @ warped, jacobian @ target
    product = float(warped @ target)
    explained = inverse @ on_image
    denominator = product - on_template @ explained
    if denominator <= 0:
        return None
    gain = (pixels * deviation**2 - on_image @ explained) / denominator
    step = inverse @ (gain * on_template - on_image)
    # A step out of the image or NaN: the search has no maximum to climb to.
    return (step, product / norms) if np.abs(step).max() < max(width, height) else None


def _sample(
    sources: tuple[cv2.typing.MatLike, ...], warp: Float32Array
) -> tuple[list[Float32Array], npt.NDArray[np.uint8]]:
    """Return the warped images, bilinear at multiples of 1/32 pixel, and a mask of valid pixels."""
    height, width = sources[0].shape
    rows = warp.astype(np.float64) * 1024
    along = np.rint(rows[:, :1] * np.arange(width)).astype(np.int32)
    down = np.rint(rows[:, 1:2] * np.arange(height) + rows[:, 2:]).astype(np.int32)
    at = along[:, None, :] + down[:, :, None]
    fine = (at + 16) >> 5
    pixel = np.ascontiguousarray((fine >> 5).transpose(1, 2, 0), dtype=np.int16)
    fraction = ((fine[1] & 31) << 5 | fine[0] & 31).astype(np.uint16)
    nearest = (at + 512) >> 10
    inside = (nearest >= 0).all(axis=0) & (nearest[0] < width) & (nearest[1] < height)
    warped = (cv2.remap(source, pixel, fraction, cv2.INTER_LINEAR) for source in sources)
    return [np.asarray(w, np.float32) for w in warped], inside.astype(np.uint8)
