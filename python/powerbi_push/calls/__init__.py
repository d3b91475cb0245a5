"""How the verbs of this package are called, run and awaited."""
