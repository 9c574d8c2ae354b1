"""`churn serve`: the web page and the API."""

from __future__ import annotations

from importlib import util
from pathlib import Path

import click

from churn.errors import UnavailableError

NEEDED = ("flask", "waitress", "orjson", "prometheus_client")


@click.command("serve")
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN|BUNDLE")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; others than loopback open it to the network.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8001, show_default=True, help="TCP port; 0 for any free one."
)
@click.option(
    "--token",
    envvar="CHURN_TOKEN",
    help="Secret that every page and call asks for; better given in the variable CHURN_TOKEN, which no "
    "list of processes shows.",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Further name of this server, as behind a proxy; may be given several times.",
)
@click.option(
    "--uploads",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for uploaded logs while they are scored; that of the system by default.",
)
@click.option("--max-upload", default="4GB", show_default=True,
              help="Largest log that may be uploaded.")  # fmt: skip
def command(
    folder: Path, host: str, port: int, token: str | None, names: tuple[str, ...], uploads: Path | None, max_upload: str
) -> None:
    """The web page and the API on a finished run, or on a bundle alone.

    A run brings the risk list, every user, the model and the form to ask it. A bundle alone brings the model,
    the form and the API.

    \b
    Example:
      churn serve run
      CHURN_TOKEN=... churn serve run --host 0.0.0.0 --port 8080
      churn serve run/bundle
    """
    missing = [name for name in NEEDED if util.find_spec(name) is None]
    if missing:
        what = f"the web page needs {', '.join(missing)}, which is not installed"
        raise UnavailableError(what, "pip install 'sparkify-churn[web]'")
    from churn.memory import parse_memory
    from churn.web.observe import log_to_stderr
    from churn.web.server import run_server
    from churn.web.settings import WebSettings

    settings = WebSettings(
        host=host, token=token, names=names, uploads=uploads, largest_upload=parse_memory(max_upload)
    )
    if not settings.is_local and token is None:
        click.echo(f"Mind: {host} is open to the network, and no --token is asked for.", err=True)
    log_to_stderr()
    run_server(folder, settings, port, lambda address: click.echo(f"churn: see {address} (Ctrl-C ends it)"))
