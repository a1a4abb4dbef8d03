"""A notebook or a run as one file that can be mailed: executed here, opened anywhere, without a network.

Executing is nbclient's work and exporting nbconvert's; here is what they are told. Opens no socket of its own.
"""

from wslab.reports.gallery import make_gallery
from wslab.reports.material import lessons, open_notebook
from wslab.reports.pdf import find_browser, print_page
from wslab.reports.report import Report, make_report

__all__ = ["Report", "find_browser", "lessons", "make_gallery", "make_report", "open_notebook", "print_page"]
