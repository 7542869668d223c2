"""The check that all other tests here rest on sees what it should see."""

from __future__ import annotations


def test_errors_refusals_and_other_hosts_are_noticed(visit, rooms):
    tab = visit(rooms)
    assert tab.watch.problems == []

    tab.page.evaluate("console.error('oh no')")
    tab.page.evaluate("fetch('/v1/nowhere').then(() => null)")
    tab.page.evaluate("fetch('http://other.example/').catch(() => null)")  # the page's policy forbids it
    with tab.page.expect_event("pageerror"):
        tab.page.evaluate("setTimeout(() => { throw new Error('thrown'); })")
    tab.page.goto("about:blank")  # has no policy
    with tab.page.expect_event("requestfailed"):
        tab.page.evaluate("fetch('http://another.example/').catch(() => null)")

    seen = "\n".join(tab.watch.problems)
    for expected in (
        "console error: oh no",
        "status 404: GET",
        "other.example",
        "uncaught: thrown",
        "another host: http://another.example/",
        "failed: GET http://another.example/",
    ):
        assert expected in seen
    tab.watch.allow(".*")
    assert tab.watch.problems == []
    tab.watch.allow("what never happened")
    assert tab.watch.problems == ["allowed, but never seen: what never happened"]
    tab.watch.forget()
