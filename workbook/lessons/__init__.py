"""What the lessons ask and claim: questions and exercises, one module a notebook, how they are judged, and progress."""
