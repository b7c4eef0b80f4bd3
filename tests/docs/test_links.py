"""The links of the pages, as a code host and a reader of the source distribution follow them."""

import tomllib

import pages
import pytest

SHIPPED = tomllib.loads((pages.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "hatch"
]["build"]["targets"]["sdist"]["include"]


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """A relative link leads to a file that is shipped, and to a heading that it has."""
    for link in pages.links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        inside = "/" + target.relative_to(pages.ROOT).as_posix()
        assert any(inside == part or inside.startswith(f"{part}/") for part in SHIPPED), link
        if anchor:
            assert anchor in pages.slugs(target), link


def test_every_page_is_linked_to():
    """The first page of the documentation leads to every other."""
    linked = {link.partition("#")[0] for link in pages.links(pages.DOCS / "index.md")}
    assert linked >= {page.name for page in pages.PAGES if page.parent == pages.DOCS} - {"index.md"}


def test_headings_are_unique():
    """No two headings of a page have the same anchor: a code host would number the second."""
    for page in pages.PAGES:
        slugs = pages.slugs(page)
        assert len(slugs) == len(set(slugs)), (page.name, sorted(slugs))
