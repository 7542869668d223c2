"""Losses: affine-invariant, scale-invariant, gradient, ordinal, photometric, smoothness, ...

All are functions of tensors that give one value a map.
"""
