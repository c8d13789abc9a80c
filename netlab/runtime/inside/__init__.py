"""What runs inside a machine, under every runtime: standard library only, Python 3.9 and later."""
