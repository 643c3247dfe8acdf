"""The lecture's items, run: the quick ones in full, the ones that train on a few hundred real digits."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from profond.cli import run
from profond.core.errors import ConfigError, MissingError, StorageError, UnknownName, UsageError
from profond.experiments.configuration import changed, from_recipe
from profond.experiments.experiment import assemble
from profond.explain.network.architecture import WORDS, draw
from profond.lecture import registry
from profond.lecture.charts import Series, share_dots
from profond.lecture.items.l2_parameters import value_of_formula
from profond.lecture.items.l14_pretrained import NETWORKS as PUBLISHED
from profond.lecture.items.l14_pretrained import least
from profond.lecture.networks import Network, architecture, counted, equality_claims
from profond.lecture.originals import Compared
from profond.lecture.outcome import Claim, Options, Outcome
from profond.lecture.page import page
from profond.lecture.repeats import mean_of
from profond.lecture.results import read, save_result, status
from profond.lecture.session import command_of, run_items
from profond.lecture.values import count, number
from profond.lecture.words import Words

TINY = Options(seeds=2, share=0.01, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The items that train nothing, run once and kept."""
    folder = tmp_path_factory.mktemp("lecture")
    results = {result["item"]: result for result in run_items(["L1", "L2", "L5", "L6"], Options(), folder)}
    return folder, results


@pytest.mark.slow
@pytest.mark.parametrize("item", ["L1", "L2", "L5", "L6"])
def test_an_item_that_trains_nothing_holds_exactly(kept, item):
    _, results = kept
    assert results[item]["holds"], [claim for claim in results[item]["claims"] if not claim["holds"]]


def measured(result, claim, name):
    values = {one["name"]: one["values"] for one in result["claims"]}
    return values[claim][name]["value"]


def test_the_lectures_numbers_are_measured(kept):
    _, results = kept
    assert measured(results["L2"], "small", "counted") == 669_706
    assert measured(results["L2"], "large", "counted") == 77_338_634
    assert measured(results["L1"], "bits", "total") == 24
    assert measured(results["L1"], "bits", "levels") == 256
    assert measured(results["L6"], "slide", "output") == "[[6 8] [3 4]]"
    assert measured(results["L5"], "exact", "whole") == 0


def test_a_formula_is_worked_out():
    assert value_of_formula("784·512 + 512") == 401_920
    assert value_of_formula("150,528·512 + 512") == 77_070_848


def test_pictures_are_whole_and_in_both_languages(kept):
    folder, results = kept
    for item, result in results.items():
        assert result["figures"]
        for figure in result["figures"]:
            for file in figure["files"].values():
                with Image.open(folder / item / file) as image:
                    image.load()
                    assert min(image.size) > 200


