"""A notebook or a run as one self-contained file: executed here, opened anywhere, without a network.

nbclient executes and nbconvert exports; this package configures them. Opens no socket itself.
"""

from wslab.reports.gallery import make_gallery
from wslab.reports.material import lessons, open_notebook
from wslab.reports.pdf import find_browser, print_page
from wslab.reports.report import Report, make_report

__all__ = ["Report", "find_browser", "lessons", "make_gallery", "make_report", "open_notebook", "print_page"]
