"""How soon `leadline --help` answers, against importing NumPy.

python -m benchmarks.startup
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.harness import arguments, interleaved, report, summary

CONTESTANTS = {
    "import_numpy": [sys.executable, "-c", "import numpy"],
    "leadline_help": [sys.executable, "-m", "leadline", "--help"],
}


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=15)
    given = parser.parse_args()
    seconds = interleaved({name: lambda c=c: _run(c) for name, c in CONTESTANTS.items()}, given.rounds, warmup=2)
    report("startup", {"rounds": given.rounds}, summary(seconds, "import_numpy"), given.out)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
