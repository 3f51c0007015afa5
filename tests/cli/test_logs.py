from __future__ import annotations

import logging

import pytest

from cf_ai_platform_client.cli.logs import set_up_log

PACKAGE = "cf_ai_platform_client"
TOLD_BY_THE_COMMAND = (f"{PACKAGE}.transfer", f"{PACKAGE}.exports")
TOLD_BY_THE_LOG = (f"{PACKAGE}.transfer.listing", f"{PACKAGE}.transfer.exporting", f"{PACKAGE}.webhooks")


@pytest.mark.parametrize("levels", [(0,), (1, 0), (0, 0)])
def test_what_a_command_tells_itself_is_not_logged_beside_it(
    levels: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for level in levels:
        set_up_log(level)
    for name in (*TOLD_BY_THE_COMMAND, *TOLD_BY_THE_LOG):
        logging.getLogger(name).warning("of %s", name)
    assert capsys.readouterr().err.splitlines() == [f"of {name}" for name in TOLD_BY_THE_LOG]


@pytest.mark.parametrize("levels", [(1,), (0, 1), (0, 2)])
def test_with_v_it_is_logged_too(levels: tuple[int, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for level in levels:
        set_up_log(level)
    for name in TOLD_BY_THE_COMMAND:
        logging.getLogger(name).warning("of %s", name)
    assert len(capsys.readouterr().err.splitlines()) == len(TOLD_BY_THE_COMMAND)
