"""The program that `run.py versions` starts."""

import sys

from run import main
from tools.versions import versions

sys.exit(main(sys.argv[1:], versions))
