"""Batched differentiable warping, unprojection, normals, field of view, rectification.

So far the NumPy side: what readers, the analytic world and the point clouds need. Pixel positions are (x, y) from the
picture's top-left corner, pixel centres at + 0.5 (see `leadline.camera`); ``b_from_a`` is the (4, 4) matrix that takes
points in a's camera frame to b's, metres.
"""

from leadline.geometry.field_of_view import Window, central_window, crop_to_fov
from leadline.geometry.normals import normals_from_depth
from leadline.geometry.points import depth_from_ray_distance, ray_distance_from_depth, transform, unproject
from leadline.geometry.stereo import pixel_disparity_from_depth, right_from_left
from leadline.geometry.warp import Landing, project_into, sample_bilinear

__all__ = [
    "Landing",
    "Window",
    "central_window",
    "crop_to_fov",
    "depth_from_ray_distance",
    "normals_from_depth",
    "pixel_disparity_from_depth",
    "project_into",
    "ray_distance_from_depth",
    "right_from_left",
    "sample_bilinear",
    "transform",
    "unproject",
]
