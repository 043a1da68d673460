"""The picture of the three tests: its texts, and its completeness."""

from __future__ import annotations

import io
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from results import result

from helpers.report import OTHER_STATE, OUTPUTS, SAME_FUTURE, Check, ThreeTestsResult, describe
from workbook.labs.framework import figure as plots
from workbook.methods import ALL_METHODS

NAIVE = result("clone_model", {"a": 0.4, "b": 0.0, "c": None}, [0.4, 0.5, 0.6], [0.0, 0.0, 0.0], [0.0, 0.1, 0.2])
TRUE = result("helpers.clone", {"a": 0.0, "b": 0.0, "c": 0.0}, [0.0] * 3, [0.0] * 3)


def dots(picture, index):
    x, y = picture._traces[index]["dots"].get_data()
    return dict(zip(np.round(x), y, strict=True))


def test_no_layer_is_missing_zero_and_none_have_levels_of_their_own():
    picture = plots.ThreeTestsPicture()
    picture.update([NAIVE, TRUE])
    low, high = plots.DistanceAxis.LOWEST, plots.DistanceAxis.HIGHEST
    naive, true = dots(picture, 0), dots(picture, 1)
    assert len(naive) == len(true) == 3
    assert naive[0] == pytest.approx(math.log10(0.4))
    assert naive[1] < low and all(level < low for level in true.values())
    assert naive[2] > high
    bottom, top = picture.axes[0].get_ylim()
    assert bottom < min([*naive.values(), *true.values()]) and max(naive.values()) < top


def test_the_level_of_exact_zero_is_named():
    picture = plots.ThreeTestsPicture()
    picture.update([NAIVE, TRUE])
    labels = {label.get_text(): label.get_position()[1] for label in picture.axes[0].get_yticklabels()}
    assert all(abs(labels["0 exactly"] - level) < 0.62 for level in dots(picture, 1).values())


def test_a_future_that_differs_before_any_step_says_in_what():
    untried = result("clone_model + set_weights", {"a": 0.0})
    untried.checks.append(Check(SAME_FUTURE, "optimizer state", False, "from numbers"))
    picture = plots.ThreeTestsPicture()
    picture.update([untried], train="original")
    words = {text.get_text() for text in picture.axes[1].texts}
    assert "\N{BALLOT X} optimizer state differs" in words


def test_methods_at_exact_zero_do_not_hide_each_other():
    picture = plots.ThreeTestsPicture()
    picture.update([result(label, {"a": 0.0}, [0.0, 0.0], [0.0, 0.0]) for label in "vwxy"])
    levels = {picture._traces[index]["own_life"][0].get_ydata()[0] for index in range(4)}
    assert len(levels) == 4 and max(levels) < plots.DistanceAxis.LOWEST


@pytest.mark.parametrize("value", [math.inf, math.nan, None])
def test_what_is_not_finite_is_drawn_at_the_top(value):
    picture = plots.ThreeTestsPicture()
    picture.update([result("x", {"a": value}, [0.1, value], [0.0, value])])
    assert dots(picture, 0)[0] > picture._top
    assert picture._traces[0]["future"][0].get_ydata()[-1] > picture._top


def test_a_runaway_model_stays_on_the_axis():
    picture = plots.ThreeTestsPicture()
    picture.update([result("x", {"a": 1.0}, [1.0, 3e7], [0.0, 0.0])])
    assert picture._traces[0]["future"][0].get_ydata()[-1] == pytest.approx(math.log10(3e7))
    assert picture._top >= 8


def test_all_three_panels_share_one_scale():
    picture = plots.ThreeTestsPicture()
    picture.update([NAIVE, TRUE])
    assert len({ax.get_ylim() for ax in picture.axes}) == 1


def test_other_numbers_move_artists_only():
    picture = plots.ThreeTestsPicture()
    assert picture.update([NAIVE, TRUE], steps=40)
    grown = result(NAIVE.name, NAIVE.start, [0.4] * 9, [0.0] * 9, [0.1] * 9)
    assert not picture.update([grown, TRUE], steps=40)
    assert picture.update([grown, TRUE], steps=80)
    assert picture.update([result("other", NAIVE.start, [0.4]), TRUE], steps=80)


