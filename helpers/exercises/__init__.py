"""The prediction questions and exercises of the notebooks, one module a notebook."""
