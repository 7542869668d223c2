"""Networks: blocks/, one file per network, hf.py (transformers), card.py, registry.py."""
