"""A project or codebook of a program for qualitative analysis, as tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...errors import DataError
from .archive import open_refi
from .cases import case_table, codings_of_cases
from .positions import count_text
from .stream import Element, read_elements
from .text import decode


@dataclass(frozen=True, eq=False, repr=False)
class RefiProject:
    """What `read_refi_qda` gives. Identifiers are in lower case and without braces; names stand beside them.

    Attributes
    ----------
    name, origin : of the project, and the program that wrote it, as it names itself; empty if it does not
    codes : a row a code, those above before those below. code (identifier), name, parent, path (names from the top,
        between them ` > `), depth (1 at the top), codable (false: a folder), color, description
    cases : a row a case. case, name, kind (`case`, or `document`: variables of one source), description
    variables : a row a value. case, case_name, variable, type, value (as text). `case_table()` has them side by side
    case_links : what is of a case. case, case_name, source, source_name, document, selection, start, end, by
        (`source`: the whole source; `selection`; `coding`: a coding with the case as its code; `code`: a code that the
        case names)
    codings : a row a coding. source, source_name, document (in which the positions are: the source, the text of a PDF
        or a transcript), selection (the same for all codings of a passage), kind (text, pdf, picture, audio, video, or
        whole: all of the source), start and end (characters of `text(document)`, the end not included; milliseconds
        of audio and video), page (of a PDF), area (corners, x and y, in the units of the file), code, code_name,
        code_path, coder (of the coding, else who marked the passage), time (UTC)
    sources : a row a document. source, name, kind, part_of (the PDF or recording that it is the text of), text_path,
        positions (how the program counted characters), created_by, time, characters (missing where no text was needed)
    sets : a row a member. set, name, kind (code, source, note), member, member_name
    notes : what, n: how many notes there are, and to what they are attached. Their texts are not read
    checks : what is odd in the file, as warnings: unknown and repeated identifiers, positions outside a text, ...
    """

    path: Path
    name: str
    origin: str
    codes: pd.DataFrame
    cases: pd.DataFrame
    variables: pd.DataFrame
    case_links: pd.DataFrame
    codings: pd.DataFrame
    sources: pd.DataFrame
    sets: pd.DataFrame
    notes: pd.DataFrame
    checks: pd.DataFrame

    def __repr__(self) -> str:
        counts = {
            "codes": len(self.codes),
            "cases": len(self.cases),
            "sources": int(self.sources["part_of"].isna().sum()),
            "codings": len(self.codings),
            "coders": self.codings["coder"].nunique(),
            "sets": self.sets["set"].nunique(),
        }
        title = f"{self.name!r} from {self.origin or 'an unnamed program'}"
        return f"<REFI-QDA {title}: {', '.join(f'{n:,} {what}' for what, n in counts.items())}>"

    def case_table(self) -> pd.DataFrame:
        """A row a case and a column a variable, typed as declared; a value that does not fit its type is missing."""
        return case_table(self.cases, self.variables)

    def case_codings(self) -> pd.DataFrame:
        """The codings with `case` and `case_name`: a row a coding and case, one with the case missing if it has none.

        A case that has a whole source has all its codings; one that has passages has the codings that share a character
        (or millisecond) with them. The index numbers the rows of `codings`.
        """
        return codings_of_cases(self.codings, self.case_links)

    def text(self, document: str) -> str:
        """The text of a document, by identifier, in which `start` and `end` of the codings count.

        It is read from the file again, and never put on disk. A Windows line end is one character.

        Raises: DataError where there is no such document, or its text is not in the file.
        """
        if document not in set(self.sources["source"]):
            raise DataError(f"{self.path.name} has no document {document!r}; project.sources lists them")
        location = self.sources.set_index("source")["text_path"][document]
        with open_refi(self.path) as file:
            text = decode(file.source(location)) if isinstance(location, str) else self._inline(file.xml(), document)
        if text is None:
            raise DataError(f"the text of {document} is not in {self.path.name}, or it is not UTF-8")
        return count_text(text)

    def _inline(self, xml: Iterable[bytes], document: str) -> str | None:
        found: list[str] = []

        def take(opens: bool, element: Element) -> None:
            if not opens and "PlainTextContent" in element.parts and element.guid("guid") == document:
                found.append(element.part("PlainTextContent"))

        read_elements(xml, self.path.name, take)
        return found[0] if found else None
