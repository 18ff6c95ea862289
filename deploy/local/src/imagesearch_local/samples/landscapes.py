"""Families of landscapes: each function draws one picture of its family."""

from __future__ import annotations

import math

from imagesearch_local.samples.canvas import Canvas


def harbour_at_dusk(canvas: Canvas) -> None:
    """Draw boats before a low sun."""
    horizon = canvas.near(0.58, 0.04)
    canvas.gradient(["#2b1b4d", "#8c2f6b", "#f2703f", "#ffc76b"], 0, horizon)
    sun = (canvas.near(0.5, 0.25), horizon - canvas.near(0.06, 0.03))
    canvas.glow(sun, 0.16, "#a85a20")
    canvas.disc(sun, 0.07, "#fff0b0")
    canvas.mirror(horizon, 0.6)
    for _ in range(canvas.random.randint(3, 5)):
        x, y, size = canvas.near(0.5, 0.42), canvas.near(0.72, 0.1), canvas.near(0.11, 0.03)
        hull = [(x - size, y), (x + size, y), (x + size * 0.7, y + size * 0.45), (x - size * 0.7, y + size * 0.45)]
        canvas.polygon(hull, "#1a1226")
        canvas.line([(x, y), (x, y - size * 3)], "#1a1226", 0.008)
        canvas.polygon(
            [(x + 0.01, y - size * 0.2), (x + 0.01, y - size * 2.8), (x + size, y - size * 0.2)], "#33203f"
        )


def mountain_lake(canvas: Canvas) -> None:
    """Draw snowy peaks and their reflection."""
    shore = canvas.near(0.6, 0.03)
    canvas.gradient(["#5b9bd5", "#cfe6f5"], 0, shore)
    for index in range(5):
        x, top = canvas.near(0.1 + 0.2 * index, 0.07), canvas.near(0.24, 0.1)
        half = canvas.near(0.2, 0.04)
        canvas.polygon([(x - half, shore), (x, top), (x + half, shore)], "#5a6b7d", 0.85 + 0.08 * (index % 3))
        snow = 0.3
        left, right = (x - half * snow, top + (shore - top) * snow), (x + half * snow, top + (shore - top) * snow)
        canvas.polygon([left, (x, top), right, (x, top + (shore - top) * 0.2)], "#f4f8fb")
    canvas.box(0, shore - 0.035, 1, shore, "#2f5d3a")
    canvas.mirror(shore, 0.8)


def city_at_night(canvas: Canvas) -> None:
    """Draw lit windows in dark towers."""
    canvas.gradient(["#05071a", "#1a2145", "#3b2f5c"])
    canvas.disc((canvas.near(0.5, 0.4), canvas.near(0.14, 0.04)), 0.05, "#f6f1d5")
    left = -0.02
    while left < 1:
        width, top = canvas.near(0.11, 0.04), canvas.near(0.42, 0.2)
        canvas.box(left, top, left + width, 1, "#10131f", canvas.near(1.1, 0.4))
        columns = max(2, round(width / 0.025))
        for row in range(int((1 - top) / 0.045)):
            for column in range(columns):
                if canvas.random.random() < 0.55:
                    x, y = left + width * (column + 0.25) / columns, top + 0.02 + row * 0.045
                    canvas.box(x, y, x + width / columns * 0.5, y + 0.022, "#ffd76a", canvas.near(0.9, 0.2))
        left += width + 0.01


def desert_dunes(canvas: Canvas) -> None:
    """Draw waves of sand under a hot sky."""
    canvas.gradient(["#3f8fd0", "#a9d3ec", "#f6e3b8"], 0, 0.6)
    canvas.disc((canvas.near(0.5, 0.38), canvas.near(0.16, 0.05)), 0.055, "#fffbe0")
    for index in range(5):
        canvas.ridge(0.46 + 0.12 * index, 0.09, 2, "#d99a4e", 1.25 - 0.13 * index, rough=0.05)


