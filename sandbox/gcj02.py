"""From WGS-84 to GCJ-02, the shifted datum that Chinese maps use (pure).

Source: the published approximation of the shift, on Krasovsky's ellipsoid; good to a metre or two.
"""

from math import cos, pi, radians, sin, sqrt

SEMI_MAJOR_AXIS, ECCENTRICITY_SQUARED = 6378245.0, 0.00669342162296594323


def _waves(value: float, *amplitudes: tuple[float, float]) -> float:
    return sum(amplitude * sin(value * pi * frequency) for amplitude, frequency in amplitudes) * 2 / 3


def _north(x: float, y: float) -> float:
    shift = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    shift += _waves(x, (20, 6), (20, 2))
    return shift + _waves(y, (20, 1), (40, 1 / 3), (160, 1 / 12), (320, 1 / 30))


def _east(x: float, y: float) -> float:
    shift = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    shift += _waves(x, (20, 6), (20, 2))
    return shift + _waves(x, (20, 1), (40, 1 / 3), (150, 1 / 12), (300, 1 / 30))


def to_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    """Return latitude and longitude in GCJ-02, in degrees with six decimals."""
    x, y = longitude - 105, latitude - 35
    angle = radians(latitude)
    curve = 1 - ECCENTRICITY_SQUARED * sin(angle) ** 2
    metres_north = SEMI_MAJOR_AXIS * (1 - ECCENTRICITY_SQUARED) / (curve * sqrt(curve)) * pi / 180
    metres_east = SEMI_MAJOR_AXIS / sqrt(curve) * cos(angle) * pi / 180
    return (
        round(latitude + _north(x, y) / metres_north, 6),
        round(longitude + _east(x, y) / metres_east, 6),
    )
