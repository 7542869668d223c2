"""Losses: affine-invariant, scale-invariant, gradient, ordinal, photometric, smoothness, ...; tensor functions, one value a map."""
