"""The report of a period as one HTML file that loads nothing else and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline import __version__
from pipeline.report.estimates import Change, Pooled, Share
from pipeline.report.period import PeriodReport
from pipeline.report.period_tables import Cell, Measured, Trend, sections
from pipeline.report.text import UNKNOWN

_TEMPLATE, _STYLE = "period.html", "period.css"
SPARK_WIDTH, SPARK_HEIGHT = 120, 28
"""Of a trend's picture, in px."""
_MOST_ROWS = 100
"""More calls are in the workbook alone."""


def period_page(report: PeriodReport) -> str:
    """The report as HTML; everything in it is escaped."""
    environment = Environment(
        loader=PackageLoader("pipeline.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"cell": cell_text, "picture": picture, "faint": faint}
    style, _, _ = (
        environment.loader.get_source(environment, _STYLE) if environment.loader else ("", None, None)
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template(_TEMPLATE).render(
        report=report,
        sections=sections(report),
        most_rows=_MOST_ROWS,
        version=__version__,
        style=Markup(style),  # noqa: S704 - our own file
        digest=digest,
    )


def cell_text(cell: Cell) -> str:
    """What a cell says.

    >>> cell_text(Share(count=8, of=10))
    '80 % (49 to 94) of 10'
    """
    match cell:
        case None | "" | Trend():
            return "" if isinstance(cell, Trend) else UNKNOWN
        case Share():
            return _share_text(cell)
        case Measured():
            return _measured_text(cell)
        case Change():
            text = f"{cell.value * 100:+.0f} ({cell.low * 100:+.0f} to {cell.high * 100:+.0f})"
            return f"{text} {cell.direction}"
        case int():
            return f"{cell:,}"
    return cell


def faint(cell: Cell) -> bool:
    """Whether a cell rests on few calls."""
    inner = cell.pooled if isinstance(cell, Measured) else cell
    return isinstance(inner, Share | Pooled) and inner.few


def picture(cell: Cell) -> Markup:
    """A bar with its interval for a share, a line for a trend, nothing for others; SVG without style."""
    if isinstance(cell, Share) and cell.value is not None and cell.interval is not None:
        low, high = cell.interval
        body = (
            f'<rect class="rail" x="0" y="4" width="100" height="6"/>'
            f'<rect class="bar" x="0" y="4" width="{cell.value * 100:.1f}" height="6"/>'
            f'<path class="interval" d="M{low * 100:.1f} 7H{high * 100:.1f}"/>'
        )
        return _svg(100, 14, body)
    if isinstance(cell, Trend):
        return _svg(SPARK_WIDTH, SPARK_HEIGHT, _line(cell.values))
    return Markup()


def _share_text(share: Share) -> str:
    if share.value is None or share.interval is None:
        return UNKNOWN
    low, high = share.interval
    return f"{share.value * 100:.0f} % ({low * 100:.0f} to {high * 100:.0f}) of {share.of:,}"


def _measured_text(measured: Measured) -> str:
    value, interval = measured.pooled.value, measured.pooled.interval
    if value is None:
        return UNKNOWN
    scale, decimals = (100, 0) if measured.unit == "%" else (1, 2)
    text = f"{value * scale:.{decimals}f} {measured.unit}".strip()
    if interval is not None:
        text += f" ({interval[0] * scale:.{decimals}f} to {interval[1] * scale:.{decimals}f})"
    return f"{text}, {measured.pooled.calls:,} calls"


def _line(values: Sequence[Share | Pooled]) -> str:
    """Intervals as strokes, values as dots; the scale is from 0 to the greatest value, of shares to 1."""
    tops = [one.interval[1] if one.interval else one.value or 0.0 for one in values]
    top = 1.0 if any(isinstance(one, Share) for one in values) else max(tops, default=0.0) or 1.0
    step = SPARK_WIDTH / len(values)

    def y(value: float) -> float:
        return SPARK_HEIGHT - 4 - min(value / top, 1.0) * (SPARK_HEIGHT - 8)

    out = [f'<path class="axis" d="M0 {y(0):.1f}H{SPARK_WIDTH}"/>']
    for place, one in enumerate(values):
        if one.value is None:
            continue
        x = (place + 0.5) * step
        if one.interval is not None:
            out.append(
                f'<path class="interval" d="M{x:.1f} {y(one.interval[0]):.1f}V{y(one.interval[1]):.1f}"/>'
            )
        name = "now" if place == len(values) - 1 else "dot"
        out.append(f'<circle class="{name}" cx="{x:.1f}" cy="{y(one.value):.1f}" r="2.5"/>')
    return "".join(out)


def _svg(width: int, height: int, body: str) -> Markup:
    """A picture for the eye alone: the text beside it says the same."""
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return Markup(f'<svg {size} aria-hidden="true">{body}</svg>')  # noqa: S704 - numbers of our own
