"""Ways to sign in, a file each: the Rust core asks for tokens, with the same names and methods as in azure-identity."""
