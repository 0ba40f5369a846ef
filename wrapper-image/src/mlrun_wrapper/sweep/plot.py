"""All points in one picture: an SVG file that needs nothing else, in light and dark.

Parallel coordinates, a line for each point across an axis for each parameter and result; with one parameter, its values
against the result. The stronger the colour, the better the point.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from mlrun_wrapper.point_summary import Summary
from mlrun_wrapper.sweep.best import Selector, number
from mlrun_wrapper.sweep.scale import Numbers, Scale, scale_of, short

_HEIGHT: Final = 460
_TOP: Final = 104
_BOTTOM: Final = 400
_SIDE: Final = 80
_BETWEEN: Final = 150
_NARROWEST: Final = 640
_MARGIN: Final = 24
_MOST_RESULTS: Final = 5
_SHADES: Final = 6
_TITLE: Final = 60
_MANY: Final = 60
# From the worst to the best; of the two appearances the second one is for dark surroundings.
_LIGHT: Final = ("#c4d4e8", "#9ebede", "#74a3d1", "#4a84bf", "#2565a6", "#0b4583", "#c2410c", "#8c959f")
_DARK: Final = ("#22364f", "#2b4d76", "#38679c", "#5288c4", "#7fb0e2", "#b8dafc", "#fb923c", "#656c76")
_KINDS: Final = (*(f"s{shade}" for shade in range(_SHADES)), "best", "failed")


def _inks(colours: Sequence[str]) -> str:
    """Without CSS variables, which few programs but browsers know."""
    both = zip(_KINDS, colours, strict=True)
    return "\n".join(f".{k}.line,.{k}.cross{{stroke:{c}}}.{k}.dot{{fill:{c};stroke:{c}}}" for k, c in both)


_STYLE: Final = f"""
svg{{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12px}}
.paper{{fill:#fff}}.ink{{fill:#1b1f24}}.soft{{fill:#59636e}}.axis{{stroke:#8c959f}}.grid{{stroke:#d1d9e0}}
.tick{{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round;pointer-events:none}}
.title{{font-size:16px;font-weight:600}}.name{{font-weight:600}}
.line{{fill:none;stroke-width:1.6;stroke-linejoin:round}}.many .line{{stroke-width:1;opacity:.6}}
{_inks(_LIGHT)}
g .best.line{{stroke-width:3;opacity:1}}.failed.line{{stroke-dasharray:4 4}}.cross{{stroke-width:1.6}}
g .line:hover{{stroke-width:4;opacity:1}}.dot{{stroke-width:0}}.dot:hover{{stroke-width:5}}
@media (prefers-color-scheme:dark){{
.paper{{fill:#0d1117}}.ink{{fill:#e6edf3}}.soft{{fill:#9198a1}}.axis{{stroke:#656c76}}.grid{{stroke:#2a313c}}.tick{{stroke:#0d1117}}
{_inks(_DARK)}
}}
"""


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter or a result of every point; `low` is where the lowest value lies, in pixels."""

    name: str
    scale: Scale
    values: dict[int, Any]
    x: float = 0.0
    low: float = _BOTTOM

    def at(self, iteration: int) -> float | None:
        """The height of a point on it, in pixels."""
        place = self.scale.at(self.values.get(iteration))
        return None if place is None else self.height(place)

    def height(self, place: float) -> float:
        """Of a place from 0 to 1, in pixels."""
        return self.low - place * (self.low - _TOP)


def drawn(run: str, summaries: Sequence[Summary], selector: Selector | None, best: Summary | None) -> str | None:
    """The picture; None where there is nothing to compare."""
    begun = [each for each in summaries if each.state in ("completed", "error")]
    parameters = _axes("parameters", begun, None)
    results = _axes("results", [each for each in begun if each.state == "completed"], selector)
    if not parameters or (len(parameters) == 1 and not results):
        return None
    picture = _Picture(run, begun, results[0] if results else None, selector, best, len(summaries))
    if len(parameters) == 1:
        return picture.against(parameters[0], results[0])
    return picture.parallel([*parameters, *reversed(results)])


def _axes(part: str, summaries: Sequence[Summary], selector: Selector | None) -> list[Axis]:
    """Of results only those that are numbers, the selected one first and no more than a picture shows."""
    rows = {each.iteration: getattr(each, part) for each in summaries}
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    if part == "results":
        names = [n for n in names if all(_is_number(row[n]) for row in rows.values() if row.get(n) is not None)]
        names.sort(key=lambda name: selector is None or name != selector.result)
        names = names[:_MOST_RESULTS]
    found = []
    for name in names:
        values = {iteration: row.get(name) for iteration, row in rows.items()}
        scale = scale_of([number(v) if part == "results" else v for v in values.values()])
        if scale is not None:
            found.append(Axis(name, scale, values))
    return found


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and number(value) is not None


@dataclass(frozen=True, slots=True)
class _Picture:
    run: str
    points: Sequence[Summary]
    metric: Axis | None
    selector: Selector | None
    best: Summary | None
    all: int

    def parallel(self, axes: Sequence[Axis]) -> str:
        width = max(_NARROWEST, 2 * _SIDE + _BETWEEN * (len(axes) - 1))
        gap = (width - 2 * _SIDE) / (len(axes) - 1)
        placed = [Axis(a.name, a.scale, a.values, _SIDE + gap * index) for index, a in enumerate(axes)]
        lines = [self._line(point, placed) for point in self._in_order()]
        uprights = [part for axis in placed for part in _upright(axis)]
        return self._svg(width, [*lines, *uprights, *(part for axis in placed for part in _ticks(axis))])

    def against(self, parameter: Axis, result: Axis) -> str:
        width, left, right = _NARROWEST + 80, _SIDE, _NARROWEST + 40
        upright = Axis(result.name, result.scale, result.values, left, _BOTTOM - _MARGIN)
        heights = [upright.height(place) for place, _ in upright.scale.ticks()]
        parts = [
            *(f'<path class="grid" d="M{left} {y:.1f}H{right}"/>' for y in heights),
            *_upright(upright),
            *_ticks(upright),
            f'<path class="axis" d="M{left} {_BOTTOM}H{right}"/>',
            _label((left + right) / 2, _BOTTOM + 46, parameter.name, "ink name"),
        ]
        inner = (left + _MARGIN, right - _MARGIN)
        for place, text in parameter.scale.ticks():
            parts.append(_label(inner[0] + place * (inner[1] - inner[0]), _BOTTOM + 22, text, "soft"))
        for point in self._in_order():
            x = parameter.scale.at(parameter.values.get(point.iteration))
            if x is not None:
                parts.append(self._dot(point, inner[0] + x * (inner[1] - inner[0]), upright.at(point.iteration)))
        return self._svg(width, parts)

    def _in_order(self) -> list[Summary]:
        """What matters most is drawn last, on top."""
        ranks = {"completed": 1}
        return sorted(self.points, key=lambda p: (p is self.best, ranks.get(p.state, 0), self._goodness(p)))

    def _goodness(self, point: Summary) -> float:
        place = None if self.metric is None else self.metric.scale.at(self.metric.values.get(point.iteration))
        if place is None:
            return 0.0
        return 1 - place if self.selector is not None and self.selector.smallest else place

    def _class(self, point: Summary) -> str:
        if point is self.best:
            return "best"
        if point.state != "completed":
            return "failed"
        return f"s{min(int(self._goodness(point) * _SHADES), _SHADES - 1)}"

    def _line(self, point: Summary, axes: Sequence[Axis]) -> str:
        """Broken where the point has no value."""
        path, drawing = "", False
        for axis in axes:
            y = axis.at(point.iteration)
            if y is not None:
                path += f"{'L' if drawing else 'M'}{axis.x:.1f} {y:.1f}"
            drawing = y is not None
        return f'<path class="line {self._class(point)}" d="{path}">{_tooltip(point)}</path>'

    def _dot(self, point: Summary, x: float, y: float | None) -> str:
        """A cross on the axis where the point has no result."""
        kind = self._class(point)
        if y is None:
            cross = f"M{x - 4:.1f} {_BOTTOM - 4}l8 8m0-8l-8 8"
            return f'<path class="cross {kind}" d="{cross}">{_tooltip(point)}</path>'
        radius = 7 if kind == "best" else 5
        return f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{_tooltip(point)}</circle>'

    def _svg(self, width: float, parts: Iterable[str]) -> str:
        many = ' class="many"' if len(self.points) > _MANY else ""
        head = [
            _label(24, 34, _cut(self.run, _TITLE), "ink title", "start"),
            _label(24, 56, self._said(), "soft", "start"),
        ]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {_HEIGHT}" '
                f'width="{width:.0f}" height="{_HEIGHT}" role="img">',
                f"<title>{escape(f'{self.run}: {self._said()}')}</title>",
                f"<style>{_STYLE}</style>",
                f'<rect class="paper" width="{width:.0f}" height="{_HEIGHT}"/>',
                *head,
                f"<g{many}>",
                *parts,
                "</g>",
                "</svg>\n",
            ]
        )

    def _said(self) -> str:
        failed = sum(point.state != "completed" for point in self.points)
        counts = [f"{self.all} points", f"{len(self.points) - failed} succeeded"]
        counts += [f"{failed} failed"] if failed else []
        if self.all > len(self.points):
            counts.append(f"{self.all - len(self.points)} did not start or end")
        if self.best is not None and self.selector is not None:
            value = number(self.best.results.get(self.selector.result))
            counts.append(f"best by {self.selector}: point {self.best.iteration} with {short(value)}")
        return " · ".join(counts)


def _upright(axis: Axis) -> list[str]:
    note = "log" if isinstance(axis.scale, Numbers) and axis.scale.log else ""
    name = _label(axis.x, _TOP - 18, _cut(axis.name, 20) + (f" ({note})" if note else ""), "ink name")
    return [name, f'<path class="axis" d="M{axis.x:.1f} {_TOP}V{_BOTTOM}"/>']


def _ticks(axis: Axis) -> list[str]:
    """Readable also across lines."""
    parts = []
    for place, text in axis.scale.ticks():
        y = axis.height(place)
        parts.append(f'<path class="axis" d="M{axis.x - 4:.1f} {y:.1f}h4"/>')
        parts.append(_label(axis.x - 8, y + 4, text, "soft tick", "end"))
    return parts


def _label(x: float, y: float, text: str, kind: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _tooltip(point: Summary) -> str:
    rows = [f"point {point.iteration}: {point.state}"]
    rows += [f"{name} = {_cut(short(value), 40)}" for name, value in point.parameters.items()]
    rows += [f"{name}: {short(value)}" for name, value in point.results.items() if not isinstance(value, (dict, list))]
    rows += [_cut(point.message, 120)] if point.message else []
    return f"<title>{escape(chr(10).join(rows))}</title>"


def _cut(text: str, length: int) -> str:
    return f"{text[: length - 1]}…" if len(text) > length else text
