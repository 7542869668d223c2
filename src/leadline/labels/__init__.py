"""Labels that networks make for other networks: virtual depth of glass and mirrors, and its merge with stereo.

Labels see networks only through a Predictor.
"""

from leadline.labels.stereo_merge import StereoMerge, merge_stereo
from leadline.labels.tom_predictor import TomPredictor
from leadline.labels.virtual import VirtualDepth, VirtualOptions, merge_virtual, virtual_depth

__all__ = ["StereoMerge", "TomPredictor", "VirtualDepth", "VirtualOptions", "merge_stereo", "merge_virtual", "virtual_depth"]