def test_columns_that_are_still_to_come_keep_their_place():
    picture = plots.ThreeTestsPicture()
    layers = {"a": 0.1, "b": 0.1}
    picture.update([result("x", {**layers, OUTPUTS: 0.2}, [0.1])], steps=40)
    begun = ThreeTestsResult("x", start=layers, different=["a", "b"])
    assert not picture.update([begun], steps=40)
    assert picture.update([ThreeTestsResult("x", start={"a": 0.1, "c": 0.1})], steps=40)


def test_each_method_has_one_look_that_no_other_method_has():
    labels = [method.label for method in ALL_METHODS.values()]
    looks = dict(zip(labels, plots.looks(labels), strict=True))
    for part in ("color", "marker"):
        assert len({getattr(look, part) for look in looks.values()}) == len(labels)
    for label in labels:  # whatever it is compared with
        assert plots.looks(["a method of the reader's", label])[1] == plots.looks([label])[0] == looks[label]


def test_methods_of_the_readers_own_differ_in_more_than_colour():
    looks = plots.looks(["one", "two", "three", "four"])
    for part in ("color", "marker", "line"):
        assert len({str(getattr(look, part)) for look in looks}) == len(looks)


def test_a_static_picture_names_every_method_and_has_its_result_in_each_panel():
    pairs = [result(label, {"a": 0.0, "b": 0.1}, [0.0, 0.1], [0.0, 0.1]) for label in ("one", "two", "three", "four")]
    heights = []
    for count in (3, 4):
        figure = plots.three_tests(pairs[:count])
        plots.png(figure)  # lays it out
        names = [text.get_text() for text in figure.axes[0].texts]
        assert [pair.name for pair in pairs[:count]] == [
            name for name in names if name in ("one", "two", "three", "four")
        ]
        for ax in figure.axes:
            results = [
                text for text in ax.texts if "\N{BALLOT X}" in text.get_text() or "\N{CHECK MARK}" in text.get_text()
            ]
            assert len(results) == count
            boxes = [text.get_window_extent() for text in results]
            assert all(above.y0 >= below.y1 - 2 for above, below in itertools.pairwise(boxes))
            assert boxes[-1].y0 >= ax.get_window_extent().y1, "the last result is inside the panel"
        heights.append(figure.axes[0].get_position().height * figure.get_figheight())
    assert heights[0] == pytest.approx(heights[1]), "the panels have the same size, however many methods there are"


# At 1280 x 720 with the file browser open, at 900 px, at 150 %, and on a wide screen.
SIZES = [plots.Size(818, 289), plots.Size(438, 289), plots.Size(391, 169), plots.Size(1200, 300)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size.width))
@pytest.mark.parametrize("error", [None, "NotImplementedError"])
def test_letters_are_readable_and_stay_in_their_panel(size, error):
    naive = result("clone_model + set_weights", {"dense_1": 8e-5, "b": 0.1}, [8e-5] * 9, [8e-5] * 9, error=error)
    picture = plots.ThreeTestsPicture(size)
    picture.update([naive, TRUE])
    picture.figure.canvas.draw()
    for number, ax in enumerate(picture.axes):
        for text in ax.texts:
            if not text.get_text() or not text.get_visible():
                continue
            assert text.get_fontsize() * plots.Size.PER_INCH / 72 >= 11
            box = text.get_window_extent()
            end = picture.axes[number + 1].get_window_extent().x0 if number < 2 else size.width * size.ratio
            assert ax.get_window_extent().x0 - 1 <= box.x0 and box.x1 <= end + 1, text.get_text()
        for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
            assert label.get_fontsize() * plots.Size.PER_INCH / 72 >= 11
        numbers = [label.get_window_extent() for label in ax.get_yticklabels() if label.get_text()]
        numbers.sort(key=lambda box: box.y0)
        assert all(low.y1 <= high.y0 + 2 for low, high in itertools.pairwise(numbers))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({"a": 0.4, "b": 0.0, "outputs": 1.0}, "\N{BALLOT X} 1 of 2 differ"),
        ({"a": 0.0, "b": 0.0, "outputs": 1.0}, "\N{BALLOT X} outputs"),
        ({"a": 0.0, "random state and others": 1.0}, "\N{BALLOT X} other state"),
        ({"a": 0.0, "outputs": 0.0}, "\N{CHECK MARK} equal"),
    ],
)
def test_the_head_counts_layers_as_the_sentence_does(start, words):
    pair = result("x", start, [0.0], [0.0])
    picture = plots.ThreeTestsPicture()
    picture.update([pair])
    assert words in [text.get_text() for text in picture.axes[0].texts]
    sentence = describe([pair])
    assert ("1 of 2 layers" in sentence) == ("1 of 2" in words)


