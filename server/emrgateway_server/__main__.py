"""`python -m emrgateway_server`."""

import sys

from emrgateway_server.cli import main

sys.exit(main())
