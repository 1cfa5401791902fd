# ruff: noqa: ANN001, ANN201, ANN202 - numba doesn't understand annotations
"""Compiled ray casting: every pixel's ray against the triangles that may cover it.

A camera's rays are fixed, and triangles of a skin cover few pixels each. So the loop runs over
triangles, and over the pixels of each one's box in the image: exact as rays through any lens are, and
without a search tree to build anew for every frame. Rays are (x, y, 1) in the camera's frame, so that
the distance along one is the depth.
"""

from math import ceil, floor, sqrt
from typing import no_type_check

from mvmono3d.geometry.compiled import compiled

NEAR_M = 0.02
"""Triangles that come nearer to the camera's plane than this are not drawn."""
_SPARE_PX = 0.05
_BULGE = 0.03
"""How far a lens may bend a triangle out of the box of its corners, as a share of the box."""


@compiled
@no_type_check
def _cross(a, b):
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


@compiled
@no_type_check
def _planes(points, triangle):
    """Return what turns a ray into weights of the three corners, and the triangle's signed volume.

    Two triangles that share an edge compute the same numbers for it but for the sign: no ray slips between.
    """
    a, b, c = points[triangle[0]], points[triangle[1]], points[triangle[2]]
    of_a, of_b, of_c = _cross(b, c), _cross(c, a), _cross(a, b)
    volume = a[0] * of_a[0] + a[1] * of_a[1] + a[2] * of_a[2]
    return of_a, of_b, of_c, volume


@compiled
@no_type_check
def _box(pixels, triangle, left, top, right, bottom):
    """Return the pixels (first and last, exclusive) that a triangle may cover within limits."""
    u0, u1, u2 = pixels[triangle[0], 0], pixels[triangle[1], 0], pixels[triangle[2], 0]
    v0, v1, v2 = pixels[triangle[0], 1], pixels[triangle[1], 1], pixels[triangle[2], 1]
    low_u, high_u = min(u0, u1, u2), max(u0, u1, u2)
    low_v, high_v = min(v0, v1, v2), max(v0, v1, v2)
    margin = _SPARE_PX + _BULGE * max(high_u - low_u, high_v - low_v)
    first_u = ceil(min(max(low_u - margin, left), right))
    first_v = ceil(min(max(low_v - margin, top), bottom))
    last_u = floor(max(min(high_u + margin, right - 1), left - 1)) + 1
    last_v = floor(max(min(high_v + margin, bottom - 1), top - 1)) + 1
    return first_u, first_v, last_u, last_v


@compiled
@no_type_check
def cast(points, pixels, triangles, rays, region, depth, hit):
    """Lower `depth` and set `hit` to the triangle wherever one faces the camera and is nearer.

    * `points`: `(vertex, 3)` in the camera's frame.
    * `pixels`: `(vertex, 2)`, where those appear, relative to where the rays go through pixels.
    * `triangles`: `(triangle, 3)`; fronts are counter-clockwise.
    * `rays`: `(height, width, 2)`, x and y of each pixel's ray at depth 1.
    * `region`: left, top, right, bottom of the pixels to fill.
    * `depth`: `(height, width)`, changed.
    * `hit`: `(height, width)`, changed.
    """
    left, top, right, bottom = region[0], region[1], region[2], region[3]
    for index in range(triangles.shape[0]):
        triangle = triangles[index]
        near = min(points[triangle[0], 2], points[triangle[1], 2], points[triangle[2], 2])
        if near < NEAR_M:
            continue
        of_a, of_b, of_c, volume = _planes(points, triangle)
        # Counter-clockwise from outside: the volume is negative where the front faces the camera.
        if volume >= 0.0:
            continue
        first_u, first_v, last_u, last_v = _box(pixels, triangle, left, top, right, bottom)
        for v in range(first_v, last_v):
            for u in range(first_u, last_u):
                x, y = rays[v, u, 0], rays[v, u, 1]
                a = of_a[0] * x + of_a[1] * y + of_a[2]
                b = of_b[0] * x + of_b[1] * y + of_b[2]
                c = of_c[0] * x + of_c[1] * y + of_c[2]
                if a <= 0.0 and b <= 0.0 and c <= 0.0:
                    along = volume / min(a + b + c, -1e-300)
                    if along < depth[v, u]:
                        depth[v, u] = along
                        hit[v, u] = index


@compiled
@no_type_check
def _weights(points, triangle, x, y):
    of_a, of_b, of_c, _ = _planes(points, triangle)
    a = of_a[0] * x + of_a[1] * y + of_a[2]
    b = of_b[0] * x + of_b[1] * y + of_b[2]
    c = of_c[0] * x + of_c[1] * y + of_c[2]
    total = a + b + c
    return a / total, b / total, c / total