@pytest.mark.parametrize(
    ("names", "slanted"),
    [
        (["flatten", "hidden", "head", OUTPUTS], False),
        (["hidden", "head", OTHER_STATE, OUTPUTS], False),
        (["dense", "batch_normalization", "dense_1", OUTPUTS], True),
        (["first", "second", "third", "fourth", "fifth", "sixth", "seventh"], True),
        (["a", "b", "c", "d", "e"], False),
    ],
)
def test_names_of_layers_do_not_run_into_each_other(names, slanted):
    picture = plots.ThreeTestsPicture()
    picture.update([result("x", dict.fromkeys(names, 0.0), [0.0], [0.0])])
    plots.png(picture.figure)  # lays it out
    labels = picture.axes[0].get_xticklabels()
    assert all((label.get_rotation() > 0) == slanted for label in labels)
    if not slanted:
        boxes = [label.get_window_extent() for label in labels]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_the_picture_is_opaque_white_and_not_blank():
    figure = plots.three_tests({"clone_model": NAIVE, "clone": TRUE}, caption="A sentence.")
    image = Image.open(io.BytesIO(plots.png(figure)))
    pixels = np.asarray(image.convert("RGBA"))
    assert (pixels[..., 3] == 255).all() and tuple(pixels[0, 0, :3]) == (255, 255, 255)
    for color in (plots.VERMILLION, plots.BLUE):
        wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
        assert (pixels[..., :3] == wanted).all(axis=2).sum() > 100


def test_show_stores_an_image_with_alternative_text_and_a_line_for_each_method(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda *data, **details: shown.append((data[0], details)))
    plots.show(plots.three_tests([NAIVE, TRUE]))
    (data, details), sentence = shown[0], describe([NAIVE, TRUE])
    assert details["metadata"]["image/png"]["alt"] == data["text/plain"] == sentence and details["raw"]
    words, lines = shown[1][0], sentence.splitlines()
    assert words["text/plain"] == sentence and words["text/html"].count("<div>") == len(lines) == 2
    with pytest.raises(ValueError, match="alt"):
        plots.show(Figure())


def test_no_widgets_are_needed():
    code = (
        "import sys; import workbook.labs.framework.figure, workbook.labs.layer.spec; "
        "sys.exit('ipywidgets' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the axis ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("roomy", [False, True])
@pytest.mark.parametrize("above", ["", "not finite"])
def test_zero_has_a_band_of_its_own_and_nothing_leaves_the_axis(roomy, above):
    axis = plots.DistanceAxis(Figure().add_subplot(), highest=4, above=above, roomy=roomy)
    zero, tiny, one, large = axis.heights([0.0, 1e-300, 1.0, 1e300])
    assert zero < axis.foot < tiny == -8 and one == 0 and large == 4
    assert axis.heights([0.0], lane=0.3)[0] == pytest.approx(zero + 0.3)
    high = axis.heights([None, math.nan, math.inf])
    assert (high > 4).all() if above else (high == 4).all()


def test_panels_beside_the_first_have_no_words():
    for words in (True, False):
        ax = Figure().add_subplot()
        plots.DistanceAxis(ax, words=words)
        assert ax.get_yticklabels()[0].get_text() == ("0 exactly" if words else "")
