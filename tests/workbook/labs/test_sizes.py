"""Every picture in the windows in which it has to be readable: no letter is smaller than 11 px."""

from __future__ import annotations

import pytest
from matplotlib.text import Text

from workbook.labs.birth.figure import BirthPicture
from workbook.labs.birth.run import BirthRun, BirthSettings
from workbook.labs.framework.figure import Size, png
from workbook.labs.interruption.figure import InterruptionPicture
from workbook.labs.interruption.run import InterruptionRun, InterruptionSettings
from workbook.labs.method_table.figure import MethodTablePicture
from workbook.labs.method_table.run import MethodTableRun, MethodTableSettings
from workbook.labs.posteriors.figure import PosteriorsPicture
from workbook.labs.posteriors.run import PosteriorsRun, PosteriorsSettings

RUNS = {
    BirthPicture: BirthRun(BirthSettings(step=0)),
    InterruptionPicture: InterruptionRun(InterruptionSettings(layers="both")),
    PosteriorsPicture: PosteriorsRun(PosteriorsSettings()),
    MethodTablePicture: MethodTableRun(MethodTableSettings("keras", "short")),
}

# A notebook at 1280 x 720 with the file browser open, at 900 px, at a zoom of 150 %; and without the file browser.
SIZES = [Size(818, 289, 1.0), Size(438, 289, 1.0), Size(391, 169, 1.5), Size(1200, 300, 2.0)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size.width))
@pytest.mark.parametrize("kind", RUNS, ids=lambda kind: kind.__name__)
def test_no_letter_is_smaller_than_11_px(kind, size):
    picture = kind(size)
    picture.update(RUNS[kind])
    png(picture.figure)  # numbers beside an axis are made when they are drawn
    texts = [text for text in picture.figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    assert len(texts) > 5
    assert min(text.get_fontsize() for text in texts) / 72 * picture.figure.dpi / size.ratio >= 11
    assert picture.figure.canvas.get_width_height(physical=True)[0] == pytest.approx(size.width * size.ratio, abs=1)
