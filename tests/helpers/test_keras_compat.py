"""The private attributes that helpers rely on are still there, and mean what they did."""

import random

import numpy as np
import tensorflow as tf
from zoo import compiled_training, nested, sequential, stateful_recurrent

import workbook
from helpers import keras_compat as generations


def test_flat_layers_reaches_layers_inside_layers(keras):
    model, _, _ = nested(keras)
    kinds = [type(layer).__name__ for layer in generations.flat_layers(model)]
    assert kinds.count("Dense") == 2
    assert kinds.count("Sequential") == 2
    assert kinds[0] == "Sequential"


def test_the_eager_seed_of_tensorflow_can_be_kept():
    tf.random.set_seed(1)
    expected = float(tf.random.uniform([]))
    tf.random.set_seed(1)
    with generations.random_state_kept():
        tf.random.set_seed(7)
        tf.random.uniform([])
        np.random.seed(7)
    assert float(tf.random.uniform([])) == expected


def test_the_state_of_a_recurrent_layer_is_outside_the_weights(keras):
    model, _, _ = stateful_recurrent(keras)
    shapes = [tuple(variable.shape) for variable in generations.other_state(model)]
    assert (32, 3) in shapes


def test_counters_of_callbacks_are_no_state_of_the_model(packages):
    model, _, _ = sequential(packages["tf_keras"])
    assert hasattr(model, "_train_counter")
    assert generations.other_state(model) == []


def test_the_generation_is_told_by_the_object(packages):
    for name, package in packages.items():
        assert generations.generation(sequential(package)[0]) == name
        assert generations.namespace(name) is package


# -- what a copy of the object graph rests on --------------------------------------------------------------------------


def test_a_copied_variable_has_memory_of_its_own():
    for value in (np.arange(6.0, dtype="float32"), np.array([True, False]), np.array(["a", "b"]), np.int64(3)):
        old = tf.Variable(value, trainable=False, name="some/name")
        new = generations.copied_variable(old)
        assert generations.same_bits(old, new)
        assert not new.trainable
        assert generations.text_keys(old, new) == {old._unique_id: new._unique_id}
        assert old._unique_id != new._unique_id
        if old.dtype == tf.float32:
            addresses = [np.asarray(generations.value_of(v)).__array_interface__["data"][0] for v in (old, new)]
            assert addresses[0] != addresses[1]


def test_what_a_variable_keeps_for_itself_is_still_named_so():
    names = set(vars(tf.Variable(1.0)))
    assert generations.own_attributes(type(tf.Variable(1.0))) <= names
    handles = [name for name, value in vars(tf.Variable(1.0)).items() if generations.is_handle(value)]
    assert handles == ["_handle"]


def test_bits_are_compared_and_not_values():
    zeros, minus = tf.Variable([0.0, np.nan]), tf.Variable([-0.0, np.nan])
    assert generations.same_bits(zeros, generations.copied_variable(zeros))
    assert not generations.same_bits(zeros, minus)
    assert not generations.same_bits(zeros, tf.Variable([0.0]))
    assert not generations.same_bits(zeros, tf.Variable([0.0, np.nan], dtype="float64"))


def test_values_are_put_back_after_every_kind_of_writing():
    variable = tf.Variable(tf.ones([3, 2]))
    kept = generations.ValuesKept([variable])
    variable.assign_add(tf.ones([3, 2]))
    variable.scatter_update(tf.IndexedSlices(tf.zeros([1, 2]), [1]))
    kept.put_back()
    np.testing.assert_array_equal(variable, np.ones([3, 2]))


def test_tables_are_copied_with_their_entries():
    keys, values = tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64)
    mutable = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    dense = tf.lookup.experimental.DenseHashTable(tf.string, tf.int64, -1, empty_key="", deleted_key="$")
    static = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)
    for table in (mutable, dense, static):
        if table is not static:
            table.insert(keys, values)
        twin = generations.copied_table(table)
        assert type(twin) is type(table)
        assert twin is not table
        np.testing.assert_array_equal(twin.lookup(tf.constant(["a", "b", "c"])), [1, 2, -1])
        if table is not static:
            twin.insert(tf.constant(["c"]), tf.constant([3], tf.int64))
            assert int(table.size()) == 2


def test_a_traced_function_is_made_again_with_its_settings():
    variable = tf.Variable(1.0)
    function = tf.function(lambda x: x + variable, input_signature=[tf.TensorSpec([None])], jit_compile=False)
    function(tf.ones(2))
    assert isinstance(function, generations.TRACED_FUNCTION)
    again = generations.retraced(function, lambda x: 2 * x)
    np.testing.assert_array_equal(again(tf.ones(2)), [2.0, 2.0])
    assert again.input_signature == function.input_signature


def test_containers_of_tensorflow_are_the_proxies_that_are_known():
    module = tf.Module()
    module.table, module.pair = {"a": tf.Variable(1.0)}, (tf.Variable(1.0), 2)
    keras_model = generations.namespace("tf_keras").Model()
    keras_model.table, keras_model.pair = {"a": tf.Variable(1.0)}, (tf.Variable(1.0), 2)
    for value in (keras_model.table, keras_model.pair):
        assert isinstance(value, generations.PROXY)
        assert type(value) is not type(value.__wrapped__)


def test_compiled_functions_of_a_model_are_still_named_so(keras):
    with compiled_training():
        model, x, y = sequential(keras)
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    compiled = {name for name, value in vars(model).items() if name.endswith("_function") and callable(value)}
    assert {"train_function", "test_function", "predict_function"} <= compiled
    assert compiled <= generations.own_attributes(type(model))
    assert not generations.own_attributes(type(model.layers[0]))


