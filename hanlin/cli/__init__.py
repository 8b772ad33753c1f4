"""The command `hanlin`: one file a subcommand, listed in one table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hanlin import __version__
from hanlin.cli import audit, config, inspect, label, models, policy, serve, summarize, transcribe, translate
from hanlin.errors import HanlinError

COMMANDS = (serve, summarize, transcribe, translate, models, label, inspect, policy, audit, config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. People see sentences, never tracebacks."""
    parser = argparse.ArgumentParser(prog="hanlin", description="Offer generative AI, and answer for it.")
    parser.add_argument("--version", action="version", version=f"hanlin {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    args = parser.parse_args(arguments)
    try:
        return int(args.run(args))
    except HanlinError as error:
        print(f"hanlin: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
