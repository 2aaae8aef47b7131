import pytest

import core_trial as ct
from core_trial.errors import DataError, OutputError, PlanError

NAMES = {"T01": "Team A", "T02": "Team B"}
SUBJECTS = {"teams": list(NAMES), "themes": ["senior_support", "buy-in"], "outcomes": ["fidelity"]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "meta.toml"


def read(path, text):
    path.write_text(text, encoding="utf-8")
    return ct.mixed_methods.read_meta_inferences(path, SUBJECTS, NAMES)


def test_a_template_reads_back_with_nothing_written(path):
    assert ct.mixed_methods.write_meta_inferences(path, SUBJECTS) == path
    meta = ct.mixed_methods.read_meta_inferences(path, SUBJECTS, NAMES)
    assert meta[["kind", "subject"]].to_numpy().tolist() == [
        ["teams", "T01"],
        ["teams", "T02"],
        ["themes", "senior_support"],
        ["themes", "buy-in"],
        ["outcomes", "fidelity"],
    ]
    assert meta[["finding", "meta_inference", "fit"]].isna().all(axis=None)


def test_the_template_is_the_same_each_time(path, tmp_path):
    ct.mixed_methods.write_meta_inferences(path, SUBJECTS)
    again = ct.mixed_methods.write_meta_inferences(tmp_path / "again.toml", SUBJECTS)
    assert again.read_bytes() == path.read_bytes()
    assert b"\r" not in path.read_bytes()


def test_what_people_wrote_is_never_replaced(path):
    path.write_text("written")
    with pytest.raises(OutputError, match=r"meta\.toml exists, and what people wrote in it stays"):
        ct.mixed_methods.write_meta_inferences(path, SUBJECTS)
    assert path.read_text() == "written"


def test_texts_are_read(path):
    meta = read(path, '[teams.T02]\nmeta_inference = " Both say so. "\nfit = "confirmation"\n')
    assert meta[["kind", "subject", "meta_inference", "fit"]].to_numpy().tolist() == [
        ["teams", "T02", "Both say so.", "confirmation"]
    ]
    assert meta["finding"].isna().all()


def test_an_empty_file_has_no_rows(path):
    assert read(path, "").empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[team.T01]\n", "team: there is no such table; did you mean 'teams'?"),
        ("[teams.T03]\n", "teams, T03: there is no 'T03' among the teams; did you mean 'T0"),
        ("[themes.zebra]\n", "there is no 'zebra' among the themes; there are senior_support, buy-in"),
        (
            '[teams.T01]\nmeta_inferences = "x"\n',
            "teams, T01: meta_inferences: there is no such key; did you mean 'meta_inference'?",
        ),
        ("[teams.T01]\nfinding = 3\n", "teams, T01: finding: write text in quotes"),
        (
            '[teams.T01]\nfit = "agrees"\n',
            "teams, T01: fit: 'agrees' is none of confirmation, expansion, discordance, silence",
        ),
        ('[teams]\nT01 = "text"\n', "teams, T01: write a table [teams.T01] with the keys finding, meta_inference, fit"),
        ("teams = 3\n", "teams: there is no such table"),
        ("[teams.T01\n", "meta.toml is not valid TOML"),
    ],
)
def test_faults_are_named(path, text, message):
    with pytest.raises(PlanError) as raised:
        read(path, text)
    assert message in str(raised.value)


def test_all_faults_come_at_once(path):
    with pytest.raises(PlanError) as raised:
        read(path, '[teams.T09]\n[teams.T01]\nfinding = 1\nfit = "no"\n')
    assert str(raised.value).count("\n") == 3


def test_a_text_with_the_code_of_a_team_is_refused(path):
    with pytest.raises(DataError, match=r"'meta_inference' gives the code of a team in row 2"):
        read(path, '[teams.T01]\n[teams.T02]\nmeta_inference = "unlike T01, it rose"\n')


def test_a_file_that_is_not_there_or_no_text_is_an_error(path):
    with pytest.raises(PlanError, match=r"cannot read meta\.toml"):
        ct.mixed_methods.read_meta_inferences(path, SUBJECTS, NAMES)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanError, match=r"not UTF-8"):
        ct.mixed_methods.read_meta_inferences(path, SUBJECTS, NAMES)
