"""What the programs write, each in its way, comes out as the same tables."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

from core_trial import DataError, TrialWarning
from core_trial.mixed_methods import RefiProject, read_refi_qda
from core_trial.mixed_methods.refi_qda import rows

TIME = "2016-03-01T10:00:00Z"
TEXT = "They came to the scoping day. Coaching was monthly."


@pytest.fixture
def inside(guid) -> str:
    """A project of two codes, two coders, a team as case, and a text with one passage that both coded."""
    return f"""
    <Users><User guid="{guid(1)}" name="Ann"/><User guid="{guid(2)}" name="Bob" id="B"/></Users>
    <CodeBook><Codes>
      <Code guid="{guid(10)}" name="Engagement" isCodable="0"><Description>With the programme</Description>
        <Code guid="{guid(11)}" name="Coaching" isCodable="1" color="#36C"/></Code>
      <Code guid="{guid(12)}" name="Leadership" isCodable="true"/>
    </Codes></CodeBook>
    <Variables><Variable guid="{guid(20)}" name="Fidelity" typeOfVariable="Integer"/>
      <Variable guid="{guid(21)}" name="Visited" typeOfVariable="Date"/>
      <Variable guid="{guid(22)}" name="Urban" typeOfVariable="Boolean"/></Variables>
    <Cases><Case guid="{guid(30)}" name="Team A">
      <VariableValue><VariableRef targetGUID="{guid(20)}"/><IntegerValue>118</IntegerValue></VariableValue>
      <VariableValue><VariableRef targetGUID="{guid(21)}"/><DateValue>2016-05-02</DateValue></VariableValue>
      <VariableValue><VariableRef targetGUID="{guid(22)}"/><BooleanValue>true</BooleanValue></VariableValue>
      <SourceRef targetGUID="{guid(40)}"/></Case></Cases>
    <Sources><TextSource guid="{guid(40)}" name="Interview 1" plainTextPath="internal://a.txt">
      <PlainTextSelection guid="{guid(50)}" name="Coaching" startPosition="30" endPosition="38">
        <Coding guid="{guid(60)}" creatingUser="{guid(1)}" creationDateTime="{TIME}"><CodeRef targetGUID="{guid(11)}"/>
          <NoteRef targetGUID="{guid(70)}"/></Coding>
        <Coding guid="{guid(61)}" creatingUser="{guid(2)}" creationDateTime="{TIME}"><CodeRef targetGUID="{guid(11)}"/>
        </Coding></PlainTextSelection>
      <PlainTextSelection guid="{guid(51)}" name="" startPosition="0" endPosition="4">
        <Description>annotated, not coded</Description></PlainTextSelection>
      <Coding guid="{guid(62)}" creatingUser="{guid(1)}" creationDateTime="{TIME}"><CodeRef targetGUID="{guid(12)}"/>
      </Coding></TextSource></Sources>
    <Notes><Note guid="{guid(70)}" name="memo"><PlainTextContent>private</PlainTextContent></Note></Notes>
    <Links><Link guid="{guid(71)}" originGUID="{guid(70)}" targetGUID="{guid(51)}"/></Links>
    <Sets><Set guid="{guid(80)}" name="Teams"><MemberSource targetGUID="{guid(40)}"/>
      <MemberCode targetGUID="{guid(11)}"/></Set><Set guid="{guid(81)}" name="None yet"/></Sets>
    """


def tables(project: RefiProject) -> dict[str, pd.DataFrame]:
    return {name: table for name, table in vars(project).items() if isinstance(table, pd.DataFrame)}


def source(guid, inner: str, tag: str = "TextSource", number: int = 40, attributes: str = "") -> str:
    return f'<Sources><{tag} guid="{guid(number)}" name="Interview 1" {attributes}>{inner}</{tag}></Sources>'


def coding(guid, code: int, number: int = 60) -> str:
    return f'<Coding guid="{guid(number)}" creatingUser="{guid(1)}"><CodeRef targetGUID="{guid(code)}"/></Coding>'


CODE = '<CodeBook><Codes><Code guid="{}" name="Coaching" isCodable="true"/></Codes></CodeBook>'
USER = '<Users><User guid="{}" name="Ann"/></Users>'


@pytest.fixture
def known(guid) -> str:
    """A coder (1) and a code (11)."""
    return USER.format(guid(1)) + CODE.format(guid(11))


def test_codes_keep_their_order_and_hierarchy(write_project, inside, guid) -> None:
    codes = read_refi_qda(write_project(inside, {"a.txt": TEXT})).codes
    assert codes["path"].to_list() == ["Engagement", "Engagement > Coaching", "Leadership"]
    assert codes["parent"].fillna("").to_list() == ["", guid(10), ""]
    assert codes["codable"].to_list() == [False, True, True]
    assert codes["depth"].to_list() == [1, 2, 1]
    assert codes.loc[0, "description"] == "With the programme"
    assert codes.loc[1, "color"] == "#36C"


def test_codings_say_where_what_who_and_when(write_project, inside) -> None:
    project = read_refi_qda(write_project(inside, {"a.txt": TEXT}))
    codings = project.codings
    assert codings["code_path"].to_list() == ["Engagement > Coaching"] * 2 + ["Leadership"]
    assert codings["coder"].to_list() == ["Ann", "Bob", "Ann"]
    assert codings["kind"].to_list() == ["text", "text", "whole"]
    assert codings["source_name"].unique().tolist() == ["Interview 1"]
    assert (codings["time"] == pd.Timestamp(TIME)).all()
    assert codings.loc[0, "selection"] == codings.loc[1, "selection"]
    first = codings.iloc[0]
    assert project.text(first["document"])[first["start"] : first["end"]] == "Coaching"
    assert codings.loc[2, ["start", "end", "selection"]].isna().all()


def test_cases_have_typed_variables_and_sources(write_project, inside) -> None:
    project = read_refi_qda(write_project(inside, {"a.txt": TEXT}))
    table = project.case_table().iloc[0]
    assert (table["name"], table["Fidelity"], table["Urban"]) == ("Team A", 118, True)
    assert table["Visited"] == pd.Timestamp("2016-05-02")
    assert project.case_links[["case_name", "source_name", "by"]].to_numpy().tolist() == [
        ["Team A", "Interview 1", "source"]
    ]
    assert project.case_codings()["case_name"].to_list() == ["Team A"] * 3


def test_sets_and_counts_of_notes(write_project, inside) -> None:
    project = read_refi_qda(write_project(inside, {"a.txt": TEXT}))
    assert project.sets[["name", "kind", "member_name"]].fillna("").to_numpy().tolist() == [
        ["Teams", "source", "Interview 1"],
        ["Teams", "code", "Coaching"],
        ["None yet", "", ""],
    ]
    assert project.notes.set_index("what")["n"].to_dict() == {
        "annotations": 1,
        "attached to a coding": 1,
        "links": 1,
        "notes": 1,
    }


def test_a_sound_project_has_nothing_to_report(write_project, inside) -> None:
    project = read_refi_qda(write_project(inside, {"a.txt": TEXT}))
    assert project.checks.empty
    assert repr(project) == (
        "<REFI-QDA 'Study' from a program: 3 codes, 1 cases, 1 sources, 3 codings, 2 coders, 2 sets>"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"namespace": "urn:QDA-XML:project:0:4"},
        {"before": "\ufeff<?xml version='1.0' encoding='utf-8'?>"},
        {"before": ""},
        {"inner": "My study.qde"},
        {"folder": "Sources"},
    ],
    ids=["older namespace", "byte order mark", "no declaration", "another name", "capital folder"],
)
def test_variants_of_the_container_make_no_difference(write_project, inside, change: dict[str, str]) -> None:
    expected = tables(read_refi_qda(write_project(inside, {"a.txt": TEXT})))
    found = tables(read_refi_qda(write_project(inside, {"a.txt": TEXT}, **change)))
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)


def test_identifiers_match_in_any_case_with_or_without_braces(write_project, inside, guid) -> None:
    expected = tables(read_refi_qda(write_project(inside, {"a.txt": TEXT})))
    for number in (11, 40, 50):
        inside = inside.replace(f'targetGUID="{guid(number)}"', f'targetGUID="{{{guid(number).upper()}}}"')
    found = tables(read_refi_qda(write_project(inside, {"a.txt": TEXT})))
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)


def test_columns_do_not_depend_on_how_rows_are_packed(write_project, inside, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = tables(read_refi_qda(write_project(inside, {"a.txt": TEXT})))
    monkeypatch.setattr(rows, "BATCH", 1)
    for name, table in tables(read_refi_qda(write_project(inside, {"a.txt": TEXT}))).items():
        pd.testing.assert_frame_equal(table, expected[name])


def test_xml_alone_and_codebooks(tmp_path: Path, inside) -> None:
    path = tmp_path / "codes.qdc"
    codes = inside[inside.index("<Codes>") : inside.index("</CodeBook>")]
    path.write_text(
        f'<CodeBook xmlns="urn:QDA-XML:codebook:0:4" origin="ATLAS.ti 9">{codes}'
        '<Sets><Set guid="s" name="Key"><MemberCode guid="{00000000-0000-4000-8000-00000000000B}"/></Set></Sets>'
        "</CodeBook>"
    )
    project = read_refi_qda(path)
    assert project.codes["name"].to_list() == ["Engagement", "Coaching", "Leadership"]
    assert project.sets["member_name"].to_list() == ["Coaching"]
    assert project.codings.empty
    assert project.codings.dtypes["start"] == "Int64"
    assert project.case_table().empty
    assert project.case_codings().empty


def test_nvivo_writes_cases_as_codes(write_project, known, guid) -> None:
    case_code = f'<Code guid="{guid(30)}" name="Team A" isCodable="true"/></Codes>'
    passages = "".join(
        f'<PlainTextSelection guid="{guid(50 + i)}" startPosition="{start}" endPosition="{end}" name="">{inner}'
        "</PlainTextSelection>"
        for i, (start, end, inner) in enumerate(
            [(0, 29, coding(guid, 30)), (5, 9, coding(guid, 11, 61)), (30, 38, coding(guid, 11, 62))]
        )
    )
    path = write_project(
        known.replace("</Codes>", case_code)
        + f'<Cases><Case guid="{guid(30).upper()}" name="Team A"/></Cases>'
        + source(guid, passages, attributes='plainTextPath="internal://a.txt"'),
        {"a.txt": TEXT},
    )
    project = read_refi_qda(path)
    assert project.codes["name"].to_list() == ["Coaching"]
    assert project.codings["start"].to_list() == [5, 30]
    assert project.case_links[["case_name", "start", "end", "by"]].to_numpy().tolist() == [["Team A", 0, 29, "coding"]]
    assert project.case_codings()["case_name"].fillna("none").to_list() == ["Team A", "none"]
    assert project.checks.empty


@pytest.mark.parametrize("in_source", [False, True], ids=["unnamed case", "in the source"])
def test_variables_of_documents(write_project, known, guid, in_source: bool) -> None:
    value = f'<VariableValue><VariableRef targetGUID="{guid(20)}"/><TextValue>manager</TextValue></VariableValue>'
    unnamed = f'<Cases><Case guid="{guid(30)}">{value}<SourceRef targetGUID="{guid(40)}"/></Case></Cases>'
    path = write_project(
        known
        + f'<Variables><Variable guid="{guid(20)}" name="Role" typeOfVariable="Text"/></Variables>'
        + ("" if in_source else unnamed)
        + source(guid, coding(guid, 11) + (value if in_source else ""))
    )
    project = read_refi_qda(path)
    assert project.cases[["name", "kind"]].to_numpy().tolist() == [["Interview 1", "document"]]
    assert project.case_table()["Role"].to_list() == ["manager"]
    assert project.case_codings()["case_name"].to_list() == ["Interview 1"]


def test_cases_of_selections_and_of_codes(write_project, known, guid) -> None:
    passage = f'<PDFSelection guid="{guid(50)}" page="1" firstX="0" firstY="0" secondX="5" secondY="5">'
    path = write_project(
        known
        + f'<Cases><Case guid="{guid(30)}" name="Team A"><SelectionRef targetGUID="{guid(50)}"/></Case>'
        + f'<Case guid="{guid(31)}" name="Team B"><CodeRef targetGUID="{guid(11)}"/></Case></Cases>'
        + source(guid, f"{passage}{coding(guid, 11)}</PDFSelection>", "PDFSource")
    )
    project = read_refi_qda(path)
    assert project.case_links[["case_name", "by"]].to_numpy().tolist() == [["Team A", "selection"], ["Team B", "code"]]
    assert sorted(project.case_codings()["case_name"]) == ["Team A", "Team B"]


def test_codings_on_pdfs_pictures_and_recordings(write_project, known, guid) -> None:
    corners = 'firstX="1" firstY="2" secondX="3" secondY="4"'
    pdf = (
        f'<PDFSource guid="{guid(41)}" name="Plan.pdf" path="internal://plan.pdf">'
        f'<PDFSelection guid="{guid(51)}" page="7" {corners}>{coding(guid, 11)}</PDFSelection>'
        f'<Representation guid="{guid(42)}" name="" plainTextPath="internal://plan.txt">'
        f'<PlainTextSelection guid="{guid(52)}" name="Coaching" startPosition="30" endPosition="38">{coding(guid, 11)}'
        "</PlainTextSelection></Representation></PDFSource>"
    )
    picture = (
        f'<PictureSource guid="{guid(43)}" name="Board"><PictureSelection guid="{guid(53)}" {corners}>'
        f"{coding(guid, 11)}</PictureSelection></PictureSource>"
    )
    audio = (
        f'<AudioSource guid="{guid(44)}" name="Talk"><AudioSelection guid="{guid(54)}" begin="1500" end="2500">'
        f'{coding(guid, 11)}</AudioSelection><Transcript guid="{guid(45)}" name="Talk, typed">'
        f"<PlainTextContent>{TEXT}</PlainTextContent>"
        f'<SyncPoint guid="{guid(90)}" position="5" timeStamp="0"/><SyncPoint guid="{guid(91)}" position="9"/>'
        f'<TranscriptSelection guid="{guid(55)}" fromSyncPoint="{guid(90)}" toSyncPoint="{guid(91)}">'
        f"{coding(guid, 11)}</TranscriptSelection></Transcript></AudioSource>"
    )
    project = read_refi_qda(write_project(f"{known}<Sources>{pdf}{picture}{audio}</Sources>", {"plan.txt": TEXT}))
    codings = project.codings.sort_values("selection")
    assert codings["kind"].to_list() == ["pdf", "text", "picture", "audio", "text"]
    assert codings["source_name"].to_list() == ["Plan.pdf", "Plan.pdf", "Board", "Talk", "Talk"]
    assert codings["page"].fillna(0).to_list() == [7, 0, 0, 0, 0]
    assert codings["area"].fillna("").to_list() == ["1,2,3,4", "", "1,2,3,4", "", ""]
    assert codings["start"].fillna(-1).to_list() == [-1, 30, -1, 1500, 5]
    texts = codings[codings["kind"] == "text"]
    passages = [project.text(row.document)[row.start : row.end] for row in texts.itertuples()]
    assert passages == ["Coaching", "came"]
    assert project.sources.set_index("name").loc["Talk, typed", "part_of"] == guid(44)
    assert project.checks.empty


def test_a_transcript_passage_without_points_is_kept(write_project, known, guid) -> None:
    transcript = (
        f'<Transcript guid="{guid(45)}" name="typed"><PlainTextContent>{TEXT}</PlainTextContent>'
        f'<SyncPoint guid="{guid(90)}" timeStamp="0"/><TranscriptSelection guid="{guid(55)}" '
        f'fromSyncPoint="{guid(90)}" toSyncPoint="{guid(99)}">{coding(guid, 11)}</TranscriptSelection></Transcript>'
    )
    path = write_project(known + source(guid, transcript, "AudioSource"))
    with pytest.warns(TrialWarning, match="as fromSyncPoint; it is kept without that position"):
        project = read_refi_qda(path)
    assert project.codings["start"].isna().to_list() == [True]


def test_coded_notes_are_sources(write_project, known, guid) -> None:
    note = f'<Notes><Note guid="{guid(70)}" name="memo">{coding(guid, 11)}</Note><Note guid="{guid(71)}"/></Notes>'
    project = read_refi_qda(write_project(known + note))
    assert project.sources[["name", "kind"]].to_numpy().tolist() == [["memo", "note"]]
    assert project.codings["source_name"].to_list() == ["memo"]


def test_sources_of_the_same_name_stay_apart(write_project, known, guid) -> None:
    twice = source(guid, coding(guid, 11)) + source(guid, coding(guid, 11), number=41)
    project = read_refi_qda(write_project(known + twice))
    assert project.codings["source"].to_list() == [guid(40), guid(41)]


def test_coders_of_the_same_name_stay_apart(write_project, guid) -> None:
    users = f'<Users><User guid="{guid(1)}" name="Ann"/><User guid="{guid(2)}" name="Ann"/></Users>'
    path = write_project(users + CODE.format(guid(11)) + source(guid, coding(guid, 11)))
    assert read_refi_qda(path).codings["coder"].to_list() == [f"Ann ({guid(1)})"]


def test_the_coder_is_else_who_marked_the_passage(write_project, known, guid) -> None:
    passage = (
        f'<PictureSelection guid="{guid(50)}" creatingUser="{guid(1)}" creationDateTime="{TIME}">'
        f'<Coding guid="{guid(60)}"><CodeRef targetGUID="{guid(11)}"/></Coding></PictureSelection>'
    )
    path = write_project(known + source(guid, passage, "PictureSource"))
    with pytest.warns(TrialWarning, match="codings that name no coder: 1; they are taken as by who marked the passage"):
        coded = read_refi_qda(path).codings
    assert coded[["coder", "time"]].to_numpy().tolist() == [["Ann", pd.Timestamp(TIME)]]


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        (("targetGUID='code'", "targetGUID='gone'"), "known_code", "gone is no code of the file; rows with it: 1"),
        (("<CodeRef targetGUID='code'/>", ""), "known_code", "rows that name no code: 1"),
        (("name='Ann'", "name='Ann'/><User guid='u' name='Bob'"), "unique_identifier", "u is given 2 times"),
        (("<User guid='u' name='Ann'/>", ""), "known_user", "u is no user of the file"),
        (("creatingUser='u'", ""), "known_user", "rows that name no user: 1"),
        (("<SourceRef targetGUID='s'/>", "<SourceRef targetGUID='x'/>"), "known_source", "x is no source of the file"),
        (("<SourceRef", "<SelectionRef"), "known_selection", "s is no selection of the file"),
        (("<VariableRef targetGUID='v'/>", "<VariableRef targetGUID='w'/>"), "known_variable", "w is no variable"),
        ((">118<", ">high<"), "type", "values of 'Fidelity' that do not fit its type: 1"),
        (
            ("creationDateTime='2016-03-01'", "creationDateTime='1 March'"),
            "time",
            "not in ISO 8601: 1, the first '1 March'",
        ),
        (("isCodable='true'", "isCodable='yes'"), "codable", "'Coaching' has 'yes' as isCodable"),
        (("startPosition='0'", "startPosition='first'"), "whole_number", "has 'first' as startPosition"),
        (
            ("startPosition='0'", "startPosition='99999999999999999999'"),
            "whole_number",
            "has '99999999999999999999' as",
        ),
        (("startPosition='0'", "startPosition='--1'"), "whole_number", "has '--1' as startPosition"),
        ((">118<", ">1e30<"), "type", "values of 'Fidelity' that do not fit its type: 1"),
        (("plainTextPath='internal://a.txt'", ""), "text_missing", "its text is not in the project"),
        (("guid='code'", "guid='s'"), "known_code", "code is no code of the file"),
        (("internal://a.txt", "internal://b.txt"), "text_missing", "its text is not in the project"),
        (("internal://a.txt", "relative:///a.txt"), "text_missing", "its text is not in the project"),
        (("<MemberCode targetGUID='code'/>", "<MemberCode targetGUID='c'/>"), "known_member", "c is no member"),
    ],
)
def test_what_is_odd_is_kept_and_reported(write_project, change: tuple[str, str], rule: str, message: str) -> None:
    inside = (
        "<Users><User guid='u' name='Ann'/></Users>"
        "<CodeBook><Codes><Code guid='code' name='Coaching' isCodable='true'/></Codes></CodeBook>"
        "<Variables><Variable guid='v' name='Fidelity' typeOfVariable='Integer'/></Variables>"
        "<Cases><Case guid='case' name='Team A'><VariableValue><VariableRef targetGUID='v'/>"
        "<IntegerValue>118</IntegerValue></VariableValue><SourceRef targetGUID='s'/></Case></Cases>"
        "<Sources><TextSource guid='s' name='Interview' plainTextPath='internal://a.txt'>"
        "<PlainTextSelection guid='p' name='' startPosition='0' endPosition='4'>"
        "<Coding guid='g' creatingUser='u' creationDateTime='2016-03-01'><CodeRef targetGUID='code'/></Coding>"
        "</PlainTextSelection></TextSource></Sources>"
        "<Sets><Set guid='t' name='Key'><MemberCode targetGUID='code'/></Set></Sets>"
    )
    assert change[0] in inside
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = read_refi_qda(write_project(inside, {"a.txt": TEXT}))
    path = write_project(inside.replace(*change), {"a.txt": TEXT})
    with pytest.warns(TrialWarning) as caught:
        project = read_refi_qda(path)
    assert len(caught) == 1
    assert rule in project.checks["rule"].to_list()
    assert message in "\n".join(project.checks["message"])
    assert set(project.checks["severity"]) == {"warning"}
    assert [len(table) for name, table in tables(project).items() if name not in ("checks", "case_links")] == [
        len(table) for name, table in tables(whole).items() if name not in ("checks", "case_links")
    ]


def test_a_text_that_is_not_utf8_leaves_positions_as_they_are(write_project, known, guid) -> None:
    ends = 'startPosition="2" endPosition="4"'
    passage = f'<PlainTextSelection guid="{guid(50)}" {ends}>{coding(guid, 11)}</PlainTextSelection>'
    text = "café".encode("latin-1")
    path = write_project(known + source(guid, passage, attributes='plainTextPath="internal://a.txt"'), {"a.txt": text})
    with pytest.warns(TrialWarning, match="not UTF-8"):
        project = read_refi_qda(path)
    assert project.codings[["start", "end"]].to_numpy().tolist() == [[2, 4]]
    with pytest.raises(DataError, match="not UTF-8"):
        project.text(guid(40))
    with pytest.raises(DataError, match=r"no document 'other'; project\.sources lists them"):
        project.text("other")


def test_a_project_without_codings_says_so(write_project) -> None:
    with pytest.warns(TrialWarning, match="the project has no codings"):
        project = read_refi_qda(write_project())
    assert project.codings.empty
    assert project.case_codings().empty
    assert "start" in project.codings