@compiled
@no_type_check
def _mix(values, triangle, weights):
    return (
        weights[0] * values[triangle[0]] + weights[1] * values[triangle[1]] + weights[2] * values[triangle[2]]
    )


@compiled
@no_type_check
def _mix_normals(normals, triangle, weights):
    first, second, third = normals[triangle[0]], normals[triangle[1]], normals[triangle[2]]
    x = weights[0] * first[0] + weights[1] * second[0] + weights[2] * third[0]
    y = weights[0] * first[1] + weights[1] * second[1] + weights[2] * third[1]
    z = weights[0] * first[2] + weights[1] * second[2] + weights[2] * third[2]
    length = sqrt(x * x + y * y + z * z) + 1e-30
    return x / length, y / length, z / length


@compiled
@no_type_check
def reflected(point, normal, light, albedo, gloss, shininess, beam):
    """Return what a surface sends to the camera at the origin, of a light of unit strength.

    Lambert's law and Blinn's highlight, inverse square, and a beam that fades off the camera's axis as
    its cosine to the power of `beam`. A white surface that faces light and camera at 1 m sends 1.
    """
    to_light = (light[0] - point[0], light[1] - point[1], light[2] - point[2])
    square = to_light[0] ** 2 + to_light[1] ** 2 + to_light[2] ** 2 + 1e-12
    distance = sqrt(square)
    facing = (normal[0] * to_light[0] + normal[1] * to_light[1] + normal[2] * to_light[2]) / distance
    if facing <= 0.0:
        return 0.0
    away = sqrt(point[0] ** 2 + point[1] ** 2 + point[2] ** 2)
    half = (
        to_light[0] / distance - point[0] / away,
        to_light[1] / distance - point[1] / away,
        to_light[2] / distance - point[2] / away,
    )
    length = sqrt(half[0] ** 2 + half[1] ** 2 + half[2] ** 2) + 1e-30
    shine = max((normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2]) / length, 0.0)
    highlight = gloss * shine**shininess
    fade = max(-to_light[2] / distance, 0.0) ** beam
    return fade * (albedo + highlight) * facing / square


@compiled
@no_type_check
def light_up(points, normals, albedo, light, look, received):
    """Add to `received` what each point of a dull surface sends to a camera beside a light, as `reflected`.

    * `points`: `(point, 3)` in the frame of the light's camera.
    * `normals`: `(point, 3)` in that frame.
    * `albedo`: `(point,)`.
    * `light`: The light's place in that frame.
    * `look`: (shininess, beam), as in `shade`.
    * `received`: `(point,)`, changed.
    """
    for index in range(points.shape[0]):
        point = (points[index, 0], points[index, 1], points[index, 2])
        normal = (normals[index, 0], normals[index, 1], normals[index, 2])
        received[index] += reflected(point, normal, light, albedo[index], 0.0, look[0], look[1])


@compiled
@no_type_check
def shade(points, normals, albedo, gloss, fill, triangles, rays, region, depth, hit, light, look, rate):
    """Add each hit pixel's light to `rate`, before vignetting.

    * `points`: As in `cast`; `normals`, `albedo`, `gloss` and `fill` belong to the same vertices.
    * `normals`: In the camera's frame.
    * `albedo`: Share of light that a vertex sends back.
    * `gloss`: Strength of its highlight.
    * `fill`: What other cameras' lights give each vertex, relative to this light at 1 m.
    * `triangles`: As in `cast`.
    * `rays`: As in `cast`.
    * `region`: As in `cast`.
    * `depth`: As in `cast`.
    * `hit`: As in `cast`.
    * `light`: The light's place in the camera's frame.
    * `look`: (shininess, beam), the exponents of highlight and beam.
    * `rate`: `(height, width)`, changed.
    """
    for v in range(region[1], region[3]):
        for u in range(region[0], region[2]):
            if hit[v, u] >= 0:
                triangle = triangles[hit[v, u]]
                x, y, z = rays[v, u, 0], rays[v, u, 1], depth[v, u]
                weights = _weights(points, triangle, x, y)
                white = _mix(albedo, triangle, weights)
                own = reflected(
                    (x * z, y * z, z),
                    _mix_normals(normals, triangle, weights),
                    light,
                    white,
                    _mix(gloss, triangle, weights),
                    look[0],
                    look[1],
                )
                rate[v, u] += own + white * _mix(fill, triangle, weights)
