"""netlab: build a network with real routers on one machine and measure whether ECMP spreads traffic."""

__version__ = "0.1.0"
