"""Protocols as data: one file a family, found by name in `leadline.evaluation.protocols.registry`."""
