"""`python -m cvrl_lite.cli`."""

from cvrl_lite.cli import main

raise SystemExit(main())
