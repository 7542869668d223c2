"""Building blocks that several networks share, one idea per file."""
