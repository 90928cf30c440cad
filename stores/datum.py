"""WGS-84 (GPS, ours) to GCJ-02 (the datum of Chinese maps, platforms and couriers) and back, pure.

The published approximation of the Chinese offset: an ellipsoid (Krasovsky 1940) and a sum of sines.
Outside mainland China's bounding box the two are the same. Accuracy is about half a metre.
"""

from math import cos, pi, radians, sin, sqrt

SEMI_MAJOR = 6378245.0
ECCENTRICITY_SQUARED = 0.00669342162296594323


def to_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    """Shift a WGS-84 position in degrees to GCJ-02; six decimals, about 10 cm."""
    if not _in_china(latitude, longitude):
        return latitude, longitude
    north, east = _offset(longitude - 105.0, latitude - 35.0)
    phi = radians(latitude)
    squash = 1 - ECCENTRICITY_SQUARED * sin(phi) ** 2
    metres_north = SEMI_MAJOR * (1 - ECCENTRICITY_SQUARED) / (squash * sqrt(squash))
    metres_east = SEMI_MAJOR / sqrt(squash) * cos(phi)
    return (
        round(latitude + north * 180.0 / (metres_north * pi), 6),
        round(longitude + east * 180.0 / (metres_east * pi), 6),
    )


def from_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    """The WGS-84 position that `to_gcj02` shifts to this one, to about a centimetre; six decimals."""
    found = latitude, longitude
    for _ in range(3):  # the shift changes by centimetres over its own length, so this settles at once
        shifted = to_gcj02(*found)
        found = found[0] + latitude - shifted[0], found[1] + longitude - shifted[1]
    return round(found[0], 6), round(found[1], 6)


def _in_china(latitude: float, longitude: float) -> bool:
    return 0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347


def _offset(x: float, y: float) -> tuple[float, float]:
    """The shift (north, east) in metres at `x` degrees east of 105° E and `y` degrees north of 35° N."""
    fine = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (fine + 20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (fine + 20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    return north, east
