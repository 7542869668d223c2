from __future__ import annotations

import pytest

from leadline.cli import main
from leadline.cli.serve import serve
from leadline.errors import LeadlineError


@pytest.fixture
def started(monkeypatch):
    """What `serve` would run, without running it."""
    found = {}

    def make_app(settings, predictors):
        found.update(settings=settings, predictors=predictors)
        return "app"

    def run(app, settings, listening):
        found.update(app=app, at=listening.getsockname())

    monkeypatch.setattr("leadline.server.app.make_app", make_app)
    monkeypatch.setattr("leadline.server.serve.run", run)
    monkeypatch.delenv("LEADLINE_TOKEN", raising=False)
    return found


def test_it_listens_on_this_machine_alone_unless_told_otherwise(started, capsys):
    assert serve(port=0, model=["constant"]) == 0
    assert started["at"][0] == "127.0.0.1"
    assert started["settings"].is_local
    assert started["settings"].port == started["at"][1] > 0
    assert list(started["predictors"]) == ["constant"]
    assert f"http://127.0.0.1:{started['at'][1]}" in capsys.readouterr().err


def test_open_to_others_without_a_token_it_warns_in_one_line(started, capsys):
    serve(host="0.0.0.0", port=0, model=["constant"])
    warning, *_ = capsys.readouterr().err.splitlines()
    assert "no token" in warning
    assert "--token-file" in warning


def test_the_token_is_read_from_a_file_or_the_environment(started, tmp_path, monkeypatch, capsys):
    (tmp_path / "token").write_text("long-random-word\n")
    serve(host="0.0.0.0", port=0, model=["constant"], token_file=tmp_path / "token")
    assert started["settings"].token == "long-random-word"
    assert "long-random-word" not in capsys.readouterr().err
    monkeypatch.setenv("LEADLINE_TOKEN", "other")
    serve(port=0, model=["constant"])
    assert started["settings"].token == "other"


def test_a_token_file_that_is_missing_or_empty_is_refused(started, tmp_path):
    with pytest.raises(LeadlineError, match="can't read the token file"):
        serve(port=0, token_file=tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(LeadlineError, match="is empty"):
        serve(port=0, token_file=tmp_path / "empty")


def test_limits_reach_the_server(started):
    serve(port=0, model=["constant"], max_megabytes=2, max_megapixels=3, max_seconds=4, queue=5)
    settings = started["settings"]
    assert (settings.max_bytes, settings.max_pixels, settings.max_seconds, settings.queue) == (2_000_000, 3_000_000, 4, 5)


def test_an_unknown_model_is_one_line_and_exit_code_1(started, capsys):
    with pytest.raises(SystemExit) as left:
        main(["serve", "--port", "0", "--model", "nonsense"])
    assert left.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
