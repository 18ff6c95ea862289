"""A canvas in fractions of its own size, whose colours drift a little from picture to picture."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]
OVERSAMPLING = 2
"""Drawn larger and scaled down, because Pillow draws hard edges."""


class Canvas:
    """Draw one picture.

    Attributes:
        random: decides everything that varies between pictures of a family.
        aspect: width by height.
    """

    def __init__(self, size: tuple[int, int], random: Random) -> None:
        self.random = random
        self._size = size
        self._width, self._height = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
        self.aspect = self._width / self._height
        self._hue, self._light = random.uniform(-0.015, 0.015), random.uniform(0.93, 1.06)
        self._image = Image.new("RGB", (self._width, self._height))
        self._draw = ImageDraw.Draw(self._image)

    def near(self, value: float, spread: float) -> float:
        """Return a number that differs from `value` by at most `spread`."""
        return value + self.random.uniform(-spread, spread)

    def colour(self, name: str, light: float = 1.0) -> Colour:
        """Return a colour as this picture sees it, made lighter or darker by a factor."""
        red, green, blue = ImageColor.getrgb(name)[:3]
        hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
        lightness = min(1.0, lightness * self._light * light)
        shifted = colorsys.hls_to_rgb((hue + self._hue) % 1, lightness, saturation)
        return round(shifted[0] * 255), round(shifted[1] * 255), round(shifted[2] * 255)

    def gradient(self, colours: Sequence[str], top: float = 0.0, bottom: float = 1.0) -> None:
        """Fill a horizontal band with colours that run into each other from top to bottom."""
        first, last = self._y(top), self._y(bottom)
        stops = np.array([self.colour(name) for name in colours], dtype=np.float64)
        at = np.linspace(0, len(colours) - 1, max(1, last - first))
        rows = np.stack(
            [np.interp(at, np.arange(len(colours)), stops[:, channel]) for channel in range(3)], axis=1
        )
        band = np.broadcast_to(rows[:, None, :], (len(rows), self._width, 3)).astype(np.uint8)
        self._image.paste(Image.fromarray(np.ascontiguousarray(band)), (0, first))

    def polygon(self, points: Sequence[Point], name: str, light: float = 1.0) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._at(point) for point in points], fill=self.colour(name, light))

    def line(self, points: Sequence[Point], name: str, width: float, light: float = 1.0) -> None:
        """Draw a line; its width is a fraction of the height."""
        pixels = max(1, round(width * self._height))
        path = [self._at(point) for point in points]
        self._draw.line(path, fill=self.colour(name, light), width=pixels, joint="curve")

    def disc(self, centre: Point, radius: float, name: str, light: float = 1.0, squash: float = 1.0) -> None:
        """Fill a circle, or an ellipse `squash` times as high as wide; the radius is a fraction of the height."""
        x, y = self._at(centre)
        across, down = radius * self._height, radius * self._height * squash
        self._draw.ellipse((x - across, y - down, x + across, y + down), fill=self.colour(name, light))

    def ring(self, centre: Point, radius: float, name: str, width: float, squash: float = 1.0) -> None:
        """Draw the outline of a circle or ellipse."""
        x, y = self._at(centre)
        across, down = radius * self._height, radius * self._height * squash
        pixels = max(1, round(width * self._height))
        self._draw.ellipse((x - across, y - down, x + across, y + down), outline=self.colour(name), width=pixels)

    def wedge(self, centre: Point, radius: float, start: float, end: float, name: str, light: float = 1.0) -> None:
        """Fill a slice of a circle between two angles in degrees."""
        x, y = self._at(centre)
        reach = radius * self._height
        self._draw.pieslice(
            (x - reach, y - reach, x + reach, y + reach), start, end, fill=self.colour(name, light)
        )

    def box(self, left: float, top: float, right: float, bottom: float, name: str, light: float = 1.0) -> None:
        """Fill a rectangle."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.polygon(corners, name, light)

    def petals(self, centre: Point, count: int, length: float, width: float, name: str, turn: float = 0.0) -> None:
        """Draw petals around a point; length and width are fractions of the height."""
        for index in range(count):
            angle = turn + 2 * math.pi * index / count
            outline = []
            for step in range(12):
                along = math.pi * 2 * step / 12
                forward = length * (0.5 + 0.5 * math.cos(along))
                aside = width * math.sin(along)
                dx = forward * math.cos(angle) - aside * math.sin(angle)
                dy = forward * math.sin(angle) + aside * math.cos(angle)
                outline.append((centre[0] + dx / self.aspect, centre[1] + dy))
            self.polygon(outline, name, light=1.0 if index % 2 else 0.9)

    def ridge(
        self, base: float, height: float, peaks: int, name: str, light: float = 1.0, rough: float = 0.3
    ) -> None:
        """Fill everything below a line of `peaks` hills around `base`."""
        shift = self.random.uniform(0, 2 * math.pi)
        points: list[Point] = []
        for step in range(81):
            x = step / 80
            wave = math.sin(peaks * math.pi * x + shift) + rough * math.sin(3.7 * peaks * math.pi * x + 2 * shift)
            points.append((x, base - height * wave / (1 + rough)))
        self.polygon([*points, (1.0, 1.0), (0.0, 1.0)], name, light)

    def glow(self, centre: Point, radius: float, name: str) -> None:
        """Add light that fades with the distance."""
        x, y = self._at(centre)
        across = np.arange(self._width)[None, :] - x
        down = np.arange(self._height)[:, None] - y
        strength = np.exp(-(across**2 + down**2) / (2 * (radius * self._height) ** 2))
        light = strength[:, :, None] * np.array(self.colour(name))
        self._image.paste(ImageChops.add(self._image, Image.fromarray(light.astype(np.uint8))))

    def blur(self, radius: float) -> None:
        """Soften everything drawn so far; the radius is a fraction of the height."""
        self._image.paste(self._image.filter(ImageFilter.GaussianBlur(radius * self._height)))

    def mirror(self, horizon: float, dim: float = 0.75) -> None:
        """Let the lower part show the upper one upside down, darker and broken by ripples."""
        pixels = np.asarray(self._image).copy()
        first = self._y(horizon)
        for row in range(first, self._height):
            source = max(0, first - 1 - round((row - first) * first / (self._height - first)))
            ripple = round(3 * OVERSAMPLING * math.sin(row * 0.35 / OVERSAMPLING))
            pixels[row] = np.roll(pixels[source], ripple, axis=0) * dim
        self._image.paste(Image.fromarray(pixels))

    def finished(self) -> Image.Image:
        """Return the picture in its final size."""
        return self._image.resize(self._size, Image.Resampling.BOX)

    def _at(self, point: Point) -> tuple[float, float]:
        return point[0] * self._width, point[1] * self._height

    def _y(self, fraction: float) -> int:
        return round(fraction * self._height)
