"""`train`: from a folder of labelled pictures to a trained, evaluated network and its report."""

from pathlib import Path
from typing import Annotated, Literal

from martlet.workflows.run_folder import Run


def train(
    data: Annotated[Path, "Folder of class folders, alone or below train/, val/ and test/."],
    *,
    model: Annotated[str, "Network; see `martlet list`."] = "shufflenet_v2_x1_0",
    epochs: Annotated[int, "Times that the network sees every training picture."] = 30,
    batch_size: Annotated[int, "Pictures per step."] = 32,
    lr: Annotated[float | None, "Peak learning rate (default: fits optimizer and batch)."] = None,
    optimizer: Annotated[Literal["sgd", "adamw"], "The optimiser."] = "sgd",
    momentum: Annotated[float, "Momentum of SGD (Nesterov)."] = 0.9,
    weight_decay: Annotated[float, "Not applied to biases and batch norm."] = 5e-4,
    warmup_epochs: Annotated[float, "Epochs in which the learning rate rises."] = 2.0,
    label_smoothing: Annotated[float, "Share of the target spread over all classes."] = 0.1,
    drop_rate: Annotated[
        float | None, "Dropout before the classifier (default: the network's)."
    ] = None,
    ema: Annotated[float, "Decay of averaged weights per step; 0 turns averaging off."] = 0.0,
    image_size: Annotated[int, "Side of the square that the network sees, in pixels."] = 224,
    resize: Annotated[
        Literal["crop", "squash"], "Crop the centre of the picture, or squash all of it."
    ] = "crop",
    channels: Annotated[Literal["RGB", "L"], "Colour, or L for gray."] = "RGB",
    crop_scale: Annotated[float, "Smallest share of the area in a training crop."] = 0.35,
    flip: Annotated[bool, "Mirror training pictures left and right at random."] = True,
    trivial_augment: Annotated[bool, "TrivialAugment on the training pictures."] = False,
    erase: Annotated[float, "Probability of erasing a rectangle of a training picture."] = 0.0,
    small_input: Annotated[
        bool | None, "The form for small pictures (default: up to 64 pixels)."
    ] = None,
    weights: Annotated[Path | None, "Start from this run or model.safetensors."] = None,
    pretrained: Annotated[bool, "Start from torchvision's ImageNet weights (download)."] = False,
    val: Annotated[float, "Share cut out to choose the best epoch."] = 0.1,
    test: Annotated[float, "Share held out for the final figure."] = 0.2,
    max_bad: Annotated[float, "Share of unreadable pictures that is let pass."] = 0.01,
    allow_overlap: Annotated[bool, "Go on when train and test share pictures."] = False,
    seed: Annotated[int, "Same seed, same weights, on a CPU with as many threads."] = 0,
    compile: Annotated[
        Literal["auto", "on", "off"], "torch.compile; auto: where it pays for itself."
    ] = "auto",
    precision: Annotated[
        Literal["float32", "bfloat16"], "Of the forward pass; bfloat16 needs a CPU or GPU for it."
    ] = "float32",
    device: Annotated[str, "auto, cpu, cuda or mps."] = "auto",
    workers: Annotated[int | None, "Processes that prepare pictures (default: fits)."] = None,
    folder: Annotated[Path, "Where run folders lie."] = Path("runs"),
    name: Annotated[str | None, "Name of the run folder (default: DATA-MODEL)."] = None,
    resume: Annotated[bool, "Go on with the run of this name where it stopped."] = False,
    overwrite: Annotated[bool, "Replace the run of this name."] = False,
    quiet: Annotated[bool, "Print nothing."] = False,
) -> Run:
    """Train a network on a folder of labelled pictures.

    Then score it on held-out pictures and write its report.

    The run folder holds model.safetensors (the best epoch), resume.safetensors (the last step),
    metrics.csv, TensorBoard events, split.json, curves.png, confusion.png, predictions.png and
    report.html. A run that was stopped or killed goes on with the same command and `--resume`,
    and ends with the weights that it would have had.

    Raises MartletError, one sentence, for anything in the arguments or the data that is wrong;
    no earlier run is touched then.
    """
    from martlet.console.progress import Voice
    from martlet.models import spec
    from martlet.training.recipe import Recipe
    from martlet.workflows import train_run, train_setup
    from martlet.workflows.recipe_file import command_line

    command = command_line(train, locals())
    data = Path(data)
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        lr=train_setup.default_lr(optimizer, batch_size) if lr is None else lr,
        warmup_epochs=warmup_epochs,
        optimizer=optimizer,
        momentum=momentum,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        drop_rate=spec(model).drop_rate if drop_rate is None else drop_rate,
        crop_scale=crop_scale,
        flip=flip,
        trivial_augment=trivial_augment,
        erase=erase,
        ema=ema,
        seed=seed,
        precision=precision,
        compiled=compile == "on",
    )
    known = train_setup.known_settings(model, weights, pretrained, channels)
    plan = train_run.Plan(
        data=data,
        folder=Path(folder) / (name or f"{data.resolve().name}-{model}"),
        model=spec(model).name,
        preprocess=train_setup.preprocess_for(image_size, resize, channels, known),
        small_input=image_size <= 64 if small_input is None else small_input,
        weights=weights,
        pretrained=pretrained,
        val=val,
        test=test,
        max_bad=max_bad,
        allow_overlap=allow_overlap,
        compile=compile,
        device=device,
        workers=workers,
        resume=resume,
        overwrite=overwrite,
        command=command,
    )
    return train_run.carry_out(plan, recipe, Voice(quiet))
