"""Tests mirror the source: tests/x/test_y.py tests src/martlet/x/y.py, or it is said here where."""

from fnmatch import fnmatch
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "martlet"
# Files without a test of their name (a pattern): where they are tested, and why there.
ELSEWHERE = {
    "__main__": ("cli/test_main.py", "one call"),
    "version": ("cli/test_main.py", "a constant"),
    "api/list": ("api/test_show.py", "the same rows, many at once"),
    "compiler/codegen/*": ("compiler/codegen/test_emit.py", "parts of one text, compiled whole"),
    "compiler/frontend/*": ("compiler/frontend/test_importer.py", "steps of reading one file"),
    "compiler/ir/*": ("compiler/frontend/test_importer.py", "data that every pass carries"),
    "compiler/kernels/*": ("compiler/test_rare_graphs.py", "C is compiled and run, by graphs"),
    "compiler/lowering/*": ("compiler/test_rare_graphs.py", "seen in what the C computes"),
    "compiler/runtime/layer_times": ("compiler/test_profile.py", "read by the profile alone"),
    "console/grid": ("console/test_tables.py", "how every table is laid out"),
    "console/progress": ("cli/test_main.py", "what is printed while a verb runs"),
    "console/result": ("cli/test_main.py", "what a verb prints"),
    "data/boxes/files": ("data/boxes/test_voc_xml.py", "a step of reading one file"),
    "data/boxes/found": ("data/boxes/test_coco.py", "what every format fills"),
    "data/boxes/listing": ("data/boxes/test_read.py", "what every format gives"),
    "console/box_tables": ("workflows/test_predict_boxes.py", "what two verbs print"),
    "workflows/train/first_weights": ("workflows/train/test_start.py", "where they come from"),
    "tasks/detection/limits": ("tasks/detection/test_rows.py", "constants of both selections"),
    "workflows/named_pictures": ("api/test_explain.py", "names of what is written"),
    "data/boxes/kind": (
        "workflows/train/fields/test_boxes.py",
        "a row of the table, through its verbs",
    ),
    "compiler/codegen/boxes_*": (
        "compiler/codegen/test_boxes_header.py",
        "parts of one text, compiled whole",
    ),
    "models/detectors/detector": ("models/detectors/test_lite.py", "what a detector defines"),
    "data/kind": ("api/test_train.py", "the fields of a row of the table"),
    "data/odd": ("data/test_cache.py", "what a cache says of its pictures"),
    "data/pictures/shards/index": (
        "data/pictures/shards/test_samples.py",
        "what is written and read back",
    ),
    "data/pictures/shards/inspect": (
        "data/pictures/shards/test_write.py",
        "a step of writing and of reading",
    ),
    "data/pictures/shards/scan": (
        "data/pictures/shards/test_samples.py",
        "others' shards, as samples",
    ),
    "data/scenes/to_input": ("data/scenes/test_kind.py", "seen in what the network is given"),
    "console/experiment_tables": ("cli/test_main.py", "what a verb prints"),
    "workflows/measured_rows": ("workflows/on_device/test_measure_on.py", "a file of such rows"),
    "workflows/on_device/connection": (
        "workflows/on_device/test_measure_on.py",
        "stand-ins for the programs",
    ),
    "workflows/reproduce/experiment": (
        "workflows/reproduce/test_reading.py",
        "what a file is read as",
    ),
    "compiler/passes/einsum_products": ("compiler/kernels/test_einsum.py", "the faster way"),
    "compiler/frontend/choosing": ("compiler/kernels/test_gathering.py", "the operators"),
    "compiler/frontend/rounded_pools": ("compiler/test_rare_graphs.py", "its pools"),
    "compiler/lowering/winograd": ("compiler/kernels/test_winograd.py", "which are taken"),
    "compiler/lowering/ends": ("compiler/kernels/test_convert.py", "the caller's arrays"),
    "compiler/lowering/recurrent": ("compiler/kernels/test_recurrent.py", "its layers"),
    "compiler/lowering/whole_numbers": ("compiler/lowering/test_kernel_table.py", "its sentences"),
    "workflows/reproduce/experiment_file": (
        "workflows/reproduce/test_reading.py",
        "what files of all kinds have",
    ),
    "workflows/reproduce/training_file": ("workflows/reproduce/test_reading.py", "such a file"),
    "workflows/reproduce/speed": ("workflows/reproduce/test_speed_file.py", "what a file says"),
    "workflows/reproduce/speed_outcome": (
        "workflows/reproduce/test_speed_measuring.py",
        "the end of the verb",
    ),
    "workflows/reproduce/outcome": (
        "workflows/reproduce/test_reproduce.py",
        "the end of the verb",
    ),
    "workflows/reproduce/tasks": ("workflows/reproduce/test_reproduce.py", "the queue's runs"),
    "workflows/reproduce/train_run": ("workflows/reproduce/test_reproduce.py", "one run of them"),
    "api/reproduce": ("workflows/reproduce/test_reproduce.py", "one call"),
    "workflows/train/siblings": (
        "workflows/train/test_protocols.py",
        "runs that lie beside each other",
    ),
    "workflows/train/scene": ("workflows/train/test_protocols.py", "the end of training"),
    "data/scenes/contents": ("data/scenes/test_formats.py", "what every format gives"),
    "data/series/to_input": ("data/series/test_preprocess.py", "the same numbers"),
    "exporting/trained": ("exporting/test_formats.py", "what every format gets"),
    "measuring/recorder": ("measuring/test_cost.py", "what cost counts with"),
    "models/mobilenet_v3_form": ("models/test_mobilenet_v3.py", "a table of that network"),
    "models/shufflenet_v1_*": ("models/test_shufflenet_v1.py", "parts of that network"),
    "models/widths": ("models/test_table.py", "the spelling of names in the table"),
    "models/weights/pytorchcv_published": ("models/weights/test_published.py", "a table"),
    "models/weights/reading": ("api/test_convert.py", "others' files, through the verb"),
    "ops/bare": ("measuring/test_cost.py", "what cost runs in the network's place"),
    "ops/tracing": ("models/test_all_networks.py", "seen when networks are traced"),
    "report/point_labels": ("report/test_experiment_figure.py", "seen in the pictures"),
    "report/harmful": ("report/test_style.py", "a constant"),
    "storage/fingerprint": ("compiler/test_artifacts.py", "one call"),
    "tasks/task": ("tasks/test_tasks.py", "the fields of a row of the table"),
    "training/*_fields": ("training/test_recipe.py", "what a recipe inherits"),
    "training/ranges": ("training/test_recipe.py", "what options accept"),
    "training/job": ("training/test_loop.py", "what the loop works on"),
    "data/loader": ("data/test_batches.py", "the same batches, from other processes"),
    "training/run_files": ("api/test_train.py", "names of files"),
    "training/state": ("training/test_loop.py", "what the loop changes"),
    "workflows/*": ("api", "a verb's steps, through the verb: its files and sentences are seen"),
}
# Tests of more than one file.
BROAD = {
    *("arguments", "docs", "family", "gpu", "layers", "mirror"),
    *("pages", "preprocess_everywhere", "public_api", "readme", "all_at_tiny", "all_networks"),
    *(
        "detect_example",
        "rare_graphs",
        "our_networks",
        "other_libraries",
        "onnx_backend",
        "microcontrollers",
    ),  # of the compiler
    *(
        "sanitizers",
        "interrupted",
        "disks",
        "example",
        "mutated_files",
        "mutated_networks",
        "mutants",
    ),
    *("mutated_scenes", "mutated_recordings", "mutated_annotations"),
}


def sources() -> list[str]:
    paths = [path for path in SOURCE.rglob("*.py") if path.name != "__init__.py"]
    return sorted(path.relative_to(SOURCE).with_suffix("").as_posix() for path in paths)


def own_test(source: str) -> Path:
    folder, _, name = source.rpartition("/")
    return TESTS / folder / f"test_{name}.py"


def test_every_file_has_its_test() -> None:
    without = [name for name in sources() if not own_test(name).exists()]
    unsaid = [name for name in without if not any(fnmatch(name, e) for e in ELSEWHERE)]
    assert unsaid == [], "write tests/x/test_y.py, or say here where it is tested and why"
    idle = [e for e in ELSEWHERE if not any(fnmatch(name, e) for name in without)]
    assert idle == [], "these need no exception any longer"
    assert [test for test, _ in ELSEWHERE.values() if not (TESTS / test).exists()] == []


def test_every_test_has_its_file() -> None:
    for path in TESTS.rglob("test_*.py"):
        folder, name = path.parent.relative_to(TESTS), path.stem.removeprefix("test_")
        own = SOURCE / folder / f"{name}.py"
        package = SOURCE / folder / "__init__.py" if name == folder.name else own
        assert name in BROAD or own.exists() or package.exists(), path
