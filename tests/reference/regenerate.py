"""Run each case's fit.R with Rscript and so rewrite its expected.json: `python regenerate.py [case ...]`."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> None:
    if not shutil.which("Rscript"):
        sys.exit("Rscript is not on the path: install R with lme4, lmerTest, pbkrtest and jsonlite")
    for script in sorted(HERE.glob("*/fit.R")):
        if not names or script.parent.name in names:
            print(script.parent.name, flush=True)
            subprocess.run(["Rscript", script.name], cwd=script.parent, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
