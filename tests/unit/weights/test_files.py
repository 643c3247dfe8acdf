"""Files of weights that are damaged or hostile are refused with one clear error, and nothing in them is run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from profond.core.errors import ConfigError
from profond.weights.hdf5 import counted
from profond.weights.keras_file import open_layers
from profond.weights.pretrained import load_pretrained
from profond.weights.restricted_pickle import read_arrays, unpickle
from profond.weights.torch_file import TENSOR_GLOBALS, read_tensors

STATE = {"conv.weight": torch.arange(24.0).reshape(2, 3, 2, 2), "conv.bias": torch.tensor([1.0, -2.0])}


class Code:
    """Unpickled without care, makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.fixture(autouse=True)
def memory_stays():
    """No file here may make the process grow by as much as it claims to hold."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300 << (20 if os.uname().sysname == "Darwin" else 10)


def layers_of(path):
    with open_layers(path) as layers:
        return [(layer.name, layer.kind, [weight.read() for weight in layer.weights]) for layer in layers]


def legacy(path, weights):
    """A Keras ``.h5``: layer name to {weight name: array}."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight in arrays]
            for weight, array in arrays.items():
                group.create_dataset(weight, data=array)
    return path


def refused(reader, path):
    with pytest.raises(ConfigError) as caught:
        reader(path)
    assert str(path) in caught.value.message
    return caught.value.message


# Pickles


@pytest.mark.parametrize("protocol", range(6))
def test_pickled_arrays_are_read_in_every_protocol(tmp_path, protocol):
    arrays = {"conv": [np.arange(6.0).reshape(2, 3).T, np.ones(2, "f4")], "alone": np.arange(4, dtype=">i2")}
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(arrays, protocol))
    found = read_arrays(path)
    assert list(found) == ["conv", "alone"]
    for name, expected in (("conv", arrays["conv"]), ("alone", [arrays["alone"]])):
        for mine, theirs in zip(found[name], expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("protocol", range(6))
def test_code_in_a_pickle_is_named_and_not_run(tmp_path, protocol):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"conv": [np.ones(2)], "more": Code(tmp_path / "made")}, protocol))
    assert "mkdir" in refused(read_arrays, path)
    assert not (tmp_path / "made").exists()


def test_a_pickled_array_of_objects_is_refused(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"conv": np.array([Code(tmp_path / "made")], dtype=object)}))
    refused(read_arrays, path)
    assert not (tmp_path / "made").exists()


def test_a_pickle_that_promises_more_than_it_has_is_refused(tmp_path):
    whole = pickle.dumps({"conv": np.ones(4, "f4")}, 2)
    path = tmp_path / "a.pkl"
    path.write_bytes(whole.replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85"))  # the shape (4,) becomes (2147483647,)
    assert path.read_bytes() != whole
    assert "promises" in refused(read_arrays, path)
    path.write_bytes(b"\x80\x02}r\xff\xff\xff\xff.")  # the dictionary is to be remembered in place 4294967295
    assert "promises" in refused(read_arrays, path)


@pytest.mark.parametrize("kept", [0, 1, 10, 60, -1])
def test_a_pickle_cut_short_is_refused(tmp_path, kept):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"conv": np.ones(40, "f4")}, 4)[:kept])
    refused(read_arrays, path)


def test_something_else_than_arrays_is_refused(tmp_path):
    path = tmp_path / "a.pkl"
    for content in ([1, 2], {"conv": "text"}, {"conv": [np.ones(2), 3]}, 7):
        path.write_bytes(pickle.dumps(content))
        refused(read_arrays, path)


