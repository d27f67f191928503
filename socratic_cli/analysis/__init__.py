"""What is behind an accuracy: which step went wrong first and how, whose fault it was, and how well was asked.

Pure functions of solutions; the gold steps of their problems are the measure.
"""
