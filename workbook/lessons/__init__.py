"""Questions, exercises and claims of the lessons, one module a notebook; how answers are graded; and progress."""
