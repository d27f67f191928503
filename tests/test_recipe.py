"""Recipes: typed, with all faults at once, each with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from socratic_cli.errors import RecipeError
from socratic_cli.recipe import Recipe, merged, read

RECIPES = Path(__file__).parent.parent / "recipes"
GOOD = """\
train: {source: "arithmetic:2/train", limit: 3}
test: arithmetic:2/test
students: [parrot]
training: {epochs: 2, learning_rate: 3e-4}
arms:
  cot: cot
  next: {scheme: socratic ask=next, seeds: [1, 2]}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        read(write(folder, text), overrides)
    assert caught.value.exit_code == 2
    return [line.replace(str(folder), "") for line in str(caught.value).splitlines()]


def test_a_recipe_is_typed(tmp_path: Path) -> None:
    recipe = read(write(tmp_path, GOOD))
    assert recipe.name == "recipe"
    assert recipe.training.learning_rate == 0.0003
    assert recipe.test.source == "arithmetic:2/test"
    assert recipe.arms["cot"].scheme == "cot"
    assert recipe.arms["next"].seeds == (1, 2)


def test_settings_are_changed_from_outside(tmp_path: Path) -> None:
    recipe = read(write(tmp_path, GOOD), ["training.epochs=1", "test.limit=5", "arms.cot.decoding.temperature=0.5"])
    assert recipe.training.full_epochs == 1
    assert recipe.test.limit == 5
    assert recipe.test.source == "arithmetic:2/test"
    assert recipe.arms["cot"].decoding == {"temperature": 0.5}
    assert recipe.arms["cot"].scheme == "cot"


def test_an_option_of_a_short_form_can_be_set(tmp_path: Path) -> None:
    text = GOOD.replace("seeds: [1, 2]", "solving: socratic ask=next")
    changes = ["teacher.name=gold", "arms.cot.scheme.shots=2", "arms.next.solving.repeats=end"]
    recipe = read(write(tmp_path, text), changes)
    assert recipe.arms["cot"].scheme == {"name": "cot", "shots": 2}
    assert recipe.arms["next"].solving == {"name": "socratic", "ask": "next", "repeats": "end"}
    [fault] = faults(tmp_path, text, "annotation.stpes=drop")
    assert "Did you mean 'steps'?" in fault


def test_all_faults_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    text = GOOD.replace("epochs: 2", "epocs: 2").replace("3e-4", "fast").replace("limit: 3", "limit: many")
    found = faults(tmp_path, text)
    assert [line.split(": ")[0] for line in found] == ["/recipe.yaml:1", "/recipe.yaml:4", "/recipe.yaml:4"]
    assert "unknown key 'epocs'. Did you mean 'epochs'?" in "\n".join(found)
    assert "learning_rate" in "\n".join(found)