def pine_forest(canvas: Canvas) -> None:
    """Draw rows of pines that fade into mist."""
    canvas.gradient(["#dfe8e6", "#b6c9c3"])
    for row in range(4):
        base = 0.5 + 0.17 * row
        canvas.ridge(base, 0.03, 3, "#1f4a35", 1.9 - 0.38 * row)
        for index in range(9 - row):
            x = canvas.near((index + 0.5) / (9 - row), 0.05)
            height = canvas.near(0.22 + 0.06 * row, 0.05)
            for step in range(4):
                half, top = height * (0.10 + 0.05 * step), base - height * (1 - 0.2 * step)
                points = [(x - half, top + height * 0.32), (x, top), (x + half, top + height * 0.32)]
                canvas.polygon(points, "#1f4a35", 1.75 - 0.38 * row)


def northern_lights(canvas: Canvas) -> None:
    """Draw green curtains over a dark ridge."""
    canvas.gradient(["#020514", "#06142b", "#0c2a3a"])
    for _ in range(90):
        canvas.disc((canvas.random.random(), canvas.random.random() * 0.7), 0.003, "#dfe9ff")
    for _ in range(3):
        height, phase = canvas.near(0.34, 0.1), canvas.random.uniform(0, 6)
        for step in range(60):
            x = step / 60
            y = height + 0.09 * math.sin(x * 7 + phase) + 0.04 * math.sin(x * 17 + phase)
            canvas.line([(x, y - canvas.near(0.17, 0.08)), (x, y)], "#1f9f6a", 0.025, canvas.near(0.9, 0.35))
    canvas.blur(0.018)
    canvas.glow((canvas.near(0.5, 0.3), 0.3), 0.25, "#0f4a38")
    canvas.ridge(0.82, 0.06, 4, "#03070d")


def snowy_village(canvas: Canvas) -> None:
    """Draw red houses under white roofs."""
    canvas.gradient(["#8fa9c4", "#dfe7ee"], 0, 0.75)
    canvas.ridge(0.55, 0.08, 2, "#c9d6e2")
    canvas.ridge(0.72, 0.03, 2, "#f5f8fb")
    for index in range(canvas.random.randint(3, 5)):
        x, y, size = canvas.near(0.14 + 0.2 * index, 0.04), canvas.near(0.78, 0.06), canvas.near(0.09, 0.015)
        canvas.box(x - size, y - size * 1.2, x + size, y, "#a8382e")
        canvas.polygon(
            [(x - size * 1.25, y - size * 1.1), (x, y - size * 2.5), (x + size * 1.25, y - size * 1.1)], "#ffffff"
        )
        for side in (-0.5, 0.5):
            canvas.box(x + size * side - 0.015, y - size * 0.9, x + size * side + 0.015, y - size * 0.5, "#ffd76a")
    for _ in range(130):
        canvas.disc((canvas.random.random(), canvas.random.random()), canvas.near(0.005, 0.003), "#ffffff")


def beach_from_above(canvas: Canvas) -> None:
    """Draw parasols between the sea and the sand."""
    canvas.gradient(["#0b7fa6", "#2fb5c9", "#8fe0dc"], 0, 0.45)
    canvas.gradient(["#ecd6a4", "#e2c48a"], 0.4, 1)
    canvas.ridge(0.42, 0.025, 5, "#ffffff")
    canvas.ridge(0.45, 0.025, 5, "#ecd6a4")
    for _ in range(canvas.random.randint(9, 13)):
        centre, turn = (canvas.near(0.5, 0.46), canvas.near(0.75, 0.2)), canvas.random.uniform(0, 60)
        second = canvas.random.choice(["#e63946", "#f4a012", "#1d6fb8"])
        for index in range(8):
            start = turn + 45 * index
            canvas.wedge(centre, 0.065, start, start + 45, second if index % 2 else "#ffffff")
