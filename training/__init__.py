"""Labelled posts in, signal heads with their evaluation out."""
