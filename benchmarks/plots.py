"""Plots as SVG text, without a library: bars against their limits, and lines. Pure."""

from collections.abc import Mapping, Sequence
from html import escape

Point = tuple[float, float]

_COLOURS = ("#2563a8", "#c05621", "#2f7d4f", "#7b3fa0")


def bars(title: str, values: Sequence[tuple[str, float, str]]) -> str:
    """One bar for each `(name, share of its limit, text)`; the line at 1 is the limit."""
    row, left, width = 22, 420, 360
    height = 56 + row * len(values)
    parts = [_text(10, 22, title, bold=True)]
    for number, (name, share, text) in enumerate(values):
        y = 40 + row * number
        colour = _COLOURS[0] if share <= 1 else _COLOURS[1]
        long = max(1.0, min(share, 1.25) * width / 1.25)
        parts.append(_text(left - 8, y + 13, name, anchor="end"))
        parts.append(f"<rect x='{left}' y='{y}' width='{long:.1f}' height='15' fill='{colour}'/>")
        parts.append(_text(left + long + 5, y + 13, text))
    x = left + width / 1.25
    parts.append(f"<line x1='{x}' x2='{x}' y1='34' y2='{height - 14}' stroke='#333' stroke-dasharray='4 3'/>")
    return _picture(980, height, parts)


def lines(title: str, across: str, up: str, values: Mapping[str, Sequence[Point]]) -> str:
    """Lines through points, from zero on both axes."""
    width, height, left, bottom, top = 640, 320, 70, 270, 40
    most_x = max((x for points in values.values() for x, _ in points), default=1.0) or 1.0
    most_y = max((y for points in values.values() for _, y in points), default=1.0) * 1.1 or 1.0
    parts = [_text(10, 22, title, bold=True), _text((left + width) / 2, height - 10, across, anchor="middle")]
    parts.append(_text(left, top - 4, up))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y, x = bottom - share * (bottom - top), left + share * (width - left - 20)
        parts.append(f"<line x1='{left}' x2='{width - 20}' y1='{y:.1f}' y2='{y:.1f}' stroke='#ddd'/>")
        parts.append(_text(left - 6, y + 4, f"{share * most_y:,.4g}", anchor="end"))
        parts.append(_text(x, bottom + 18, f"{share * most_x:,.4g}", anchor="middle"))
    for number, (name, points) in enumerate(values.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        at = " ".join(
            f"{left + x / most_x * (width - left - 20):.1f},{bottom - y / most_y * (bottom - top):.1f}"
            for x, y in points
        )
        parts.append(f"<polyline points='{at}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += [
            f"<circle cx='{each.split(',')[0]}' cy='{each.split(',')[1]}' r='3' fill='{colour}'/>"
            for each in at.split()
        ]
        parts.append(_text(width - 24, top + 14 + 16 * number, name, anchor="end", colour=colour))
    return _picture(width, height, parts)


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, colour: str = "#333") -> str:
    weight = " font-weight='bold'" if bold else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-family='sans-serif' font-size='12' "
        f"fill='{colour}'{weight}>{escape(text)}</text>"
    )


def _picture(width: int, height: int, parts: Sequence[str]) -> str:
    size = f"width='{width}' height='{height}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} viewBox='0 0 {width} {height}'>"
    return "\n".join((head, f"<rect {size} fill='#fff'/>", *parts, "</svg>", ""))
