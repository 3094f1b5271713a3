"""The long chaos run: ``make chaos``. Prints what it found; exits with 1 if anything was lost or repeated."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos.harness import chaos


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--replies", type=int, default=1000, help="in all, spread over the kills")
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        each = -(-options.replies // options.kills)
        report = asyncio.run(
            chaos(
                Path(folder),
                kills=options.kills,
                replies_a_kill=each,
                tokens=options.tokens,
                seed=options.seed,
            )
        )
    print(report)
    sys.exit(0 if report.clean else 1)


if __name__ == "__main__":
    main()