@pytest.mark.slow
def test_your_own_picture_is_looked_at(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    options = Options(image=tmp_path / "mine.png")
    for result in run_items(["L1", "L5", "L6"], options, tmp_path / "out"):
        assert result["holds"]
        assert result["used"]["image"]["value"] == "mine.png"
        assert "mine.png" in result["command"]


@pytest.mark.parametrize(
    ("size", "item", "refusal"),
    [
        ((1, 1), "L1", None),
        ((1, 1), "L6", "a window of 2 does not fit into a picture 1 high"),
        ((1, 1), "L5", "a kernel of 3 does not fit into a picture 1 high"),
        ((3, 200), "L1", None),
        ((3, 200), "L6", "a window of 4 does not fit into a picture 3 wide"),
        ((3, 200), "L5", "a kernel of 5 does not fit into a picture 3 wide"),
        ((5, 5), "L5", None),
        ((5, 5), "L6", None),
    ],
)
def test_a_picture_too_small_for_a_kernel_is_an_error_in_words_and_any_other_works(
    tmp_path, capsys, size, item, refusal
):
    Image.new("RGB", size, "teal").save(tmp_path / "small.png")
    code = run(["lecture", "run", item, "--image", str(tmp_path / "small.png"), "--out", str(tmp_path)])
    told = capsys.readouterr().err
    if refusal is None:
        assert code == 0, told
    else:
        assert code == 3
        assert refusal in told


# -- items that train ----------------------------------------------------------------------------------------------


def check(outcome, item):
    """Every claim can be said in both languages and every picture drawn; nothing of it is asserted to hold."""
    for language in ("en", "fr"):
        words = Words(language)
        for claim in outcome.claims:
            said = words(f"{item}.measured.{claim.name}", claim.values)
            assert "{" not in said
        for picture in outcome.pictures:
            picture.draw(words).canvas.draw()
        for table in outcome.tables:
            assert words(f"{item}.table.{table.name}")
            assert all(words(f"column.{name}") for name in table.columns)
            assert all(len(row) == len(table.columns) for row in table.rows)
        assert all(words(f"used.{name}") for name in outcome.used)


@pytest.mark.full
def test_permutation_is_measured_on_real_digits():
    outcome = registry.load("L3")(TINY)
    check(outcome, "L3")
    claims = {claim.name: claim for claim in outcome.claims}
    assert claims["exact"].holds  # not a matter of training
    assert 590 <= outcome.used["train"].value <= 610
    accuracy = outcome.measured["accuracy"]
    assert set(accuracy) == {"mlp", "lenet5", "convnet1d", "dilated"}
    assert all(len(values) == 2 for row in accuracy.values() for values in row.values())
    gap = outcome.measured["change"]["mlp"]["value"]
    assert claims["mlp"].holds == (abs(gap) <= outcome.measured["spread"]["mlp"])


@pytest.mark.full
def test_structure_is_measured_on_signals_images_and_clips():
    pytest.importorskip("av", reason="clips need the video extra")
    outcome = registry.load("L4")(dataclasses.replace(TINY, share=0.05))
    check(outcome, "L4")
    assert {claim.name: claim.holds for claim in outcome.claims}["parameters"]
    for row in outcome.measured["parameters"].values():
        assert row["perceptron"] == pytest.approx(row["convolution"], rel=0.03)


@pytest.mark.slow
def test_lenet5_is_measured_and_a_short_training_is_not_passed_off_as_the_real_one():
    outcome = registry.load("L7")(dataclasses.replace(TINY, seeds=1, quick=True))
    check(outcome, "L7")
    claims = {claim.name: claim for claim in outcome.claims}
    assert claims["parameters"].holds
    assert not claims["data"].holds  # 600 digits are not 60,000
    assert claims["lenet5"].holds == (outcome.measured["accuracy"]["lenet5"][0] >= 0.99)


def test_one_seed_cannot_be_compared_with_the_spread_between_seeds():
    for item in ("L3", "L4"):
        with pytest.raises(UsageError, match="seed"):
            registry.load(item)(Options(seeds=1))


@pytest.mark.parametrize("recipe", ["vowels", "digits", "clips"])
def test_an_mlp_has_as_many_parameters_as_the_convnet_beside_it(recipe):
    if recipe == "clips":
        pytest.importorskip("av", reason="clips need the video extra")
    sizes = []
    for name in (recipe, f"{recipe}_mlp"):
        config = from_recipe(name)
        if recipe == "clips":
            config = changed(config, {"data.train_clips": 10, "data.test_clips": 5})
        sizes.append(sum(p.numel() for p in assemble(config).model.parameters()))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.03)


def test_a_network_is_drawn_in_both_languages_and_no_wider_than_can_be_read():
    summary = counted(Network("resnet152", 60_192_808, 152)).summary
    drawn = {language: architecture("resnet152", summary).draw(Words(language)) for language in ("en", "fr")}
    said = {language: {text.get_text() for text in figure.axes[0].texts} for language, figure in drawn.items()}
    assert {"input", "109 layers", "1,024×14×14", "40,613,888"} <= said["en"]
    assert {"entrée", "109 couches", "1\u202f024×14×14", "40\u202f613\u202f888"} <= said["fr"]
    assert any(line.startswith("60\u202f192\u202f808 paramètres, ") for line in said["fr"])
    assert not any("," in line for line in said["fr"] if "paramètres" not in line)
    assert all(figure.bbox.width <= 900 for figure in drawn.values())
    assert draw(summary).axes[0].texts[1].get_text() in said["en"]


def test_the_drawing_s_own_words_are_those_of_the_english_catalogue():
    assert {key: Words("en").catalogue[f"drawing.{key}"] for key in WORDS} == WORDS


