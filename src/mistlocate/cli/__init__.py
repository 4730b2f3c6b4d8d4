"""The command `mistlocate`."""

#: The exit code after Ctrl-C; here, because it may come before anything else is imported.
INTERRUPTED = 130


def main() -> None:
    """Run the command line. Ends in `SystemExit`, whatever happens."""
    try:
        _run()
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"the command needs more than the library: {error.name} is missing; pip install 'mistlocate[all]'"
        ) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _run() -> None:
    from mistlocate.cli.app import app  # noqa: PLC0415 - an extra that may not be installed
    from mistlocate.cli.output import unexpected  # noqa: PLC0415

    try:
        app()
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise SystemExit(unexpected(error)) from None
