"""A chart on paper: its shapes as reportlab draws them, whose origin is at the bottom."""

from __future__ import annotations

from reportlab.graphics.shapes import Drawing, PolyLine, Rect, Shape, String
from reportlab.lib.colors import HexColor

from alertd.chart import Box, Chart, Trace, Word
from alertd.paper import Face


def printed(chart: Chart, face: Face, width: float) -> Drawing:
    """The chart, that many points wide."""
    scale = width / chart.width
    drawing = Drawing(width, chart.height * scale)
    drawing.scale(scale, scale)
    for shape in chart.shapes:
        drawing.add(_shape(shape, chart.height, face))
    return drawing


def _shape(shape: Trace | Box | Word, height: float, face: Face) -> Shape:
    colour = HexColor(shape.colour)
    match shape:
        case Trace():
            return PolyLine(
                [number for x, y in shape.points for number in (x, height - y)],
                strokeColor=colour,
                strokeWidth=shape.width,
                strokeDashArray=list(shape.dash) or None,
            )
        case Box():
            low = height - shape.y - shape.height
            return Rect(shape.x, low, shape.width, shape.height, fillColor=colour, strokeColor=None)
        case Word():
            return String(
                shape.x,
                height - shape.y,
                face.printable(shape.text),
                fontName=face.name,
                fontSize=shape.size,
                textAnchor=shape.anchor,
                fillColor=colour,
            )
