import sys

from hanlin.cli import main

sys.exit(main())
