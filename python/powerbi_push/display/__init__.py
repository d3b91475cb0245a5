"""What a person sees of a push and its result: a bar, small tables of HTML."""
