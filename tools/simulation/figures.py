"""Draw a walking person, seen from the side, into a box."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import cv2
import numpy as np

from strongsort_ros.types import FloatArray, Image

Colour = tuple[float, float, float]

_SHIFT = 5  # cv2 draws at 1/32 of a pixel, so that figures move smoothly
_SKIN = ((150, 182, 222), (118, 154, 200), (78, 110, 160), (52, 74, 112))
_HAIR = ((28, 26, 24), (40, 62, 92), (70, 130, 170), (24, 44, 62), (150, 154, 158))
_SHOES = ((40, 38, 36), (52, 66, 92), (208, 208, 206))


@dataclass(frozen=True, slots=True)
class Looks:
    """Colours (BGR) and clothes of a person."""

    upper: Colour
    lower: Colour
    skin: Colour
    hair: Colour
    shoes: Colour
    stripe: Colour | None
    bag: Colour | None
    long_hair: bool


def looks_of(identity: int, seed: int) -> Looks:
    """Return the looks of a person, the same for the same identity and seed.

    The golden ratio puts the hues of consecutive identities far apart.
    """
    rng = np.random.default_rng([seed, identity])
    hue = (identity * 0.618034 + 0.03 * rng.standard_normal()) % 1.0
    upper = _bgr(hue, rng.uniform(0.45, 0.85), rng.uniform(0.45, 0.95))
    lower = _bgr(
        (hue + rng.uniform(0.25, 0.75)) % 1.0,
        rng.uniform(0.15, 0.6),
        rng.uniform(0.2, 0.75),
    )
    other = _bgr((hue + 0.5) % 1.0, 0.3, 0.9)
    return Looks(
        upper,
        lower,
        _SKIN[rng.integers(len(_SKIN))],
        _HAIR[rng.integers(len(_HAIR))],
        _SHOES[rng.integers(len(_SHOES))],
        other if rng.random() < 0.35 else None,
        _shade(other, 0.6) if rng.random() < 0.4 else None,
        bool(rng.random() < 0.5),
    )


def _bgr(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return 255 * blue, 255 * green, 255 * red


def _shade(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


# Lengths in body heights; coordinates of a figure are x ahead and y up.
_THIGH, _SHIN, _SOLE = 0.245, 0.225, 0.018
_ARM, _FOREARM = 0.16, 0.14
_ABOVE_HIP = 0.5


def _leg(phase: float) -> FloatArray:
    """Return hip, knee, ankle and toe; the hip is the origin."""
    thigh = 0.33 * math.sin(phase)
    bend = 0.07 + 0.75 * max(0.0, math.cos(phase)) ** 1.5
    knee = _THIGH * np.array([math.sin(thigh), -math.cos(thigh)])
    ankle = knee + _SHIN * np.array([math.sin(thigh - bend), -math.cos(thigh - bend)])
    tilt = thigh - bend + 0.12
    toe = ankle + np.array([0.062 * math.cos(tilt), 0.062 * math.sin(tilt) - 0.012])
    return np.array([np.zeros(2), knee, ankle, toe])


def _arm(phase: float) -> FloatArray:
    """Return shoulder, elbow and hand; the shoulder is the origin."""
    upper = 0.5 * math.sin(phase) - 0.05
    elbow = _ARM * np.array([math.sin(upper), -math.cos(upper)])
    lower = upper + 0.35 + 0.15 * math.sin(phase)
    return np.array([
        np.zeros(2), elbow, elbow + _FOREARM * np.array([math.sin(lower), -math.cos(lower)])
    ])  # fmt: skip


class _Pen:
    """Draws in body heights: x ahead, y up, origin on the pavement below the hip."""

    def __init__(self, image: Image, tlwh: FloatArray, facing: int, top: float) -> None:
        left, upper, width, height = tlwh
        self._image = image
        self._origin = np.array([left + width / 2, upper + height])
        # The hip moves up and down with the stride; scaling keeps head and foot on the box.
        self._scale = np.array([facing * height, -height / top])

    def polygon(self, points: FloatArray, colour: Colour) -> None:
        pixels = (self._origin + self._scale * points) * (1 << _SHIFT)
        corners = np.round(pixels).astype(np.int32)
        cv2.fillConvexPoly(self._image, corners, colour, cv2.LINE_AA, _SHIFT)

    def ellipse(self, centre: FloatArray, radii: tuple[float, float], colour: Colour) -> None:
        self.polygon(centre + np.array(radii) * _CIRCLE, colour)

    def limb(self, joints: FloatArray, widths: tuple[float, ...], colour: Colour) -> None:
        """Draw segments with round ends; `widths` are half the widths at the joints."""
        for start, end, w0, w1 in zip(
            joints[:-1], joints[1:], widths[:-1], widths[1:], strict=True
        ):
            along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
            side = np.array([-along[1], along[0]])
            sides = [
                start + w0 * side,
                end + w1 * side,
                end - w1 * side,
                start - w0 * side,
            ]
            self.polygon(np.array(sides), colour)
            self.ellipse(start, (w0, w0), colour)
            self.ellipse(end, (w1, w1), colour)


_TURN = np.linspace(0, 2 * math.pi, 16, endpoint=False)
_CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)])


def draw_figure(image: Image, tlwh: FloatArray, looks: Looks, phase: float, facing: int) -> None:
    """Draw a walker into an image; head and lower foot touch the box.

    Parameters
    ----------
    image
        (H, W, 3) uint8 BGR, modified.
    tlwh
        (4,) box, pixels; it may extend beyond the image.
    looks
        Colours and clothes.
    phase
        Phase of the gait, radians; 2 pi is two steps.
    facing
        1: the person walks to the right, -1: to the left.

    """
    near, far = _leg(phase), _leg(phase + math.pi)
    hip = np.array([0.0, _SOLE - min(near[:, 1].min(), far[:, 1].min())])
    shoulder = hip + np.array([0.012, 0.305])
    pen = _Pen(image, tlwh, facing, hip[1] + _ABOVE_HIP)
    _draw_arm(pen, shoulder + _arm(phase), looks, 0.6)
    _draw_leg(pen, hip + far, looks, 0.68)
    _draw_leg(pen, hip + near, looks, 1.0)
    _draw_torso(pen, hip, shoulder, looks)
    _draw_head(pen, shoulder, looks)
    _draw_arm(pen, shoulder + _arm(phase + math.pi), looks, 0.85)


def _draw_arm(pen: _Pen, joints: FloatArray, looks: Looks, light: float) -> None:
    pen.ellipse(joints[2], (0.02, 0.022), _shade(looks.skin, light))
    pen.limb(joints, (0.036, 0.028, 0.02), _shade(looks.upper, light))


def _draw_leg(pen: _Pen, joints: FloatArray, looks: Looks, light: float) -> None:
    pen.limb(joints[2:], (0.022, _SOLE), _shade(looks.shoes, light))
    pen.limb(joints[:3], (0.062, 0.044, 0.028), _shade(looks.lower, light))


def _draw_torso(pen: _Pen, hip: FloatArray, shoulder: FloatArray, looks: Looks) -> None:
    if looks.bag is not None:
        pen.limb(
            shoulder + np.array([[-0.09, -0.05], [-0.085, -0.19]]),
            (0.055, 0.06),
            looks.bag,
        )
    pen.ellipse(hip + np.array([0.0, 0.02]), (0.07, 0.05), looks.lower)
    spine = np.array([shoulder - (0.012, 0.012), hip - (0.0, -0.05)])
    pen.limb(spine, (0.082, 0.07), looks.upper)
    # Shaded side.
    pen.limb(spine - np.array([0.045, 0.0]), (0.036, 0.025), _shade(looks.upper, 0.8))
    if looks.stripe is not None:
        for level in (0.45, 0.75):
            middle = spine[0] + level * (spine[1] - spine[0])
            band = np.array([[-0.074, 0.014], [0.074, 0.014], [0.074, -0.014], [-0.074, -0.014]])
            pen.polygon(middle + band, looks.stripe)


def _draw_head(pen: _Pen, shoulder: FloatArray, looks: Looks) -> None:
    head = shoulder + np.array([0.012, _ABOVE_HIP - 0.305 - 0.073])
    pen.limb(
        np.array([shoulder - (0.0, -0.04), head]),
        (0.03, 0.026),
        _shade(looks.skin, 0.85),
    )
    pen.ellipse(head, (0.054, 0.073), looks.hair)
    if looks.long_hair:
        pen.limb(
            head + np.array([[-0.025, 0.0], [-0.034, -0.09]]),
            (0.035, 0.024),
            looks.hair,
        )
    pen.ellipse(head + np.array([0.018, -0.018]), (0.036, 0.05), looks.skin)
