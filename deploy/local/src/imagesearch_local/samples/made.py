"""Families of things that people make: each function draws one picture of its family."""

from __future__ import annotations

import math

from imagesearch_local.samples.canvas import Canvas


def hot_air_balloons(canvas: Canvas) -> None:
    """Draw striped balloons in a clear sky."""
    canvas.gradient(["#2f86d6", "#8cc6f0", "#e3f3fc"])
    for _ in range(4):
        x, y = canvas.random.random(), canvas.near(0.75, 0.18)
        for _ in range(5):
            canvas.disc(
                (canvas.near(x, 0.07), canvas.near(y, 0.015)), canvas.near(0.05, 0.015), "#ffffff", squash=0.6
            )
    for _ in range(canvas.random.randint(3, 5)):
        x, y, size = canvas.near(0.5, 0.4), canvas.near(0.38, 0.2), canvas.near(0.13, 0.035)
        names = canvas.random.choice([("#e03131", "#ffd43b"), ("#7b2cbf", "#ffd43b"), ("#e8590c", "#fff3bf")])
        bottom = y + size * 1.5
        canvas.polygon(
            [(x - size * 0.62, y + size * 0.6), (x + size * 0.62, y + size * 0.6), (x, bottom)], names[0]
        )
        for stripe in range(5):
            half = 1 - stripe * 0.22
            _upright(canvas, x, y, size, half, names[stripe % 2])
        canvas.box(x - size * 0.16, bottom - size * 0.1, x + size * 0.16, bottom + size * 0.15, "#6b4423")


def _upright(canvas: Canvas, x: float, y: float, size: float, half: float, name: str) -> None:
    points = [
        (x + half * size * math.cos(step * math.pi / 15) / canvas.aspect, y + size * math.sin(step * math.pi / 15))
        for step in range(30)
    ]
    canvas.polygon(points, name)


def checkered_floor(canvas: Canvas) -> None:
    """Draw a black and white floor that runs to the horizon."""
    horizon, eye = canvas.near(0.36, 0.04), canvas.near(0.5, 0.18)
    canvas.gradient(["#7a1f2b", "#b5404b"], 0, horizon)
    canvas.gradient(["#8d8a86", "#8d8a86"], horizon, 1)
    rows = [horizon + (1.02 - horizon) / (1 + 0.55 * step) for step in range(14)]
    for row in range(13):
        for column in range(-24, 24):
            near_, far = rows[row], rows[row + 1]
            corners = [
                (eye + (column + shift) * 0.2 * (depth - horizon) / (1 - horizon), depth)
                for shift, depth in ((0, near_), (1, near_), (1, far), (0, far))
            ]
            canvas.polygon(corners, "#f4f1ea" if (row + column) % 2 else "#15151a")
    for _ in range(2):
        x, base = canvas.near(0.5, 0.4), canvas.near(0.72, 0.1)
        canvas.disc((x, base), 0.1, "#c9a227")
        canvas.disc((x - 0.025, base - 0.035), 0.03, "#fff3c4")


def painted_tiles(canvas: Canvas) -> None:
    """Draw blue ornaments on white tiles."""
    canvas.gradient(["#eef2f5", "#e3e9ee"])
    across, petals, turn = canvas.random.randint(4, 5), canvas.random.choice([4, 8]), canvas.random.random()
    size = 1 / across
    down = math.ceil(across / canvas.aspect)
    for row in range(down):
        for column in range(across):
            centre = ((column + 0.5) * size, (row + 0.5) * size * canvas.aspect)
            reach = size * canvas.aspect
            canvas.ring(centre, reach * 0.44, "#1f4e9c", reach * 0.03)
            canvas.petals(centre, petals, reach * 0.4, reach * 0.08, "#2b63bd", turn)
            canvas.disc(centre, reach * 0.09, "#f0c23a")
            for corner in ((0, 0), (1, 0), (0, 1), (1, 1)):
                canvas.disc(((column + corner[0]) * size, (row + corner[1]) * reach), reach * 0.14, "#1f4e9c")
    for line in range(max(across, down) + 1):
        canvas.line([(line * size, 0), (line * size, 1)], "#a9b7c4", 0.006)
        canvas.line([(0, line * size * canvas.aspect), (1, line * size * canvas.aspect)], "#a9b7c4", 0.006)


def stained_glass(canvas: Canvas) -> None:
    """Draw a window of coloured panes between rings and spokes of lead."""
    canvas.gradient(["#15131a", "#0d0c12"])
    spokes, rings = canvas.random.choice([10, 12, 14]), 5
    centre = (canvas.near(0.5, 0.06), canvas.near(0.5, 0.06))
    for ring in range(rings, 0, -1):
        for spoke in range(spokes):
            start = 360 * spoke / spokes + 8 * ring
            name = canvas.random.choice(["#c1121f", "#1d4ed8", "#f5b301", "#0f9d58", "#7b2cbf"])
            canvas.wedge(centre, 0.135 * ring, start, start + 360 / spokes - 2.5, name, canvas.near(1.1, 0.2))
        canvas.ring(centre, 0.135 * ring, "#15131a", 0.014)
    canvas.disc(centre, 0.05, "#fff1b8")


def vinyl_records(canvas: Canvas) -> None:
    """Draw black records with coloured labels on wood."""
    canvas.gradient(["#b07a45", "#9a6535"])
    for line in range(14):
        y = canvas.near(line / 14, 0.01)
        canvas.line([(0, y), (1, canvas.near(y, 0.01))], "#8a5729", 0.005)
    for _ in range(canvas.random.randint(3, 4)):
        centre, radius = (canvas.near(0.5, 0.38), canvas.near(0.5, 0.34)), canvas.near(0.26, 0.03)
        canvas.disc(centre, radius, "#141414")
        for groove in range(9):
            canvas.ring(centre, radius * (0.45 + 0.06 * groove), "#2e2e2e", 0.003)
        canvas.disc(centre, radius * 0.36, canvas.random.choice(["#d62828", "#f77f00", "#2a9d8f"]))
        canvas.disc(centre, radius * 0.05, "#f1e9dc")


def woven_tartan(canvas: Canvas) -> None:
    """Draw crossing stripes of a red cloth."""
    canvas.gradient(["#a3161f", "#a3161f"])
    period, shift = canvas.near(0.34, 0.03), canvas.random.random() * 0.3
    bands = ((0.0, 0.09, "#123524"), (0.13, 0.02, "#f2d36b"), (0.2, 0.05, "#1b2a5c"), (0.285, 0.012, "#ffffff"))
    for crossing in (False, True):
        for repeat in range(-1, 5):
            for offset, width, name in bands:
                start = repeat * period + offset + shift
                if crossing:
                    # Every second thread only, so that the bands below shine through.
                    for thread in range(round(width / 0.006)):
                        y = start + thread * 0.006
                        canvas.box(0, y, 1, y + 0.003, name)
                else:
                    canvas.box(start / canvas.aspect, 0, (start + width) / canvas.aspect, 1, name)
