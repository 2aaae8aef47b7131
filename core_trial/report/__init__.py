"""Reports: documents rendered as HTML and Word, tables as CSV and JSON, and runs that can be verified."""

from .disclosure import Disclosure, Protected
from .document import Definitions, Document, FigureBlock, Notes, Paragraph, Section
from .html import render_html
from .manifest import Input, Manifest, Output, Step, describe_outputs, read_manifest, read_outputs
from .tables import Column, Table
from .word import render_docx
from .write import write_run

__all__ = [
    "Column",
    "Definitions",
    "Disclosure",
    "Document",
    "FigureBlock",
    "Input",
    "Manifest",
    "Notes",
    "Output",
    "Paragraph",
    "Protected",
    "Section",
    "Step",
    "Table",
    "describe_outputs",
    "read_manifest",
    "read_outputs",
    "render_docx",
    "render_html",
    "write_run",
]
