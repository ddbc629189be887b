"""Texts of views: checked and described, planned with, rewritten."""
