"""A browser, servers, and visits that fail their test if the page errs, fails a request or asks another host."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.browser.chromium import INSTALL, launch_chromium


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter):
    if any(INSTALL in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(INSTALL, yellow=True)


@pytest.fixture(scope="package")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = launch_chromium(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def serve(tmp_path_factory):
    """Return a function from `make_app`'s arguments to the address of a server that runs until the last test."""
    from leadline.server.app import make_app
    from leadline.server.settings import Settings
    from tests.unit.server.job_server import serving

    with contextlib.ExitStack() as stack:

        def start(predictors=None, **settings):
            chosen = Settings(job_dir=tmp_path_factory.mktemp("jobs"), **settings)
            return stack.enter_context(serving(make_app(chosen, predictors)))

        yield start


@pytest.fixture(scope="package")
def shipped(browser, serve):
    """The address of a server with the shipped network. (With a browser first: without one, nothing is loaded.)"""
    return serve()


@pytest.fixture(scope="package")
def rooms(browser, serve):
    """The address of a server with predictors that know one room."""
    from tests.browser.rooms import predictors

    return serve(predictors())


@pytest.fixture
def visit(browser, tmp_path):
    """Return a function that opens a tab at a server's page; its end checks what the tabs did."""
    from tests.browser.visit import Visit

    visits = []

    def start(url, **options):
        visits.append(Visit(browser, url, tmp_path, **options))
        return visits[-1].open()

    yield start
    problems = [problem for visited in visits for problem in visited.watch.problems]
    for visited in visits:
        visited.close()
    assert problems == []
