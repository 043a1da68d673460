"""The methods of cloning do what their texts say."""

import pytest
from zoo import sequential, subclass_with_config

import helpers
from workbook.methods import ALL_METHODS

BUILT_IN_ONLY = {"new_instance"}


@pytest.mark.parametrize("name", [name for name in ALL_METHODS if name not in BUILT_IN_ONLY])
def test_a_method_is_called_correct_if_and_only_if_its_clone_is_true(name, keras):
    model, x, y = sequential(keras)
    assert helpers.audit(model, ALL_METHODS[name](model, x), x, y).ok == ALL_METHODS[name].correct


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ALL_METHODS))
def test_the_code_of_a_method_makes_what_its_function_makes(name, keras, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, x, y = subclass_with_config(keras)
    keras.utils.get_custom_objects()[type(model).__name__] = type(model)
    try:
        scope = {
            "MyModel": type(model),
            "copy": __import__("copy"),
            "helpers": helpers,
            "inputs": x,
            "keras": keras,
            "model": model,
            "same_arguments": {"units": model.units, "activation": model.activation},
        }
        exec(ALL_METHODS[name].code, scope)
        by_code = helpers.audit(model, scope["clone"], x, y).failures
        by_function = helpers.audit(model, ALL_METHODS[name](model, x), x, y).failures
    finally:
        del keras.utils.get_custom_objects()[type(model).__name__]
    assert by_code == by_function


def test_a_new_instance_needs_a_class_of_ones_own(keras):
    model, x, _ = sequential(keras)
    with pytest.raises(TypeError, match="Use clone_model"):
        ALL_METHODS["new_instance"](model, x)
