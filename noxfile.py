"""Sessions: `nox -s analysis` runs the whole analysis, `nox -s tests` the tests; others check code and numbers."""

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]


def install(session: nox.Session) -> None:
    """The locked versions, hashes checked, and this package editable."""
    session.install("--require-hashes", "-r", "requirements-dev.lock")
    session.install("--no-deps", "-e", ".")


@nox.session
def analysis(session: nox.Session) -> None:
    """The whole analysis on the embedded synthetic trial, or on the folder given after `--`."""
    session.install("--require-hashes", "-r", "requirements.lock")
    session.install("--no-deps", ".")
    session.run("core-trial", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, on all cores."""
    install(session)
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the layers of the architecture."""
    install(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Static types."""
    install(session)
    session.run("mypy")


@nox.session
def reference(session: nox.Session) -> None:
    """Make the stored results of R again; needs the packages that the scripts load."""
    install(session)
    session.run("python", "tests/reference/regenerate.py", *session.posargs)
    session.run("python", "tests/reference/synthetic_trial/page.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Print our speed as a ratio to the reference programs, from one run."""
    install(session)
    for name in session.posargs or ("lmm", "batch", "mmrm", "glmm", "gee", "panel", "streaming"):
        session.run("python", f"benchmarks/{name}.py")


@nox.session
def size(session: nox.Session) -> None:
    """Type I error and coverage of every analysis at 25 clusters: an hour on two cores, resumed where it stopped."""
    install(session)
    session.run("python", "benchmarks/size/study.py", *session.posargs)
    session.run("python", "benchmarks/size/fay_graubard.py")
    session.run("python", "benchmarks/size/report.py")


@nox.session
def lock(session: nox.Session) -> None:
    """Resolve the dependencies again and write both locks, with hashes and without registry addresses."""
    session.install("uv")
    for extra, name in (("io", "requirements.lock"), ("dev", "requirements-dev.lock")):
        session.run(
            *("uv", "pip", "compile", "pyproject.toml", "--extra", extra, "--universal", "--python-version", "3.11"),
            *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--upgrade", "-o", name),
        )
