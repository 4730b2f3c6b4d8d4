"""The command `mistlocate`."""


def main() -> None:
    """Run the command line."""
    try:
        from mistlocate.cli.app import app  # noqa: PLC0415 - an extra that may not be installed
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"the command needs more than the library: {error.name} is missing; pip install 'mistlocate[all]'"
        ) from None
    app()
