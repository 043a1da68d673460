"""The private attributes that helpers rely on are still there, and mean what they did."""

import re
from pathlib import Path

import numpy as np
import tensorflow as tf
from zoo import compiled_training, nested, sequential

from helpers import keras_compat, tf_private


def test_flat_layers_reaches_layers_inside_layers(keras):
    model, _, _ = nested(keras)
    kinds = [type(layer).__name__ for layer in tf_private.flat_layers(model)]
    assert kinds.count("Dense") == 2
    assert kinds.count("Sequential") == 2
    assert kinds[0] == "Sequential"


def test_a_copied_variable_has_memory_of_its_own():
    for value in (np.arange(6.0, dtype="float32"), np.array([True, False]), np.array(["a", "b"]), np.int64(3)):
        old = tf.Variable(value, trainable=False, name="some/name")
        new = tf_private.copied_variable(old)
        assert tf_private.same_bits(old, new)
        assert not new.trainable
        assert tf_private.unique_id(old) == old._unique_id
        assert tf_private.unique_id(old) != tf_private.unique_id(new)
        if old.dtype == tf.float32:
            addresses = [np.asarray(tf_private.value_of(v)).__array_interface__["data"][0] for v in (old, new)]
            assert addresses[0] != addresses[1]


def test_a_copied_variable_is_a_variable_like_any_other():
    old = tf.Variable([[1.0, 2.0]], shape=[None, 2], trainable=False)
    new, other = tf_private.copied_variable(old), tf.Variable([[1.0, 2.0]], shape=[None, 2], trainable=False)
    assert type(new) is type(other)
    assert vars(new).keys() == vars(other).keys()
    assert new.handle._handle_data == other.handle._handle_data
    assert vars(new.handle).keys() == vars(other.handle).keys()
    own = {*tf_private.own_attributes(type(new)), "_handle_name"}
    assert {name: value for name, value in vars(new).items() if name not in own} == {
        name: value for name, value in vars(other).items() if name not in own
    }

    @tf.function
    def doubled():
        new.assign_add(new)
        return tf.reduce_sum(new)

    assert doubled() == 6
    with tf.GradientTape() as tape:
        tape.watch(new)
        result = tf.reduce_sum(new * new)
    np.testing.assert_array_equal(tape.gradient(result, new), [[4, 8]])
    new.assign(tf.ones([3, 2]))
    np.testing.assert_array_equal(old, [[1, 2]])


def test_a_class_has_records_if_its_objects_may_have_some(keras):
    layer = keras.layers.Dense(1)
    symbol = layer(keras.Input((2,)))
    assert tf_private.call_records(layer)
    assert tf_private.made_by(symbol)
    module = tf.Module()
    module.held = [tf.Variable(1.0)]
    assert tf_private.tracking_notes(module)
    held = [layer, symbol, module, module.held]
    assert all(tf_private.has_records(type(each)) for each in held)
    assert not any(map(tf_private.has_records, (list, dict, str, np.ndarray)))


def test_what_a_variable_keeps_for_itself_is_still_named_so():
    names = set(vars(tf.Variable(1.0)))
    assert tf_private.own_attributes(type(tf.Variable(1.0))) <= names
    handles = [name for name, value in vars(tf.Variable(1.0)).items() if tf_private.is_handle(value)]
    assert handles == ["_handle"]


def test_bits_are_compared_and_not_values():
    zeros, minus = tf.Variable([0.0, np.nan]), tf.Variable([-0.0, np.nan])
    assert tf_private.same_bits(zeros, tf_private.copied_variable(zeros))
    assert not tf_private.same_bits(zeros, minus)
    assert not tf_private.same_bits(zeros, tf.Variable([0.0]))
    assert not tf_private.same_bits(zeros, tf.Variable([0.0, np.nan], dtype="float64"))


def test_tables_are_copied_with_their_entries():
    keys, values = tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64)
    mutable = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    dense = tf.lookup.experimental.DenseHashTable(tf.string, tf.int64, -1, empty_key="", deleted_key="$")
    static = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)
    for table in (mutable, dense, static):
        if table is not static:
            table.insert(keys, values)
        clone = tf_private.copied_table(table)
        assert type(clone) is type(table)
        assert clone is not table
        np.testing.assert_array_equal(clone.lookup(tf.constant(["a", "b", "c"])), [1, 2, -1])
        if table is not static:
            clone.insert(tf.constant(["c"]), tf.constant([3], tf.int64))
            assert int(table.size()) == 2


