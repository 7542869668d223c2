"""The command line: thin, builds a Predictor and hands it on; nothing imports it."""

from __future__ import annotations

import sys
from typing import NoReturn

from cyclopts import App, CycloptsError

from leadline import __version__
from leadline.cli.compare import compare
from leadline.cli.data import app as data_app
from leadline.cli.evaluate import evaluate
from leadline.cli.export import export
from leadline.cli.label import app as label_app
from leadline.cli.models import app as models_app
from leadline.cli.odometry import odometry
from leadline.cli.predict import predict
from leadline.cli.scale import app as scale_app
from leadline.cli.serve import serve
from leadline.cli.stereo import stereo
from leadline.cli.synth import synth
from leadline.cli.train import train
from leadline.errors import LeadlineError

app = App(
    name="leadline",
    help="Depth from photos, video and stereo rigs that says what its numbers mean.",
    help_epilogue="Exit codes: 0 done, 1 something failed, 2 wrong usage. --debug shows tracebacks.",
    version=__version__,
    help_format="plaintext",
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `main` says what a Ctrl-C leaves behind
)
app.command(predict)
app.command(stereo)
app.command(serve)
app.command(train)
app.command(synth)
app.command(evaluate)
app.command(compare)
app.command(export)
app.command(label_app)
app.command(scale_app)
app.command(odometry)
app.command(models_app)
app.command(data_app)
app.register_install_completion_command(add_to_startup=False)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line on `arguments` (those of the process by default) and exit with 0, 1 or 2."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    try:
        code = app(tokens, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _say(" ".join(str(error).split()) + " (leadline --help)")
        sys.exit(2)
    except KeyboardInterrupt:
        _say("stopped; what was finished is whole, nothing else was written")
        sys.exit(130)
    except LeadlineError as error:
        if debug:
            raise
        _say(str(error))
        sys.exit(1)
    except ModuleNotFoundError as error:
        if debug or (error.name or "").startswith("leadline"):
            raise
        _say(f"this needs the package {error.name!r}, which the base install leaves out: {_remedy(error.name or '')}")
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe (head, less) has gone: nothing to tell
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        _say(f"unexpected {type(error).__name__}: {' '.join(str(error).split())} (run again with --debug and report it)")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _remedy(package: str) -> str:
    extras = {
        "mitsuba": "synth",
        "trimesh": "synth",
        "skimage": "synth",
        "matplotlib": "eval",
        "pillow_heif": "heic",
        "pyarrow": "labels",
        "ray": "cluster,labels",
        "fastapi": "serve",
        "pydantic": "serve",
        "python_multipart": "serve",
        "starlette": "serve",
        "uvicorn": "serve",
    }
    return f"pip install 'leadline[{extras.get(package.partition('.')[0], 'train')}]'"


def _say(message: str) -> None:
    print(f"leadline: {message}", file=sys.stderr)