def test_a_layer_notes_the_calls_that_it_was_part_of(keras):
    model, _, _ = sequential(keras)
    layer = model.layers[0]
    records = generations.call_records(layer)
    assert [counts for _, counts in records] == [True, False]
    before = [len(calls) for calls, _ in records]
    keras.Model(model.inputs, keras.layers.Dense(2)(layer.output))
    assert [len(calls) for calls, _ in generations.call_records(layer)] == [before[0], before[1] + 1]


def test_the_same_random_numbers_are_drawn_and_compiled_functions_left_alone():
    tf.random.set_seed(3)
    draw = tf.function(lambda: tf.random.uniform([]))
    expected = [float(draw()) for _ in range(4)]
    tf.random.set_seed(3)
    again = tf.function(lambda: tf.random.uniform([]))
    found = [float(again()), float(again())]

    def drawn():
        operations = [
            tf.random.uniform([2]), tf.random.normal([2], seed=5), tf.random.shuffle([1, 2, 3, 4]),
            tf.random.categorical([[1.0, 2.0]], 4), tf.nn.dropout(tf.ones(8), 0.5), tf.random.truncated_normal([2]),
            tf.random.log_uniform_candidate_sampler([[1]], 1, 4, False, 20)[0], draw(),
        ]  # fmt: skip
        return [*map(np.asarray, operations), np.random.uniform(), random.random()]

    with generations.same_random_state() as draws:
        first = drawn()
    with generations.same_random_state(draws):
        assert all(map(np.array_equal, first, drawn()))
        assert float(tf.random.uniform([])) != float(first[0][0])
    with generations.same_random_state():
        assert not np.array_equal(first[0], drawn()[0])
    found += [float(again()), float(again())]
    assert found == expected


def test_the_generators_of_the_process_are_kept_and_start_alike(keras):
    def drawn():
        found = [tf.random.get_global_generator().uniform([])]
        found.append(keras.random.uniform([]) if keras.__name__ == "keras" else keras.initializers.HeNormal()((2, 2)))
        return [*map(np.asarray, found)]

    def start():
        workbook.set_seeds(1)
        tf.random.set_global_generator(tf.random.Generator.from_seed(1))
        drawn()

    start()
    expected = drawn()
    start()
    with generations.same_random_state() as draws:
        first = drawn()
    with generations.same_random_state(draws):
        assert all(map(np.array_equal, first, drawn()))
    assert all(map(np.array_equal, expected, drawn()))


def test_symbols_stand_for_inputs_in_their_structure(keras):
    model, _, _ = sequential(keras)
    assert tuple(generations.symbolic_inputs(model).shape) == (None, 6)
    a, b = keras.Input((2,)), keras.Input((3,))
    both = keras.Model([a, b], keras.layers.concatenate([a, b]))
    assert [tuple(symbol.shape) for symbol in generations.symbolic_inputs(both)] == [(None, 2), (None, 3)]
    assert generations.symbolic_inputs(keras.Sequential([keras.layers.Dense(2)])) is None


def test_a_layer_frozen_after_training_is_told(keras):
    with compiled_training():
        model, x, y = sequential(keras)
    assert generations.changed_since_compiled(model) == []
    model.layers[0].trainable = False
    still_trained = keras.__name__ == "keras"
    assert [layer is model.layers[0] for layer in generations.changed_since_compiled(model)] == [True] * still_trained
    before = model.layers[0].get_weights()[0]
    model.fit(x, y, verbose=0)
    assert not np.array_equal(before, model.layers[0].get_weights()[0])
    model.train_function = None
    assert generations.changed_since_compiled(model) == []


def test_bookkeeping_leaves_out_what_a_layer_is_about(keras):
    name = keras.__name__
    model, _, _ = sequential(keras)
    dense = model.layers[0]
    assert {"units", "activation", "bias"} <= vars(dense).keys() - generations.bookkeeping(name, "layer")
    assert not {"_compile_config", "_trainable", "train_function"} - generations.bookkeeping(name, "model")
    assert {"beta_1", "clipnorm"} <= vars(model.optimizer).keys() - generations.bookkeeping(name, "optimizer")


def test_a_symbolic_tensor_tells_the_call_that_it_came_from(keras):
    inputs = keras.Input((3,))
    layer = keras.layers.Dense(2)
    outputs = layer(inputs)
    assert generations.is_symbolic(outputs)
    assert not generations.is_symbolic(tf.zeros(2))
    history = generations.history(outputs)
    assert history[0] is layer
    assert history[2][0] is inputs


def test_compile_arguments_are_live_objects(keras):
    model, _, _ = sequential(keras)
    assert isinstance(generations.compile_arguments(model)["loss"], keras.losses.Loss)
    assert generations.compile_arguments(model)["metrics"] == ["accuracy"]


def test_an_optimizer_knows_variables_by_these_keys(keras):
    model, _, _ = sequential(keras)
    table = "_trainable_variables_indices" if keras.__name__ == "keras" else "_index_dict"
    known = getattr(model.optimizer, table)
    assert all(any(key in known for key in generations.variable_keys(weight)) for weight in model.weights)


def test_wrappers_of_tensorflow_are_seen_through():
    module = tf.Module()
    module.items = plain = [1, 2]
    module.table = {"a": 1}
    assert generations.is_wrapper(module.items)
    assert generations.unwrapped(module.items) is plain
    assert "_self_setattr_tracking" in generations.attributes(module.table)


def test_rounding_is_that_of_the_coarsest_layer(keras):
    stack = [keras.layers.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(2, dtype="mixed_float16")]
    assert generations.rounding(keras.Sequential(stack)) == (2.0**-10, "float16")