def test_tables_of_vectors_are_copied_with_their_entries():
    keys, values = tf.constant([3], tf.int64), tf.constant([[1.0, 2.0]])
    dense = tf.lookup.experimental.DenseHashTable(tf.int64, tf.float32, [0.0, 0.0], empty_key=-1, deleted_key=-2)
    mutable = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, [0.0, 0.0])
    pairs = tf.lookup.experimental.DenseHashTable(tf.int64, tf.int64, 0, empty_key=[-1, -1], deleted_key=[-2, -2])
    for table, key, value in ((dense, keys, values), (mutable, keys, values), (pairs, [[1, -1]], [5])):
        table.insert(tf.constant(key, tf.int64), tf.constant(value, table.value_dtype))
        clone = tf_private.copied_table(table)
        np.testing.assert_array_equal(clone.lookup(tf.constant(key, tf.int64)), value)
        assert [len(part) for part in tf_private.table_entries(clone)] == [1, 1]


def test_what_a_data_set_uses_is_found():
    variable = tf.Variable(1.0)

    def in_python(number):
        return float(number) + 1.0

    numbers = tf.data.Dataset.range(3)
    assert tf_private.captured(numbers.shuffle(2).batch(2)) == []
    (found,) = tf_private.captured(numbers.map(lambda number: variable * 2.0).batch(2))
    assert found is variable
    (found,) = tf_private.captured(numbers.map(lambda number: tf.numpy_function(in_python, [number], tf.float64)))
    assert found is in_python
    generated = tf.data.Dataset.from_generator(in_python, output_signature=tf.TensorSpec([]))
    assert in_python in tf_private.captured(generated)
    assert tf_private.captured(tf.function(lambda: tf.constant(1.0)).get_concrete_function()) == []


def test_tensorflow_notes_what_an_object_holds():
    module = tf.Module()
    module.part = part = tf.Module()
    listed, by_name = tf_private.tracking_notes(module)
    assert [(note.name, note.ref) for note in listed] == [("part", part)] and by_name == {"part": part}
    module.part = None
    assert [len(notes) for notes in tf_private.tracking_notes(module)] == [1, 1]


def test_the_call_that_made_a_symbolic_tensor_is_found(keras):
    inputs = keras.Input((3,))
    layer = keras.layers.Dense(2)
    first, second = layer(inputs), layer(inputs)
    assert [tf_private.made_by(each) for each in (first, second)] == [[call] for call in layer._inbound_nodes]
    assert tf_private.made_by(tf.zeros(2)) == []


def test_a_model_or_module_gets_a_different_name(keras):
    for model in (keras.Sequential([keras.layers.Dense(2)]), keras.layers.Dense(2), tf.Module()):
        tf_private.rename(model, "different")
        assert model.name == "different"


def test_the_scope_of_a_template_is_that_of_the_process():
    template = tf.compat.v1.make_template("scale", lambda: tf.compat.v1.get_variable("w", []))
    template()
    template()  # the second call keeps the manager of its scope
    scope = template._variable_scope_context_manager
    kinds = {type(value) for value in vars(scope._cached_pure_variable_scope).values()}
    assert any(map(tf_private.is_constant_class, kinds))


def test_a_layer_notes_from_which_folder_it_was_loaded(packages, tmp_path):
    keras = packages["tf_keras"]
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path, save_format="tf")
    layer = keras.models.load_model(tmp_path).layers[0]
    assert tf_private.own_attributes(type(layer)) & set(vars(layer)) == {"_serialized_attributes"}


def test_a_traced_function_is_made_again_with_its_settings():
    variable = tf.Variable(1.0)
    function = tf.function(lambda x: x + variable, input_signature=[tf.TensorSpec([None])], jit_compile=False)
    function(tf.ones(2))
    assert isinstance(function, tf_private.TRACED_FUNCTION)
    again = tf_private.retraced(function, lambda x: 2 * x)
    np.testing.assert_array_equal(again(tf.ones(2)), [2.0, 2.0])
    assert again.input_signature == function.input_signature


def test_containers_of_tensorflow_are_the_proxies_that_are_known():
    module = tf.Module()
    module.table, module.pair = {"a": tf.Variable(1.0)}, (tf.Variable(1.0), 2)
    keras_model = keras_compat.namespace("tf_keras").Model()
    keras_model.table, keras_model.pair = {"a": tf.Variable(1.0)}, (tf.Variable(1.0), 2)
    for value in (keras_model.table, keras_model.pair):
        assert isinstance(value, tf_private.PROXY)
        assert type(value) is not type(value.__wrapped__)


def test_compiled_functions_of_a_model_are_still_named_so(keras):
    with compiled_training():
        model, x, y = sequential(keras)
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    compiled = {name for name, value in vars(model).items() if name.endswith("_function") and callable(value)}
    assert {"train_function", "test_function", "predict_function"} <= compiled
    assert compiled <= tf_private.own_attributes(type(model))
    assert not compiled & tf_private.own_attributes(type(model.layers[0]))


