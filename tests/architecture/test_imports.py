"""What is imported when: the base install has no torch, and the command line answers at once."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "mitsuba", "onnxruntime", "openvino", "cv2", "matplotlib", "skimage")


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_leadline_loads_nothing_heavy() -> None:
    assert not modules_after("import leadline").intersection(HEAVY)


def test_the_command_line_module_loads_nothing_heavy() -> None:
    assert not modules_after("import leadline.cli").intersection(HEAVY)


def test_every_public_name_can_be_imported_and_none_loads_torch() -> None:
    code = "import leadline\nfor name in leadline.__all__: getattr(leadline, name)"
    assert "torch" not in modules_after(code)


def test_an_unknown_name_is_an_attribute_error() -> None:
    import leadline

    with pytest.raises(AttributeError, match="no_such_thing"):
        leadline.no_such_thing  # noqa: B018


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    import leadline

    assert leadline.__version__ == version("leadline")
