"""The claims of other pages that the lessons try, each a small program, and `trial.py`, which tries one.

Nothing in this folder imports the workbook, and all of it runs on Python 3.7: the same programs run in a lesson's last
table, in the tests, and on older versions of TensorFlow.
"""
