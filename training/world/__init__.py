"""The closed world that the starter learns: scenes, a renderer for them, and captions."""
