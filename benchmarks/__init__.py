"""Speed, measured side by side in one run and written with commit and hardware; `python -m benchmarks.run` runs all."""
