#!/usr/bin/env python3
"""Contrast of the colours in src/api/pages/app.css, light and dark: WCAG 2.2 AA, 4.5:1 for text (1.4.3) and 3:1 for the edges of
fields and buttons, focus rings and lines of charts (1.4.11). Prints what falls short and ends with 1."""
import colorsys
import re
import sys

css = open("src/api/pages/app.css").read()
TEXT = ["ink", "soft", "accent", "mark"]
EDGE = ["edge", "focus", "accent", "mark"]
GROUND = ["bg", "card"]
PAIRS = [(f, g, 4.5) for f in TEXT for g in GROUND + ["accent-soft", "warn-soft"]]
PAIRS += [(f, g, 3.0) for f in EDGE for g in GROUND] + [("accent-ink", "accent", 4.5), ("accent", "line", 3.0)]


def luminance(rgb):
    c = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in rgb]
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]


def ratio(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def rgb(text):
    return [int(text[i:i + 2], 16) / 255 for i in (1, 3, 5)]


bad = 0
found = re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
for theme in (1, 2):
    colours = {row[0]: rgb(row[theme]) for row in found}
    for front, ground, least in PAIRS:
        got = ratio(colours[front], colours[ground])
        if got < least:
            bad += 1
            print(f"{('light', 'dark')[theme - 1]}: --{front} on --{ground} is {got:.2f}:1, {least}:1 is the least")
saturation, lightness = map(int, re.search(r"hsl\(var\(--hue, \d+\) (\d+)% (\d+)%\)", css).groups())
hues = re.findall(r"\.hue-\d+ { --hue: (\d+); }", css)
for hue in hues:
    got = ratio([1, 1, 1], colorsys.hls_to_rgb(int(hue) / 360, lightness / 100, saturation / 100))
    if got < 4.5:
        bad += 1
        print(f"avatar, hue {hue}: white is {got:.2f}:1, 4.5:1 is the least")
if not hues or len(found) < 10:
    sys.exit("contrast: the style sheet no longer reads as this check expects")
sys.exit(1 if bad else 0)
