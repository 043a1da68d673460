"""Helpers of the Model Cloning Workbook."""
