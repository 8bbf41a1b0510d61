"""The table of layouts. To add one, write a file in layouts/ and name its Layout in LAYOUTS."""

from martlet.data.series.layout import Columns, Files, Layout
from martlet.data.series.layouts.dsads import DSADS
from martlet.data.series.layouts.folders import FOLDERS, unclear
from martlet.data.series.layouts.labelled_table import LABELLED_TABLE
from martlet.data.series.layouts.npz_file import NPZ_FILE
from martlet.data.series.layouts.opportunity import OPPORTUNITY
from martlet.data.series.layouts.pamap2 import PAMAP2
from martlet.data.series.layouts.ts_file import TS_FILE
from martlet.data.series.layouts.uci_har import UCI_HAR
from martlet.data.series.layouts.unimib import UNIMIB
from martlet.data.series.layouts.usc_had import USC_HAD
from martlet.data.series.layouts.wisdm import WISDM
from martlet.data.series.recording import few
from martlet.data.series.tables import TABLES
from martlet.errors import MartletError, unknown

SETS = (UCI_HAR, WISDM, PAMAP2, UNIMIB, USC_HAD, DSADS, OPPORTUNITY)
LAYOUTS: dict[str, Layout] = {
    layout.name: layout for layout in (*SETS, TS_FILE, NPZ_FILE, *FOLDERS, LABELLED_TABLE)
}


def find(name: str) -> Layout:
    """The layout of this name; raises MartletError with the closest ones when there is none."""
    if name not in LAYOUTS:
        raise unknown("layout", name, list(LAYOUTS))
    return LAYOUTS[name]


def recognise(files: Files, columns: Columns) -> Layout:
    """The layout that files have, by their names.

    Tables in which a column of labels is named are not read by their folders. Raises MartletError
    where no layout fits, or two do.
    """
    fitting = [layout for layout in (*SETS, TS_FILE, NPZ_FILE) if layout.recognises(files)]
    if len(fitting) > 1:
        raise MartletError(
            f"{files.given!r} holds {fitting[0].what}, and {fitting[1].what} too; give the folder "
            f"of one, or say layout={fitting[0].name!r} or {fitting[1].name!r}."
        )
    if fitting:
        return fitting[0]
    tables = files.ending(*TABLES)
    if not tables:
        raise MartletError(
            f"{files.given!r} holds nothing that is known as recordings (there: "
            f"{few(files.names)}); accepted are tables ({', '.join(TABLES)}), .ts, .npz and the "
            f"layouts of {', '.join(layout.name for layout in SETS)}."
        )
    if columns.label is not None and columns.labelled:
        return LABELLED_TABLE
    for layout in (*FOLDERS, LABELLED_TABLE):
        if layout.recognises(files):
            return layout
    raise unclear(files) or MartletError(f"{files.given!r} holds tables in no known layout.")