def test_unknown_parts_are_told_before_anything_runs(tmp_path: Path) -> None:
    text = GOOD.replace("[parrot]", "[parrott]").replace("ask=next", "ask=never").replace("cot: cot", "cot: coot")
    found = "\n".join(faults(tmp_path, text))
    assert "recipe.yaml:3: students.0: unknown student 'parrott'. Did you mean 'parrot'?" in found
    assert "recipe.yaml:6: arms.cot.scheme: unknown scheme 'coot'. Did you mean 'cot'?" in found
    assert "recipe.yaml:7: arms.next.scheme: socratic: ask" in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "students: [parrot]\n", 'recipe.yaml:8: found duplicate key "students"'),
        ("arms: [", "recipe.yaml:"),
        ("- a\n", "a recipe is a mapping"),
        ("", "a recipe is a mapping"),
        (GOOD.replace("test: arithmetic:2/test\n", ""), "the key 'test' is missing"),
        (GOOD.replace("arms:", "arms: {}\nold:"), "unknown key 'old'"),
        (GOOD.replace("epochs: 2", "epochs: 2, max_steps: 3"), "recipe.yaml:4: training: give epochs or max_steps"),
        (GOOD.replace("seeds: [1, 2]", "training: {epoch: 1}"), "recipe.yaml:7: arms.next.training: unknown option"),
        (
            GOOD.replace("seeds: [1, 2]", "decoding: {max_new_tokens_of: {planer: 9}}"),
            "recipe.yaml:7: arms.next.decoding: max_new_tokens_of: socratic ask=next has no role 'planer'",
        ),
        (
            GOOD.replace("seeds: [1, 2]", "solving: cot"),
            "recipe.yaml:7: arms.next.solving: cot asks otherwise than",
        ),
        (
            GOOD.replace("seeds: [1, 2]", 'castings: [{decomposer: gold}], decoding: {samples: "2", temperature: 1}'),
            "recipe.yaml:7: arms.next.castings: a casting solves each problem once",
        ),
        (GOOD.replace("seeds: [1, 2]", "seeds: [1, 2, 1]"), "recipe.yaml:7: arms.next.seeds.2: 1 is there twice"),
        (
            GOOD.replace("seeds: [1, 2]", "students: [parrot, parrot]"),
            "recipe.yaml:7: arms.next.students.1: parrot is there twice, and would count as two",
        ),
        (
            GOOD.replace("seeds: [1, 2]", "seeds: []"),
            "recipe.yaml:7: arms.next.seeds: there is none: name one at least",
        ),
        (
            GOOD.replace("seeds: [1, 2]", "students: [parrot, parrot delay=0.0]"),
            "recipe.yaml:7: arms.next.students.1: parrot is there twice, and would count as two",
        ),
        (
            GOOD.replace("seeds: [1, 2]", "castings: [{decomposer: gold}, {decomposer: gold}, {}]"),
            "recipe.yaml:7: arms.next.castings.1: {'decomposer': 'gold'} is there twice",
        ),
        (
            GOOD.replace("epochs: 2", "epochs: 2, seed: 7"),
            "recipe.yaml:4: training.seed: a recipe says its seeds once, for all that is random: write seeds: [7]",
        ),
        (
            GOOD.replace("seeds: [1, 2]", "decoding: {seed: 7}"),
            "recipe.yaml:7: arms.next.decoding.seed: a recipe says its seeds once",
        ),
        (
            GOOD.replace("seeds: [1, 2]", "oracle: [decomposer]"),
            "recipe.yaml:7: arms.next.oracle: an oracle is a casting",
        ),
    ],
)
def test_a_faulty_recipe_names_file_and_line(tmp_path: Path, text: str, told: str) -> None:
    assert told in "\n".join(faults(tmp_path, text))


def test_the_steps_of_a_verifier_displace_the_epochs_of_its_arm(tmp_path: Path) -> None:
    arm = "training: {epochs: 2}, decoding: {samples: 2, temperature: 1}, verifier: {training: {max_steps: 5}}"
    recipe = read(write(tmp_path, GOOD.replace("seeds: [1, 2]", arm)))
    assert recipe.arms["next"].verifier is not None


def test_faulty_changes_are_told(tmp_path: Path) -> None:
    assert "--set training" in faults(tmp_path, GOOD, "training")[0]
    assert "unknown key 'epoch'" in faults(tmp_path, GOOD, "training.epoch=1")[0]
    assert "holds no keys" in faults(tmp_path, GOOD, "students.a=1")[0]


def test_no_is_a_word_and_a_small_number_a_number(tmp_path: Path) -> None:
    text = GOOD.replace("students: [parrot]", "students: [parrot]\nname: no").replace("3e-4", "1e-5")
    recipe = read(write(tmp_path, text))
    assert (recipe.name, recipe.training.learning_rate) == ("no", 0.00001)


def test_a_missing_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read(tmp_path / "none.yaml")