DOUBLED = b")q\0" + b"".join(bytes([104, i, 104, i, 0x86, 113, i + 1]) for i in range(60))
"""A tuple of a tuple twice of a tuple twice …: 60 levels, remembered in place 60."""
NEST, TEXT = b"h\x3c", b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
STORAGE = b"(X\7\0\0\0storagectorch\nFloatStorage\n%sX\3\0\0\0cpu%stQ"
TENSOR = b"}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE % (b"X\1\0\0\0a", b"K\0") + b"%s\x89}tRs."
ENDLESS = {
    "a key that is a tuple": DOUBLED + b"}" + NEST + b"Ns.",
    "keys that are tuples": DOUBLED + b"}(" + NEST + b"Nu.",
    "a dictionary of tuples": DOUBLED + b"(" + NEST + b"Nd.",
    "an ordered dictionary of pairs": DOUBLED + b"ccollections\nOrderedDict\n](" + NEST + b"N\x86e\x85R.",
    "a set": DOUBLED + b"\x8f(" + NEST + b"\x90.",
    "a frozen set": DOUBLED + b"(" + NEST + b"\x91.",
    "a number type": DOUBLED + b"cnumpy\ndtype\n" + NEST + b"\x85R.",
    "a shape": DOUBLED + b"cnumpy\nndarray\n)R(K\1" + NEST + b"cnumpy\ndtype\nX\2\0\0\0f4\x85R\x89U\0tb.",
    "an encoding": DOUBLED + b"c_codecs\nencode\n" + NEST + NEST + b"\x86R.",
    "a storage's name": DOUBLED + STORAGE % (NEST, b"K\0") + b".",
    "a storage's length": DOUBLED + STORAGE % (b"X\1\0\0\0a", NEST) + b".",
    "a tensor's place": DOUBLED + TENSOR % (NEST + NEST + b")"),
    "a shape and its strides": DOUBLED + TENSOR % (b"K\0" + NEST + NEST),
    "depth": b")" + b"\x85" * 100_000 + b".",
    "a deep key": b"})" + b"\x85" * 100_000 + b"Ns.",
    "instructions": b"N" * 1_100_000 + b".",
    "marks": b"(" * 100_000 + b".",
    "one text, decoded often": TEXT + b"q\0c_codecs\nencode\nq\1](" + b"h\1h\0\x85R" * 8_000 + b"e.",
    "one text, many arrays": TEXT
    + b"q\0cnumpy\ndtype\nX\2\0\0\0u1\x85Rq\2}X\1\0\0\0a]("
    + b"cnumpy\nndarray\n)R(K\1J\0\0\x10\0\x85h\2\x89h\0tb" * 5_000
    + b"es.",
    "a long number": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"\xff.",
    "a long text": b"\x8d" + struct.pack("<Q", 1 << 40) + b".",
}
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from profond.core.errors import ConfigError
from profond.weights.restricted_pickle import read_arrays, unpickle
from profond.weights.torch_file import TENSOR_GLOBALS, read_tensors
for path in sys.argv[1:]:
    resource.setrlimit(resource.RLIMIT_CPU, (int(resource.getrusage(resource.RUSAGE_SELF).ru_utime) + 10, -1))
    try:
        (read_arrays if path.endswith(".pkl") else read_tensors)(path)
    except ConfigError as error:
        assert len(error.message) < 1000
        continue
    sys.exit(f"{path} was read")