# -- results -------------------------------------------------------------------------------------------------------


def outcome_of(holds: bool) -> Outcome:
    return Outcome([Claim("exact", holds, {"different": count(0), "pixels": count(4)})])


def test_a_rerun_replaces_a_result_as_a_whole(tmp_path, kept):
    folder, _ = kept
    first = read(folder, "L6")
    assert first is not None
    save_result(tmp_path, "L6", registry.load("L6")(Options()), seconds=1.0, command="x", quick=False)
    assert list((tmp_path / "L6").glob("*.png"))
    save_result(tmp_path, "L6", outcome_of(False), seconds=1.0, command="x", quick=False)
    assert [path.name for path in (tmp_path / "L6").iterdir()] == ["result.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["L6"]
    assert read(tmp_path, "L6")["holds"] is False


def test_an_item_that_is_stopped_leaves_the_earlier_result(tmp_path):
    save_result(tmp_path, "L1", outcome_of(True), seconds=1.0, command="x", quick=False)
    before = (tmp_path / "L1" / "result.json").read_bytes()

    def stopped(words):
        raise KeyboardInterrupt

    from profond.lecture.outcome import Picture

    with pytest.raises(KeyboardInterrupt):
        save_result(tmp_path, "L1", Outcome([], [Picture("planes", stopped)]), seconds=1.0, command="x", quick=False)
    assert (tmp_path / "L1" / "result.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["L1"]


def test_a_replacement_killed_between_its_two_renames_loses_nothing(tmp_path):
    save_result(tmp_path, "L1", outcome_of(True), seconds=1.0, command="x", quick=False)
    (tmp_path / "L1").rename(tmp_path / ".L1.old")
    assert read(tmp_path, "L1")["holds"] is True
    save_result(tmp_path, "L1", outcome_of(False), seconds=1.0, command="x", quick=False)
    assert read(tmp_path, "L1")["holds"] is False
    assert [path.name for path in tmp_path.iterdir()] == ["L1"]


@pytest.mark.parametrize("content", ["", "{}", "[1, 2]", '{"schema_version": 99, "item": "L1"}', "\x00"])
def test_a_damaged_result_is_named(tmp_path, content):
    (tmp_path / "L1").mkdir()
    (tmp_path / "L1" / "result.json").write_text(content)
    with pytest.raises(ConfigError, match=r"result\.json is damaged") as error:
        read(tmp_path, "L1")
    assert error.value.help == "make it again: profond lecture run L1"


def test_a_result_of_another_version_is_named_before_a_page_is_made(tmp_path):
    result = save_result(tmp_path, "L1", outcome_of(True), seconds=1.0, command="x", quick=False)
    result["claims"][0]["name"] = "forgotten"
    (tmp_path / "L1" / "result.json").write_text(json.dumps(result))
    with pytest.raises(ConfigError, match="made by another version"):
        page({"L1": read(tmp_path, "L1")})


def test_a_missing_picture_is_named(tmp_path, kept):
    folder, _ = kept
    shutil.copytree(folder / "L6", tmp_path / "L6")
    (tmp_path / "L6" / "slide.fr.png").unlink()
    with pytest.raises(ConfigError, match=r"slide\.fr\.png cannot be read"):
        page({"L6": read(tmp_path, "L6")})


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_run(tmp_path):
    (tmp_path / "file").write_text("")
    told = []
    with pytest.raises(StorageError):
        list(run_items(["L1"], Options(say=told.append), tmp_path / "file" / "out"))
    assert told == []


def test_an_item_without_data_does_not_keep_the_others_from_running(tmp_path):
    @registry.register("L99")
    def lost(options):
        """An item whose data nobody has."""
        raise MissingError("no such data", "fetch it")

    try:
        results = run_items(["L99", "L2"], Options(), tmp_path)
        assert next(results)["item"] == "L2"
        with pytest.raises(MissingError, match="no such data"):
            next(results)
    finally:
        del registry._added["L99"]


def test_an_item_that_breaks_is_named_and_the_others_still_run(tmp_path, capsys):
    @registry.register("L99")
    def broken(options):
        """An item with a mistake in it."""
        raise KeyError("nothing")

    try:
        assert run(["lecture", "run", "L99", "L2", "--out", str(tmp_path)]) == 1
    finally:
        del registry._added["L99"]
    captured = capsys.readouterr()
    assert "L99 could not be run: KeyError: 'nothing'" in captured.err
    assert "L2" in captured.out
    assert "Traceback" not in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["L2"]


@pytest.mark.slow
def test_keras_runs_on_torch_where_tensorflow_is_absent_and_nothing_names_a_backend(tmp_path):
    if not importlib.util.find_spec("keras"):  # not importorskip: here, importing it is what is tried
        pytest.skip("keras is not installed")
    if importlib.util.find_spec("tensorflow"):
        pytest.skip("tensorflow is installed, and Keras runs on it")
    code = """
from profond.lecture.originals import beside_keras
found = beside_keras("mobilenet", "MobileNet", 64)
assert found.equal, found
"""
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    environment["KERAS_HOME"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_the_command_of_a_result_can_be_typed_again(tmp_path):
    options = Options(image=tmp_path / "a b.png", quick=True, seeds=3, precision="fp32")
    assert command_of("L3", options) == "profond lecture run L3 --quick --seeds 3 --precision fp32"
    assert command_of("L1", options).endswith(f"--image '{tmp_path}/a b.png' --precision fp32")


# -- the page ------------------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """Collects what a page refers to, its ids and whether its elements are closed."""

    VOID = ("meta", "link", "img", "input", "br")

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.open, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        self.links += [given[name] for name in ("src", "href") if name in given]
        self.ids += [given["id"]] if "id" in given else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


@pytest.fixture(scope="module")
def html(kept):
    folder, _ = kept
    return page({name: read(folder, name) for name in registry.names()})


def test_the_page_is_well_formed_and_needs_nothing_else(html):
    elements = Elements(html)
    assert elements.open == []
    assert len(elements.ids) == len(set(elements.ids))
    assert all(link.startswith(("data:", "#")) for link in elements.links)
    assert {link[1:] for link in elements.links if link.startswith("#")} <= set(elements.ids)
    assert "<script" not in html
    assert re.findall(r"https?://", html) == []
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_speaks_both_languages_without_a_script(html):
    elements = Elements(html)
    radios = [given for tag, given in elements.tags if tag == "input"]
    assert [given["id"] for given in radios] == ["en", "fr"]
    assert all(given["type"] == "radio" and given["aria-label"] for given in radios)
    assert "99.7%" in html
    assert "99,7\u202f%" in html
    assert "77\u202f338\u202f634" in html


def test_every_picture_has_words_and_a_size(html):
    images = [given for tag, given in Elements(html).tags if tag == "img"]
    assert images
    assert all(given["alt"] and int(given["width"]) > 200 and int(given["height"]) > 200 for given in images)


def test_the_page_says_what_is_missing_and_how_to_run_it(html):
    for item in {*registry.names()} - {"L1", "L2", "L5", "L6"}:
        assert f"profond lecture run {item}</code>" in html
    assert f"4 of {len(registry.names())} items were run; 4 hold." in html


def test_a_page_in_one_language_has_no_word_of_the_other(kept):
    folder, _ = kept
    results = {name: read(folder, name) for name in registry.names()}
    french = page(results, ["fr"])
    assert '<html lang="fr">' in french
    assert 'lang="en"' not in french
    assert "not run yet" not in french
    assert "pas encore exécuté" in french
    assert 'type="radio"' not in french


def test_a_result_cannot_smuggle_html_into_the_page(kept):
    folder, _ = kept
    result = json.loads(json.dumps(read(folder, "L1")))
    result["used"]["image"]["value"], result["used"]["image"]["kind"] = "<script>alert(1)</script>", "text"
    result["command"] = "profond <b>"
    html = page({"L1": result})
    assert "<script>" not in html
    assert "profond &lt;b&gt;" in html


def test_a_verdict_that_fails_is_shown_as_such(tmp_path):
    save_result(tmp_path, "L1", outcome_of(False), seconds=1.0, command="x", quick=True)
    html = page({"L1": read(tmp_path, "L1")})
    assert "does not hold" in html
    assert "infirmé" in html
    assert "Short version" in html


@pytest.mark.slow
def test_only_an_item_that_quick_shortens_is_called_short(tmp_path):
    for result in run_items(["L1", "L2", "L6"], Options(quick=True), tmp_path):
        assert result["quick"] is False, result["item"]
    for item in registry.names():
        source = inspect.getsource(registry.load(item))
        shortens = "options.quick else" in source or "options.repeats" in source
        assert shortens == ("shortened=options.quick" in source), item


@pytest.mark.parametrize(
    ("quick", "seeds", "english", "french"),
    [
        (False, None, "", ""),
        (True, None, "short version", "version courte"),
        (True, 1, "short version, 1\u00a0seed", "version courte, 1\u00a0graine"),
        (True, 3, "short version, 3\u00a0seeds", "version courte, 3\u00a0graines"),
        (False, 5, "5\u00a0seeds", "5\u00a0graines"),
    ],
)
def test_a_verdict_is_never_shown_without_what_it_rests_on(tmp_path, capsys, quick, seeds, english, french):
    used = {} if seeds is None else {"seeds": count(seeds)}
    outcome = dataclasses.replace(outcome_of(True), used=used)
    save_result(tmp_path, "L1", outcome, seconds=1.0, command="x", quick=quick)
    result = read(tmp_path, "L1")
    assert status(result, Words("en")) == ("holds", english)
    assert status(result, Words("fr")) == ("vérifié", french)
    contents = page({"L1": result}).partition("<nav")[2].partition("</nav>")[0]
    assert english in contents
    assert french in contents
    assert ("Short versions (--quick) among them: 1;" in page({"L1": result})) == quick
    assert run(["lecture", "list", "--language", "fr", "--out", str(tmp_path)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith(f"· vérifié ({french})" if french else "· vérifié")
    assert run(["lecture", "list", "--json", "--out", str(tmp_path)]) == 0
    listed = json.loads(capsys.readouterr().out)["items"][0]["result"]
    assert (listed["holds"], listed["quick"], listed["seeds"]) == (True, quick, seeds)


def test_what_pretrained_networks_are_asked_for_follows_from_what_was_published_alone():
    from scipy.stats import binom

    for _, published in PUBLISHED.values():
        asked = least(published, 20)
        assert binom.cdf(asked - 1, 20, published) < 0.025 <= binom.cdf(asked, 20, published)
    assert (least(0.751, 20), least(0.575, 20)) == (11, 7)
    assert least(0.751, 1000) == pytest.approx(724, abs=1)


def test_every_name_on_the_slide_is_looked_up_among_the_models(monkeypatch):
    from profond import models
    from profond.lecture.items import l13_applications

    monkeypatch.setattr(l13_applications, "QUICK", ())
    monkeypatch.setattr(l13_applications, "NETWORKS", {"MobileNet": l13_applications.NETWORKS["MobileNet"]})
    assert registry.load("L13")(Options(quick=True)).claims[0].holds
    monkeypatch.setitem(l13_applications.SLIDE, "NASNet", "nasnet_of_nobody")
    claim = registry.load("L13")(Options(quick=True)).claims[0]
    assert "nasnet_of_nobody" not in models.registry.names()
    assert not claim.holds
    assert (claim.values["there"].value, claim.values["slide"].value) == (10, 11)


def test_accuracies_are_drawn_on_an_axis_that_grows_to_the_right_as_their_ticks_do():
    values = {"a": (0.5, 0.55), "b": (0.99, 1.0)}
    for chosen in (["a", "b"], ["a"], ["b"]):
        rows = {name: {"x": Series(values[name], mean_of(values[name]))} for name in chosen}
        for language in ("en", "fr"):
            figure = share_dots(rows, Words(language), "title")
            figure.canvas.draw()
            axes = figure.axes[0]
            assert axes.get_xlim()[0] < axes.get_xlim()[1]
            ticks = [label for label in axes.get_xticklabels() if label.get_text()]
            written = [float(label.get_text().replace(",", ".").rstrip("\u202f%")) for label in ticks]
            assert len(written) >= 2
            assert written == sorted(written)
            assert written == pytest.approx([100 * place for place in axes.get_xticks()])
            boxes = [label.get_window_extent() for label in ticks]
            assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
            for name, collection in zip(chosen, axes.collections, strict=True):
                drawn = collection.get_offsets()[:, 0].tolist()
                assert drawn == pytest.approx([min(value, 1 - 1e-4) for value in values[name]])


def test_what_could_not_be_tried_here_is_neither_right_nor_wrong(tmp_path):
    missing = Compared("torchvision", "vgg16", reason="torchvision is not installed")
    wrong = Compared("keras", "VGG16", error=1.0)
    untried, failed = equality_claims([missing, wrong])
    assert (untried.holds, failed.holds) == (None, False)
    assert Outcome([untried]).holds
    assert not Outcome([untried, failed]).holds
    save_result(tmp_path, "L10", Outcome([untried]), seconds=1.0, command="x", quick=False)
    html = page({"L10": read(tmp_path, "L10")})
    assert "not tried here" in html
    assert "non essayé ici" in html
    assert "Not measured here: the library is not installed" in html
    assert "Non mesuré ici\u00a0: la bibliothèque" in html
    assert "0 of 1" not in html


def test_one_network_is_not_told_of_as_several():
    values = {"equal": count(1), "right": count(1), "networks": count(1), "error": number(0, 1)}
    for language, plural in (("en", "1 networks"), ("fr", "1 réseaux")):
        for key in ("torchvision", "parameters"):
            assert plural not in Words(language)(f"L9.measured.{key}", values)


# -- the command line ----------------------------------------------------------------------------------------------


def test_listing_does_not_import_torch(tmp_path):
    code = (
        "import sys; from profond.cli import run; code = run(['lecture', 'list', '--json', '--out', sys.argv[1]]);"
        "sys.exit(code or ('torch' in sys.modules) or ('matplotlib' in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert [row["item"] for row in document["items"]] == [f"L{n}" for n in range(1, 25)]
    assert all(row["result"] is None for row in document["items"])


def test_run_prints_statement_measure_and_verdict(tmp_path, capsys):
    assert run(["lecture", "run", "l6", "--language", "fr", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "L6  Le pooling par maximum (max pooling) · vérifié" in captured.out
    assert "→ [[6 8] [3 4]]" in captured.out
    assert captured.err.startswith("L6")
    assert run(["lecture", "list", "--json", "--out", str(tmp_path)]) == 0
    rows = {row["item"]: row["result"] for row in json.loads(capsys.readouterr().out)["items"]}
    assert rows["L6"]["holds"] is True
    assert rows["L1"] is None


def test_json_is_one_object(tmp_path, capsys):
    assert run(["lecture", "run", "L2", "--json", "--quiet", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (document["schema_version"], document["command"]) == (1, "lecture run")
    assert document["items"][0]["measured"]["mlp 1 × 28 × 28"]["parameters"] == 669_706
    assert captured.err == ""
    assert run(["lecture", "report", "--json", "--out", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["present"] == ["L2"]
    assert "L3" in document["missing"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run"], 2, "no item is named"),
        (["run", "L1", "--all"], 2, "both given"),
        (["run", "L11x"], 2, "unknown item"),
        (["run", "L1", "--seeds", "0"], 2, "seeds"),
        (["run", "L1", "--image", "/nowhere.png"], 2, "nowhere.png"),
        (["run", "L7", "--device", "abacus", "--quiet"], 5, "abacus"),
        (["report", "--language", "de"], 2, "de"),
    ],
)
def test_bad_input_gets_one_clear_error(tmp_path, capsys, arguments, code, said):
    assert run(["lecture", *arguments, "--out", str(tmp_path)]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_an_image_that_is_none_is_named(tmp_path, capsys):
    (tmp_path / "no.png").write_bytes(b"not an image")
    assert run(["lecture", "run", "L1", "--image", str(tmp_path / "no.png"), "--out", str(tmp_path / "out")]) == 3
    assert "no.png" in capsys.readouterr().err
    assert not (tmp_path / "out" / "L1").exists()


def test_an_unknown_item_gets_a_suggestion():
    with pytest.raises(UnknownName) as error:
        registry.load("L77")
    assert error.value.help == "did you mean 'L7'?"


def test_nothing_of_an_item_changes_torchs_random_state_for_the_caller():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    registry.load("L6")(Options())
    registry.load("L5")(Options())
    assert torch.equal(torch.get_rng_state(), state)