def test_epochs_and_steps_displace_one_another(tmp_path: Path) -> None:
    training = read(write(tmp_path, GOOD)).training
    assert merged(training, {"max_steps": 7}).epochs is None
    assert merged(merged(training, {"max_steps": 7}), {"epochs": 1}).max_steps is None


def test_every_shipped_recipe_opens_and_says_how_to_run_it() -> None:
    paths = sorted(RECIPES.glob("*.yaml"))
    assert [path.stem for path in paths] == [
        "arithmetic-steps",
        "gsm8k-cpu",
        "gsm8k-gpt2",
        "quickstart",
        "strategyqa-cpu",
        "strategyqa-gpt2",
        "svamp-cpu",
        "svamp-gpt2",
    ]
    for path in paths:
        recipe = read(path)
        head = path.read_text(encoding="utf-8").partition("\ntrain:")[0]
        assert isinstance(recipe, Recipe)
        assert f"socratic run recipes/{path.name}" in head
        assert "# Needs:" in head
        assert "# Takes:" in head
        assert all(line.startswith("#") for line in head.splitlines())


@pytest.mark.parametrize(
    ("decoding", "told"),
    [
        ("{backend: vlm}", "arms.cot.decoding: unknown backend 'vlm'. Did you mean 'vllm'?"),
        ("{backend: vllm}", "arms.cot.decoding: parrot runs itself and knows no backend 'vllm': leave it out"),
    ],
)
def test_a_backend_that_nobody_heeds_is_told_before_anything_runs(decoding: str, told: str, tmp_path: Path) -> None:
    text = GOOD.replace("cot: cot", f"cot: {{scheme: cot, decoding: {decoding}}}")
    assert told in "\n".join(faults(tmp_path, text))


ARM = "  cot: {scheme: cot, decoding: {samples: 4, temperature: 0.7}, verifier: {samples: 3}}"


@pytest.mark.parametrize(
    ("arm", "told"),
    [
        ("  cot: {scheme: cot, verifier: {samples: 1}}", "arms.cot.verifier: a verifier chooses among several chains"),
        ("  cot: {scheme: cot, decoding: {choose: best}}", "arms.cot.decoding: choose=best is among several chains"),
        (ARM.replace("samples: 4", "samples: 4, choose: vote"), "arms.cot.verifier: chains vote without a verifier"),
        (ARM.replace("samples: 4,", ""), "arms.cot.verifier: a verifier chooses among several chains"),
        (ARM.replace("samples: 3", "scheme: cot"), "arms.cot.verifier.scheme: this is the scheme of no verifier"),
        (ARM.replace("samples: 3", "scheme: verifer"), "unknown scheme 'verifer'. Did you mean 'verifier'"),
        (
            ARM.replace("samples: 3", "sample: 3"),
            "arms.cot.verifier.sample: unknown key 'sample'. Did you mean 'samples'",
        ),
        (ARM.replace("samples: 3", "student: parott"), "Did you mean 'parrot'"),
        (ARM.replace("samples: 3", "training: {epoch: 1}"), "arms.cot.verifier.training: unknown option 'epoch'"),
        (ARM.replace("samples: 3", "decoding: {temperature: 0}"), "arms.cot.verifier.decoding: samples vote only if"),
        ("  cot: verifier", "arms.cot.scheme: a verifier solves nothing itself"),
    ],
)
def test_a_faulty_verifier_is_told_before_anything_runs(arm: str, told: str, tmp_path: Path) -> None:
    (found,) = faults(tmp_path, GOOD.replace("  cot: cot", arm))
    assert found.startswith("/recipe.yaml:6: ")
    assert told in found


def test_a_verifier_of_an_arm_is_typed(tmp_path: Path) -> None:
    text = GOOD.replace("  cot: cot", ARM.replace("samples: 3", "train: arithmetic:3/train"))
    verifier = read(write(tmp_path, text)).arms["cot"].verifier
    assert verifier is not None
    assert verifier.train is not None
    assert (verifier.samples, verifier.train.source) == (8, "arithmetic:3/train")
