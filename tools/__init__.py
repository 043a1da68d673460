"""What is done with the workbook besides reading it: programs that run.py starts, and some that are run by hand."""
