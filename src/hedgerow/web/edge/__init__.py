"""The outer edge: trusted proxies, and browsers of other origins."""
