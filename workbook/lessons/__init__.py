"""Questions, exercises and claims of the lessons, with one module per notebook; grading of answers; and progress."""
