"""Labs: ipywidgets panels in which a reader changes a model and watches its clones."""