def test_a_layer_notes_the_calls_that_it_was_part_of(keras):
    model, _, _ = sequential(keras)
    layer = model.layers[0]
    records = tf_private.call_records(layer)
    assert [counts for _, counts in records] == [True, False]
    before = [len(calls) for calls, _ in records]
    keras.Model(model.inputs, keras.layers.Dense(2)(layer.output))
    assert [len(calls) for calls, _ in tf_private.call_records(layer)] == [before[0], before[1] + 1]


def test_a_symbolic_tensor_tells_the_call_that_it_came_from(keras):
    inputs = keras.Input((3,))
    layer = keras.layers.Dense(2)
    outputs = layer(inputs)
    assert tf_private.is_symbolic(outputs)
    assert not tf_private.is_symbolic(tf.zeros(2))
    history = tf_private.history(outputs)
    assert history[0] is layer
    assert history[2][0] is inputs


def test_compile_arguments_are_live_objects(keras):
    model, _, _ = sequential(keras)
    assert isinstance(tf_private.compile_arguments(model)["loss"], keras.losses.Loss)
    assert tf_private.compile_arguments(model)["metrics"] == ["accuracy"]


def test_wrappers_of_tensorflow_are_seen_through():
    module = tf.Module()
    module.items = plain = [1, 2]
    module.table = {"a": 1}
    assert tf_private.is_wrapper(module.items)
    assert tf_private.unwrapped(module.items) is plain
    assert "_self_setattr_tracking" in tf_private.attributes(module.table)


def test_a_checkpoint_tracks_what_it_is_given():
    checkpoint = tf.train.Checkpoint(step=tf.Variable(1))
    assert tf_private.is_tracker(checkpoint) and "step" in vars(checkpoint)
    assert not tf_private.is_tracker(tf.constant(1.0))


def test_a_distribution_notes_whether_its_parameters_were_asked_for():
    import tensorflow_probability as tfp

    normal = tfp.distributions.Normal(0.0, 1.0)
    assert vars(normal).keys() >= {"_parameters", "_parameters_sanitized"} and "loc" in normal.parameters
    assert "_parameters_sanitized" in tf_private.LIBRARY_INTERNALS


def test_the_learning_rate_is_what_the_optimizer_holds(keras):
    plain = keras.optimizers.Adam(0.25)
    assert float(np.asarray(tf_private.learning_rate(plain))) == 0.25
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    assert tf_private.learning_rate(keras.optimizers.Adam(schedule)) is schedule


def test_the_learning_rate_of_a_legacy_optimizer_is_found(packages):
    assert tf_private.learning_rate(packages["tf_keras"].optimizers.legacy.Adam(0.25)) == 0.25


def test_the_flags_of_the_last_compilation_are_found(packages):
    model, _, _ = sequential(packages["keras"])
    flags = tf_private.compiled_trainable_flags(model)
    assert flags[model.layers[0]] is True
    assert tf_private.compiled_trainable_flags(tf.Module()) == {}


def test_private_modules_of_the_libraries_are_imported_in_one_place_only():
    private = re.compile(r"^ *(from|import) (tensorflow\.python|keras\.src|tf_keras\.src)", re.MULTILINE)
    sources = Path(tf_private.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if private.search(path.read_text("utf-8"))] == ["tf_private.py"]


def test_a_model_without_a_strategy_has_the_default_one(keras):
    model, _, _ = sequential(keras)
    assert type(model.distribute_strategy) is tf_private.NO_STRATEGY
    assert keras_compat.strategy(model) is None
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert keras_compat.strategy(keras.Sequential([keras.layers.Dense(1)])) is not None


def test_a_variable_of_a_strategy_is_held_by_those_of_its_replicas():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        held = tf.Variable([1.0, 2.0])
    (replica,) = tf_private.replicas(held)
    assert replica.handle._distributed_container() is held
    tf_private.set_value(held, [3.0, 4.0])
    np.testing.assert_array_equal(tf_private.value_of(replica), [3.0, 4.0])
    replica.handle._distributed_container = None
    tf_private.join_replicas(held)
    assert replica.handle._distributed_container() is held
    alone = tf.Variable(1.0)
    assert tf_private.replicas(alone) == [alone]


def test_functions_run_eagerly_in_one_thread_only():
    traced = tf.function(tf.executing_eagerly)
    with tf_private.functions_run_eagerly():
        assert traced()
        assert tf.config.functions_run_eagerly()
    assert tf.config.functions_run_eagerly() is False
    assert not traced()


def test_what_a_function_has_traced_is_listed():
    function = tf.function(lambda x: x + 1)
    assert tf_private.concrete_functions(function) == []
    function(tf.ones(2))
    (traced,) = tf_private.concrete_functions(function)
    assert traced.structured_input_signature[0][0].shape == (2,)
