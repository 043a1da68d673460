"""Programs for maintaining the workbook: run.py starts most of them, and some are run by hand."""
