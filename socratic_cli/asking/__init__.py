"""Asking a paid or busy service: paced, retried, within a budget, and never twice for the same reply."""
