"""The command line: `python -m azure_inference_local serve`, `models`, `models pull NAME`."""

import sys

from azure_inference_local.cli import main

if __name__ == "__main__":
    sys.exit(main())
