"""The picture in the documentation is that of the example as it is now."""

from graph.drawings import PICTURE, Drawing, drawn, picture, words
from offctl_cli.graph import dot, overview


def test_the_picture_in_the_documentation_shows_the_example_as_it_is() -> None:
    graph = overview.overview(drawn())
    kept = Drawing.read(PICTURE.read_bytes())
    wanted = "run `offctl graph examples/openfoodfacts -o docs/openfoodfacts.svg`"
    assert kept.words == words(dot.render(graph)), wanted
    assert (kept.nodes, kept.edges) == (len(graph.nodes), len(graph.edges)), wanted


def test_graphviz_draws_all_that_the_text_says() -> None:
    graph = overview.overview(drawn())
    made = picture(graph)
    assert made.words == words(dot.render(graph))
    assert (made.nodes, made.edges) == (len(graph.nodes), len(graph.edges))


def test_the_whole_of_the_example_stays_legible() -> None:
    """No number proves that; more than these was not, when somebody looked."""
    graph = overview.overview(drawn())
    assert len(graph.nodes) <= 32
    assert len(graph.edges) <= 60
