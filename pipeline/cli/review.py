"""The command that serves the review application. Slow imports are made by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_DB, Db, Reviews, say

PORT = 8765


def review(  # noqa: PLR0913, PLR0917 - one argument an option
    db: Db = DEFAULT_DB,
    reviews: Reviews = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")] = PORT,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name that browsers reach it by; can be given several times."),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate, PEM; for other hosts.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy of yours has the certificate.")
    ] = False,
    user_header: Annotated[
        str | None, typer.Option(help="Header in which the proxy names the reviewer.")
    ] = None,
) -> None:
    """Judge findings by listening, in a browser, on this machine.

    Answers are kept in reviews.sqlite at once; the next night, or `earwitness spotcheck merge`, brings them
    into the store.
    """
    from pipeline.review.server import Listening, serve  # noqa: PLC0415
    from pipeline.store.review_log import ReviewLog, beside_store  # noqa: PLC0415

    listening = Listening(
        host=host,
        port=port,
        allow_hosts=tuple(allow_host or ()),
        tls_cert=tls_cert,
        tls_key=tls_key,
        behind_proxy=behind_proxy,
        user_header=user_header,
    )

    def started(link: str) -> None:
        typer.echo(link)
        say("open this link, it lets one browser in; end with Ctrl-C")

    serve(db, ReviewLog(reviews or beside_store(db)), listening, started)