"""


@pytest.mark.slow
def test_no_pickle_takes_more_than_its_length_in_time_or_memory(tmp_path):
    files = []
    for number, content in enumerate(ENDLESS.values()):
        files.append(tmp_path / f"{number}.pkl")
        files[-1].write_bytes(b"\x80\x02" + content)
        if len(content) < 100_000:
            files.append(tmp_path / f"{number}.pth")
            with zipfile.ZipFile(files[-1], "w") as archive:
                archive.writestr("a/data.pkl", b"\x80\x02" + content)
    before = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    keys = before + pickle.dumps({}, 2) + b"\x80\x02" + DOUBLED + b"]" + NEST + b"a."
    for name, content in (("tensors", before + b"\x80\x02" + ENDLESS["a key that is a tuple"]), ("keys", keys)):
        (tmp_path / f"{name}.pth").write_bytes(content)
        files.append(tmp_path / f"{name}.pth")
    done = subprocess.run([sys.executable, "-c", LIMITED, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def test_an_ordered_dictionary_as_python_2_wrote_it_is_read(tmp_path):
    names = b"\x80\x02ccollections\nOrderedDict\n](](X\4\0\0\0convK\1ee\x85R."  # a list of pairs is its argument
    assert unpickle(io.BytesIO(names), TENSOR_GLOBALS, len(names), tmp_path / "a.pth") == {"conv": 1}


# PyTorch


def test_a_list_of_files_that_is_itself_a_bomb_is_refused_unread(tmp_path):
    for name, reader in (("a.pth", read_tensors), ("a.keras", layers_of)):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02}.")
        whole = path.read_bytes()
        end = whole.rindex(b"PK\5\6")
        path.write_bytes(bytes(9 << 20) + whole[: end + 12] + struct.pack("<L", 9 << 20) + whole[end + 16 :])
        assert "list of files" in refused(reader, path)


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_pytorch_are_read(tmp_path, zipped):
    path = tmp_path / "a.pth"
    torch.save(OrderedDict(STATE), path, _use_new_zipfile_serialization=zipped)
    found = read_tensors(path)
    assert list(found) == list(STATE)
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


def test_a_state_dict_inside_a_checkpoint_is_found(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in STATE.items()}, "epoch": 3}, path)
    assert list(read_tensors(path)) == list(STATE)


def test_bfloat16_and_parameters_are_read(tmp_path):
    path = tmp_path / "a.pth"
    state = {"weight": torch.nn.Parameter(torch.ones(3)), "half": torch.ones(2, dtype=torch.bfloat16)}
    torch.save(state, path)
    found = read_tensors(path)
    assert torch.equal(found["weight"], torch.ones(3))
    assert found["half"].dtype == torch.bfloat16


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pth_is_named_and_not_run(tmp_path, zipped):
    path = tmp_path / "a.pth"
    torch.save({**STATE, "more": Code(tmp_path / "made")}, path, _use_new_zipfile_serialization=zipped)
    assert "mkdir" in refused(read_tensors, path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_pth_cut_short_is_refused(tmp_path, zipped, share):
    path = tmp_path / "a.pth"
    torch.save({"weight": torch.ones(5000)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(read_tensors, path)


def test_a_pth_that_promises_a_huge_storage_is_refused_before_it_is_made(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"weight": torch.ones(300)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    huge = b"\x8a\x06" + (10**13).to_bytes(6, "little")
    changed = content.replace(b"M\x2c\x01", huge)  # 300, wherever it is promised
    assert changed != content
    path.write_bytes(changed)
    assert "promises" in refused(read_tensors, path)


def test_a_compressed_pth_is_refused(tmp_path):
    plain, path = tmp_path / "plain.pth", tmp_path / "a.pth"
    torch.save({"weight": torch.zeros(1_000_000)}, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
    assert path.stat().st_size < 100_000
    assert "compressed" in refused(read_tensors, path)


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x02}.", os.urandom(5000)])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_what_is_not_a_file_of_weights_is_refused(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    refused(read_tensors, path)


def test_a_text_named_pth_is_said_to_be_no_pytorch_file(tmp_path):
    (tmp_path / "text.pth").write_text("once upon a time")
    assert "is not a PyTorch file" in refused(read_tensors, tmp_path / "text.pth")


def test_a_zip_without_its_end_is_said_to_end_early(tmp_path):
    torch.save(STATE, tmp_path / "whole.pth")
    (tmp_path / "part.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:300])
    assert "ends early" in refused(read_tensors, tmp_path / "part.pth")


@pytest.mark.parametrize("reader", [read_tensors, lambda path: load_pretrained("mobilenet", path)])
@pytest.mark.parametrize("name", ["folder.pth", "folder"])
def test_a_folder_is_said_to_be_one(tmp_path, reader, name):
    (tmp_path / name).mkdir()
    assert "is a folder" in refused(reader, tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "there is no file" in refused(read_tensors, tmp_path / "a.pth")


def test_a_tensor_alone_is_not_a_state_dict(tmp_path):
    path = tmp_path / "a.pth"
    torch.save(torch.ones(3), path)
    assert "no tensors by name" in refused(read_tensors, path)


# safetensors


def test_safetensors_are_read(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(STATE, path)
    found = read_tensors(path)
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


def test_a_safetensors_header_longer_than_the_file_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    assert "header" in refused(read_tensors, path)


def test_a_safetensors_header_that_is_a_bomb_is_refused_unread(tmp_path):
    path = tmp_path / "a.safetensors"
    header = b'{"a":' + b"[" * (20 << 20)
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    assert "header" in refused(read_tensors, path)


def test_a_safetensors_that_promises_more_than_it_has_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    header = json.dumps({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"1234")
    refused(read_tensors, path)


# HDF5


def test_the_layers_of_an_h5_are_listed_with_their_numbers(tmp_path):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype("f4")
    path = legacy(tmp_path / "a.h5", {"input": {}, "conv": {"conv/kernel:0": kernel, "conv/bias:0": np.ones(4)}})
    [(name, kind, weights)] = layers_of(path)
    assert (name, kind) == ("conv", "")
    np.testing.assert_array_equal(weights[0], kernel)
    assert weights[1].dtype == np.float32


def test_a_huge_shape_that_is_only_promised_is_refused(tmp_path):
    path = legacy(tmp_path / "a.h5", {"conv": {"kernel": np.ones(2)}})
    with h5py.File(path, "a") as file:
        del file["conv/kernel"]
        file["conv"].create_dataset("kernel", shape=(10**6, 10**7), dtype="f4", chunks=(1000, 1000), fillvalue=1)
    assert path.stat().st_size < 100_000
    assert "promises" in refused(layers_of, path)


def test_a_compressed_dataset_is_refused(tmp_path):
    path = legacy(tmp_path / "a.h5", {"conv": {"kernel": np.ones(2)}})
    with h5py.File(path, "a") as file:
        del file["conv/kernel"]
        file["conv"].create_dataset("kernel", data=np.zeros(10**6, "f4"), compression="gzip", chunks=(10**6,))
    assert "compressed" in refused(layers_of, path)


def test_numbers_that_lie_in_another_file_are_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(400))
    path = legacy(tmp_path / "a.h5", {"conv": {"kernel": np.ones(2)}})
    other = legacy(tmp_path / "b.h5", {"conv": {"kernel": np.ones(100, "f4")}})
    layout = h5py.VirtualLayout(shape=(100,), dtype="f4")
    layout[:] = h5py.VirtualSource(str(other), "conv/kernel", shape=(100,))
    ways = {
        "external dataset": lambda group: group.create_dataset(
            "kernel", shape=(100,), dtype="f4", external=[(str(secret), 0, 400)]
        ),
        "virtual dataset": lambda group: group.create_virtual_dataset("kernel", layout),
        "external link": lambda group: group.__setitem__("kernel", h5py.ExternalLink(str(other), "/conv/kernel")),
        "soft link": lambda group: group.__setitem__("kernel", h5py.SoftLink("/elsewhere")),
    }
    for way, write in ways.items():
        with h5py.File(path, "a") as file:
            del file["conv/kernel"]
            write(file["conv"])
        message = refused(layers_of, path)
        assert ("link to elsewhere" if "link" in way else "another file") in message, way


def test_a_group_that_contains_itself_is_refused(tmp_path):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/conv2d")
        group["layers"] = file["layers"]
    assert "never end" in refused(layers_of, path)


def test_names_that_are_the_same_again_and_again_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:  # 20,000 times the same layer of 6,000 times the same weight
        file.attrs["layer_names"] = np.array([b"c"] * 20_000)
        file.create_group("c").attrs["weight_names"] = np.array([b"k"] * 6_000)
        file["c"].create_dataset("k", data=np.ones(10, "f4"))
    assert "never end" in refused(layers_of, path)


def test_one_long_name_that_is_referred_to_again_and_again_is_refused(tmp_path):
    path = legacy(tmp_path / "a.h5", {"conv": {"kernel": np.ones(2)}})
    long, count = 1_000_000, 2_000
    with h5py.File(path, "a") as file:
        del file.attrs["layer_names"]
        file.attrs.create("layer_names", ["x" * long, *(f"y{i}" for i in range(count))], dtype=h5py.string_dtype())
    content = bytearray(path.read_bytes())
    start = content.index(struct.pack("<I", long))
    while content[start + 16 : start + 20] != struct.pack("<I", 2):  # the text y0 is the next reference
        start = content.index(struct.pack("<I", long), start + 1)
    content[start + 16 : start + 16 * (count + 1)] = content[start : start + 16] * count
    path.write_bytes(content)
    assert "bytes" in refused(layers_of, path)


def test_names_of_varying_length_are_read(tmp_path):
    path = legacy(tmp_path / "a.h5", {"conv": {"kernel": np.ones(2)}})
    with h5py.File(path, "a") as file:
        del file.attrs["layer_names"]
        file.attrs["layer_names"] = ["conv"]
    assert [name for name, _, _ in layers_of(path)] == ["conv"]


def test_what_is_not_floating_point_is_refused(tmp_path):
    for array in (np.ones(3, "i4"), np.array([b"text"])):
        path = legacy(tmp_path / "a.h5", {"conv": {"kernel": array}})
        assert "floating-point" in refused(layers_of, path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("name", ["a.h5", "a.weights.h5", "a.keras"])
def test_an_hdf5_file_cut_short_is_refused(tmp_path, share, name):
    path = legacy(tmp_path / name, {"conv": {"kernel": np.ones((50, 50), "f4")}})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(layers_of, path)


def test_bytes_changed_at_random_give_numbers_or_a_clear_error(tmp_path):
    whole = legacy(tmp_path / "whole.h5", {"conv": {"kernel": np.ones((4, 4), "f4")}}).read_bytes()
    random = np.random.default_rng(0)
    for number in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 8):
            damaged[place] = random.integers(256)
        path = tmp_path / f"{number}.h5"
        path.write_bytes(damaged)
        with contextlib.suppress(ConfigError):  # any other error fails
            layers_of(path)


def test_a_keras_archive_without_weights_or_compressed_is_refused(tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    assert "no model.weights.h5" in refused(layers_of, path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(10**6))
    assert "compressed" in refused(layers_of, path)


def test_a_list_of_names_that_is_cut_into_parts_is_put_together(tmp_path):
    path = legacy(tmp_path / "a.h5", {"one": {"kernel": np.ones(2)}, "two": {"kernel": np.ones(3)}})
    with h5py.File(path, "a") as file:
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [b"one"], [b"two"]
    assert [name for name, _, _ in layers_of(path)] == ["one", "two"]


def test_names_are_counted_as_people_do():
    names = ["conv2d_10", "conv2d", "conv2d_9", "block_1_expand", "a_1_2"]
    assert [counted(name) for name in names] == [
        ("conv2d", 10),
        ("conv2d", 0),
        ("conv2d", 9),
        ("block_1_expand", 0),
        ("a_1", 2),
    ]
