"""The pages every node has: in both languages, whole without the network, and locked down."""

import html
import re
from html.parser import HTMLParser

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from registry.app.node import Node
from registry.http.problems import STATUS_BY_KIND
from registry.kernel.problems import declared_problems

PAGES = ("/", "/problems", "/problems/not-authenticated", "/docs")


class Links(HTMLParser):
    """What a page loads and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "script" and "src" not in named:
            self.inline.append(tag)
        self.inline += [name for name in named if name == "style" or name.startswith("on")]
        for name in ("src", "href"):
            if named.get(name):
                found = self.linked if tag == "a" else self.loaded
                found.append(str(named[name]))


def get(app: Flask, target: str) -> TestResponse:
    return app.test_client().get(target, buffered=True)


def test_every_problem_has_a_page_in_both_languages(app: Flask) -> None:
    """Its title, its status, what to do; all of it listed."""
    listed = get(app, "/problems").text
    for problem in declared_problems():
        page = get(app, f"/problems/{problem.slug()}")
        assert 200 == page.status_code
        text = html.unescape(page.text)
        for each in (problem.title.en, problem.title.zh, problem.advice.en, problem.advice.zh):
            assert each in text, problem.slug()
        assert f"HTTP {STATUS_BY_KIND[problem.kind]}" in text
        assert f'href="/problems/{problem.slug()}"' in listed


def test_the_type_of_a_problem_is_the_address_of_its_page(app: Flask, node: Node) -> None:
    """A caller that follows `type` learns what to do."""
    problem = get(app, "/v1/members/me").json
    assert problem["type"].startswith(node.settings.origin)
    page = get(app, problem["type"].removeprefix(node.settings.origin))
    assert (200, True) == (page.status_code, problem["title"] in page.text)


def test_a_problem_that_is_none_has_no_page(app: Flask) -> None:
    """404, as a problem document."""
    answer = get(app, "/problems/no-such")
    assert (404, "application/problem+json") == (answer.status_code, answer.content_type)


@pytest.mark.parametrize("target", PAGES)
def test_a_page_loads_nothing_from_elsewhere(app: Flask, target: str) -> None:
    """Every style and script is the node's own and there; every link of it leads somewhere."""
    links = Links(get(app, target).text)
    assert links.loaded
    for each in (*links.loaded, *links.linked):
        assert each.startswith("/"), each
        assert not each.startswith("//"), each
        assert 200 == get(app, each).status_code


@pytest.mark.parametrize("target", PAGES)
def test_a_page_is_locked_down(app: Flask, target: str) -> None:
    """Nothing inline, nothing foreign, in nobody's frame, sniffed by nobody."""
    page = get(app, target)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert not re.search(r"https?:|\*|unsafe-eval", policy)
    assert "nosniff" == page.headers["X-Content-Type-Options"]
    assert "text/html; charset=utf-8" == page.headers["Content-Type"]
    links = Links(page.text)
    assert [] == links.inline
    assert ("script-src" in policy) == (target == "/docs")
    assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize("target", PAGES)
def test_a_page_is_for_small_screens_and_names_its_language(app: Flask, target: str) -> None:
    """A viewport, a title, a language."""
    text = get(app, target).text
    assert '<html lang="en">' in text
    assert 'name="viewport" content="width=device-width' in text
    assert re.search(r"<title>[^<]+</title>", text)


def test_the_browser_of_the_api_is_shipped(app: Flask) -> None:
    """Its script and style come from the installed package and may be kept."""
    for name, kind in (("swagger-ui-bundle.js", "javascript"), ("swagger-ui.css", "css")):
        asset = get(app, f"/docs/assets/{name}")
        assert (200, True) == (asset.status_code, kind in asset.headers["Content-Type"])
        assert "max-age" in asset.headers["Cache-Control"]
        assert len(asset.data) > 10_000


def test_a_sandbox_says_so_on_every_page(app: Flask, node: Node) -> None:
    """Nobody takes made-up people for real ones."""
    assert "sandbox" == node.settings.mode.value
    for target in ("/", "/problems"):
        assert "沙箱" in get(app, target).text
