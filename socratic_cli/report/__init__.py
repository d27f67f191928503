"""What a benchmark found, for readers: one page that needs no network, tables and figures."""

from socratic_cli.report.analysed import analysed
from socratic_cli.report.curves import curves
from socratic_cli.report.evaluated import evaluated
from socratic_cli.report.model import Column, Curve, Fault, Findings, Table
from socratic_cli.report.write import write

__all__ = ["Column", "Curve", "Fault", "Findings", "Table", "analysed", "curves", "evaluated", "write"]
