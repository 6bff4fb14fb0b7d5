"""Measurements of abreast beside others, and the cheap servers that they are made with."""
