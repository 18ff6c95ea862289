"""Families of plants and animals: each function draws one picture of its family."""

from __future__ import annotations

import math

from imagesearch_local.samples.canvas import Canvas


def sunflower_field(canvas: Canvas) -> None:
    """Draw rows of sunflowers that grow towards the viewer."""
    canvas.gradient(["#3f8fe0", "#bfe0f7"], 0, 0.4)
    canvas.gradient(["#5d8f2b", "#2f5a1a"], 0.36, 1)
    for row in range(5):
        y, size = 0.42 + 0.13 * row, 0.035 + 0.022 * row
        count = 11 - row
        for index in range(count):
            centre = (canvas.near((index + 0.5) / count, 0.03), canvas.near(y, 0.02))
            canvas.petals(centre, 14, size * 1.5, size * 0.3, "#f7c21b", canvas.random.random())
            canvas.disc(centre, size * 0.7, "#4f2d0f")


def koi_pond(canvas: Canvas) -> None:
    """Draw orange and white fish in green water."""
    canvas.gradient(["#0f5a56", "#1d7f73", "#0d4b4a"])
    for _ in range(12):
        centre = (canvas.random.random(), canvas.random.random())
        canvas.ring(centre, canvas.near(0.12, 0.07), "#2b9486", 0.006)
    for _ in range(canvas.random.randint(6, 9)):
        x, y, angle = canvas.near(0.5, 0.42), canvas.near(0.5, 0.42), canvas.random.uniform(0, 2 * math.pi)
        _fish(canvas, x, y, angle, canvas.near(0.05, 0.01))
    for _ in range(3):
        canvas.disc((canvas.random.random(), canvas.random.choice([0.06, 0.94])), 0.09, "#2f8f3a", squash=0.8)


def _fish(canvas: Canvas, x: float, y: float, angle: float, size: float) -> None:
    dx, dy = math.cos(angle) / canvas.aspect, math.sin(angle)
    for step in range(9):
        along, radius = (step - 3) * size * 0.5, size * math.sin(math.pi * (step + 1) / 10)
        name = "#f26a1b" if step in (1, 2, 5, 6) else "#fff3e6"
        canvas.disc((x + dx * along, y + dy * along), radius, name)
    tail = (x - dx * size * 1.6, y - dy * size * 1.6)
    spread = size * 0.9
    ends = [
        (tail[0] - dx * spread - dy * side / canvas.aspect, tail[1] - dy * spread + dx * side * canvas.aspect)
        for side in (spread * 0.7, -spread * 0.7)
    ]
    canvas.polygon([tail, *ends], "#f26a1b")


def jellyfish_deep_sea(canvas: Canvas) -> None:
    """Draw pink bells that glow in dark blue."""
    canvas.gradient(["#06306b", "#041a45", "#020a24"])
    for _ in range(canvas.random.randint(3, 5)):
        x, y, size = canvas.near(0.5, 0.38), canvas.near(0.36, 0.2), canvas.near(0.1, 0.03)
        canvas.glow((x, y), size * 1.5, "#5a2a6b")
        for tentacle in range(7):
            start = x + (tentacle - 3) * size * 0.25
            path = [(start + 0.012 * math.sin(step * 1.1 + tentacle), y + step * size * 0.35) for step in range(9)]
            canvas.line(path, "#c06bc9", 0.006)
        canvas.wedge((x, y + size * 0.2), size, 180, 360, "#e58ad0")
        canvas.wedge((x, y + size * 0.2), size * 0.65, 180, 360, "#f7c1ea")


def autumn_leaves(canvas: Canvas) -> None:
    """Draw red and yellow leaves all over the ground."""
    canvas.gradient(["#4a2f1b", "#5d3b20"])
    for _ in range(85):
        centre = (canvas.random.random(), canvas.random.random())
        name = canvas.random.choice(["#c8381e", "#e07b1f", "#edb12c", "#9c2a17"])
        turn, size = canvas.random.uniform(0, 6), canvas.near(0.085, 0.025)
        canvas.petals(centre, 5, size, size * 0.3, name, turn)
        tip = (centre[0] + math.cos(turn) * size / canvas.aspect, centre[1] + math.sin(turn) * size)
        canvas.line([centre, tip], "#5c2413", 0.004)


def butterflies_in_meadow(canvas: Canvas) -> None:
    """Draw purple butterflies over grass and daisies."""
    canvas.gradient(["#a8d86a", "#5da53a"])
    for _ in range(150):
        x, y = canvas.random.random(), canvas.random.random()
        canvas.line([(x, y), (canvas.near(x, 0.015), y - 0.08)], "#3f8529", 0.006, canvas.near(1, 0.25))
    for _ in range(22):
        centre = (canvas.random.random(), canvas.random.random())
        canvas.petals(centre, 9, 0.035, 0.008, "#ffffff")
        canvas.disc(centre, 0.011, "#f2b91d")
    for _ in range(canvas.random.randint(3, 4)):
        x, y, size = canvas.near(0.5, 0.35), canvas.near(0.5, 0.35), canvas.near(0.13, 0.02)
        for side in (-1, 1):
            for wing, (down, scale) in enumerate(((-0.35, 1.0), (0.4, 0.7))):
                centre = (x + side * size * 0.62 * scale / canvas.aspect, y + down * size)
                canvas.disc(centre, size * 0.62 * scale, "#5b2a9c" if wing == 0 else "#7d3fc4", squash=0.85)
                canvas.disc(centre, size * 0.26 * scale, "#f0a8e8", squash=0.85)
        canvas.line([(x, y - size * 0.7), (x, y + size * 0.7)], "#20122f", 0.018)


def cactus_garden(canvas: Canvas) -> None:
    """Draw green cacti with arms on red ground."""
    canvas.gradient(["#f7d9a0", "#f2b27a"], 0, 0.68)
    canvas.gradient(["#b4552d", "#8a3a1f"], 0.66, 1)
    for index in range(canvas.random.randint(3, 5)):
        x, base, height = canvas.near(0.14 + 0.2 * index, 0.05), canvas.near(0.82, 0.07), canvas.near(0.45, 0.12)
        canvas.line([(x, base), (x, base - height)], "#2f7a4a", 0.075)
        canvas.disc((x, base - height), 0.0375, "#2f7a4a")
        for side in (-1, 1):
            joint, out = base - height * canvas.near(0.45, 0.12), x + side * 0.085
            canvas.line([(x, joint), (out, joint), (out, joint - height * 0.3)], "#2f7a4a", 0.045, 1.1)
            canvas.disc((out, joint - height * 0.3), 0.022, "#e0457b")
        canvas.line([(x, base), (x, base - height)], "#58a86f", 0.008)


FRUIT = (("#f2901c", "#ffc25c"), ("#e8c81c", "#fff08a"), ("#8fbf2a", "#d8f08a"))


def citrus_slices(canvas: Canvas) -> None:
    """Draw slices of orange, lemon and lime on white."""
    canvas.gradient(["#fbf6ea", "#efe5cf"])
    for row in range(3):
        for column in range(4):
            centre = (canvas.near((column + 0.5) / 4, 0.03), canvas.near((row + 0.5) / 3, 0.03))
            peel, flesh = canvas.random.choice(FRUIT)
            radius, turn = canvas.near(0.14, 0.015), canvas.random.uniform(0, 40)
            canvas.disc(centre, radius, peel)
            canvas.disc(centre, radius * 0.9, "#fffbe8")
            for index in range(9):
                canvas.wedge(centre, radius * 0.84, turn + 40 * index + 3, turn + 40 * index + 37, flesh)
