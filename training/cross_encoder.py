"""What the reader's and the checker's training have in common: encoder, batches, the loop, the export.

A loop resumes from its checkpoint.  The learning rate falls to zero with the steps, or with
the time where the time given ends first, so that a slow machine sees fewer examples and still
ends well.
"""

import json
import random
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, AutoModel

from assistant.embedding import _bundled_folder
from assistant.onnx_model import TOKENIZER, WORDS, WORDS_IN_GRAPH, file_hash, open_tokenizer, place_of


class Window(Protocol):
    """One sequence of token ids in two segments."""

    ids: list[int]
    types: list[int]


W = TypeVar("W", bound=Window)


def new_encoder(layers: int) -> nn.Module:
    """An encoder as the bundled embedder's, of so many layers, whose weights are still to be loaded."""
    shape = AutoConfig.from_pretrained(
        str(_bundled_folder()),
        num_hidden_layers=layers,
        # Dropout costs a third of the speed on a CPU, and two passes over the data do not need it.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return AutoModel.from_config(shape, add_pooling_layer=False, attn_implementation="eager")


def load_tokenizer() -> Any:
    """The bundled embedder's, with its own truncation and padding switched off."""
    return open_tokenizer(_bundled_folder() / "tokenizer.json")


def batches(
    windows: Sequence[W],
    config: dict[str, Any],
    rng: random.Random,
    together: Callable[[W], object] | None = None,
) -> list[list[W]]:
    """Batches of like length, at most so many padded tokens each, in random order.

    Windows of which `together` says the same, other than None, come in one batch.
    """
    units: dict[object, list[W]] = {}
    for place, item in enumerate(windows):
        key = together(item) if together else None
        units.setdefault(place if key is None else ("together", key), []).append(item)
    order = list(units.values())
    rng.shuffle(order)
    made: list[list[W]] = []
    for first in range(0, len(order), 2048):
        group: list[list[W]] = [[]]
        for unit in sorted(order[first : first + 2048], key=_longest):
            count = len(group[-1]) + len(unit)
            if group[-1] and (count > config["batch_most"] or count * _longest(unit) > config["batch_tokens"]):
                group.append([])
            group[-1] += unit
        rng.shuffle(group)
        made += group
    rng.shuffle(made)
    return made


def _longest(windows: Sequence[Window]) -> int:
    return max(len(item.ids) for item in windows)


def tensors(batch: Sequence[Window]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and segments, each of shape (windows, longest)."""
    longest = _longest(batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, item in enumerate(batch):
        ids[row, : len(item.ids)] = torch.tensor(item.ids)
        mask[row, : len(item.ids)] = 1
        types[row, : len(item.types)] = torch.tensor(item.types)
    return ids, mask, types


def fit(
    model: nn.Module,
    order: Sequence[Sequence[W]],
    loss_of: Callable[[Sequence[W]], torch.Tensor],
    check: Callable[[], dict[str, float]],
    work: Path,
    settings: dict[str, Any],
    seconds: float,
) -> None:
    """Train on the batches in their order; `check` is measured at each checkpoint.

    The model computes in bfloat16; steps are taken on float32 copies of its weights, which are what is saved
    (Micikevicius et al. 2018, "Mixed Precision Training", section 3.1).
    """
    exact = {name: value.detach().clone() for name, value in model.named_parameters()}
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    model.to(torch.bfloat16)
    groups = [
        {"params": [exact[name] for name, value in trained.items() if value.ndim > 1]},
        {"params": [exact[name] for name, value in trained.items() if value.ndim == 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=0.0, weight_decay=settings["weight_decay"], fused=True)
    step, spent, average = 0, 0.0, 0.0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if set(state["model"]) != set(exact):
            raise ValueError(f"{checkpoint} is of another model; expected {len(exact)} weights as {work} trains them")
        with torch.no_grad():
            for name, value in model.named_parameters():
                exact[name].copy_(state["model"][name])
                value.copy_(exact[name])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["seconds"]
    log(work, f"{sum(map(len, order))} windows in {len(order)} batches, from step {step}, {spent:.0f} s spent")
    began = time.monotonic() - spent
    saved = spent
    while step < len(order):
        spent = time.monotonic() - began
        progress = max(step / len(order), spent / seconds)
        if progress >= 1:
            break
        rate = settings["peak_rate"] * min(progress / settings["warmup"], (1 - progress) / (1 - settings["warmup"]))
        for group in optimiser.param_groups:
            group["lr"] = max(rate, 1e-7)
        loss = loss_of(order[step])
        loss.backward()
        for name, value in trained.items():
            exact[name].grad = None if value.grad is None else value.grad.float()
            value.grad = None
        nn.utils.clip_grad_norm_([exact[name] for name in trained], settings["clip"])
        optimiser.step()
        with torch.no_grad():
            for name, value in trained.items():
                value.copy_(exact[name])
        step += 1
        average = loss.item() if step == 1 else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0:
            log(work, f"step {step}/{len(order)} {spent:.0f} s rate {rate:.2e} loss {average:.3f}")
        if spent - saved > settings["checkpoint_seconds"]:
            save(checkpoint, exact, optimiser, step, spent)
            saved = spent
            metrics(work, {"step": step, "seconds": round(spent), "loss": average, **check()})
    save(checkpoint, exact, optimiser, step, time.monotonic() - began)
    seen = sum(len(batch) for batch in order[:step])
    final = {"step": step, "batches": len(order), "windows_seen": seen, "windows": sum(map(len, order))}
    metrics(work, {"seconds": round(time.monotonic() - began), "loss": average, **final, **check()})


def freeze(encoder: Any, layers: int) -> None:
    """Leave the embeddings and the lowest layers as they are."""
    embeddings = encoder.embeddings
    frozen = [embeddings.word_embeddings, embeddings.position_embeddings, *encoder.encoder.layer[:layers]]
    for module in frozen:
        for parameter in module.parameters():
            parameter.requires_grad = False


def save(
    path: Path, weights: Mapping[str, torch.Tensor], optimiser: torch.optim.Optimizer, step: int, seconds: float
) -> None:
    state = {"model": dict(weights), "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds}
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def log(work: Path, line: str) -> None:
    with (work / "train.log").open("a", encoding="utf-8") as lines:
        lines.write(f"{time.strftime('%H:%M:%S')} {line}\n")


def metrics(work: Path, row: dict[str, Any]) -> None:
    with (work / "metrics.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")
    log(work, json.dumps(row))


def export_onnx(model: nn.Module, name: str, outputs: Sequence[str], work: Path, settings: dict[str, Any]) -> None:
    """Write the model in float32 to `work/float32` and in eight bits to `work`, with the tokenizer beside each."""
    whole = work / "float32"
    whole.mkdir(exist_ok=True)
    ids = torch.full((2, 24), 1000)
    types = torch.ones_like(ids)
    types[:, :8] = 0
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    program = torch.onnx.export(
        model.eval(),
        (ids, torch.ones_like(ids), types),
        dynamo=True,
        opset_version=settings["opset"],
        input_names=["input_ids", "attention_mask", "token_type_ids"],
        output_names=list(outputs),
        dynamic_shapes=({0: batch, 1: tokens},) * 3,
    )
    assert program is not None
    program.save(whole / f"{name}.onnx", external_data=False)
    if settings.get("blocks"):
        _quantize_blocks(whole / f"{name}.onnx", work / f"{name}.onnx", settings["blocks"])
    else:
        _quantize_whole(whole / f"{name}.onnx", work / f"{name}.onnx", settings)
    without_traces(work / f"{name}.onnx")
    take_words(work / f"{name}.onnx")
    for folder in (whole, work):
        load_tokenizer().save(str(folder / TOKENIZER), pretty=False)


def _quantize_whole(source: Path, target: Path, settings: dict[str, Any]) -> None:
    """Eight-bit weights and activations, one scale for each channel of a weight and one for a whole activation."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=settings["quantized"],
        nodes_to_exclude=settings["keep_float"],
        weight_type=QuantType.QInt8,
        per_channel=True,
        # Seven bits: without it sums overflow on processors that lack VNNI, which many laptops do.
        reduce_range=settings["reduce_range"],
    )


def _quantize_blocks(source: Path, target: Path, block: int) -> None:
    """Eight-bit weights with a scale for each block of so many, activations likewise at run time; embeddings as above."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantize_dynamic(source, target, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8)
    quantizer = MatMulNBitsQuantizer(onnx.load(target), bits=8, block_size=block, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), False)


def without_traces(path: Path) -> None:
    """Take out what the exporter writes of the machine: the paths and lines that each node comes from."""
    import onnx

    model = onnx.load(path)
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        holder.doc_string = ""
        if hasattr(holder, "metadata_props"):
            del holder.metadata_props[:]
    onnx.save(model, path)


WORD_TABLE = "encoder.embeddings.word_embeddings.weight_quantized"


def take_words(path: Path) -> None:
    """Put the table of the words' vectors into a file of its own, words.npy, under a name that all models give it."""
    import onnx
    from onnx.numpy_helper import to_array

    model = onnx.load(path)
    (table,) = (item for item in model.graph.initializer if item.name == WORD_TABLE)
    held = to_array(table)
    np.save(path.with_name(WORDS), held, allow_pickle=False)
    header = path.with_name(WORDS).stat().st_size - held.nbytes
    for node in model.graph.node:
        node.input[:] = [WORDS_IN_GRAPH if name == WORD_TABLE else name for name in node.input]
    table.CopyFrom(onnx.TensorProto(name=WORDS_IN_GRAPH, data_type=table.data_type, dims=table.dims))
    table.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", WORDS), ("offset", header), ("length", held.nbytes)):
        table.external_data.add(key=key, value=str(value))
    onnx.save(model, path)


def stages_to_run(named: Sequence[str], stages: Sequence[str], prepared: Path) -> list[str]:
    """The stages that are named; where none is, all, less the first where what it prepares is there already."""
    if named or not prepared.exists():
        return list(named or stages)
    print(f"{prepared} is there already, so nothing is prepared")
    return list(stages[1:])


def weights_to_train(work: Path, start: Path | None) -> dict[str, torch.Tensor]:
    """Those of the checkpoint in the work folder, where one is there to go on from; else those of `start_from`."""
    checkpoint = work / "checkpoint.pt"
    return start_from(checkpoint if checkpoint.exists() else start)


def start_from(path: Path | None) -> dict[str, torch.Tensor]:
    """Weights to start from: of a checkpoint, or of a folder.

    A folder holds an exported model, whose eight bits are made floats again, or a plain encoder (config.json and
    model.safetensors) with the vocabulary of the bundled embedder, which is taken where no path is given.
    """
    path = path or _bundled_folder()
    if path.is_file():
        state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
        return state
    if (path / "model.safetensors").exists():
        _check_shape(path / "config.json")
        plain = load_file(path / "model.safetensors")
        return {f"encoder.{name}": value for name, value in plain.items() if not name.startswith("pooler.")}
    return exported_weights(next(path.glob("*.onnx")))


def _check_shape(path: Path) -> None:
    """Raise ValueError where an encoder differs from the bundled embedder in more than its depth."""
    found, expected = (
        json.loads(each.read_text(encoding="utf-8")) for each in (path, _bundled_folder() / "config.json")
    )
    for key in (
        "vocab_size",
        "hidden_size",
        "num_attention_heads",
        "intermediate_size",
        "hidden_act",
        "layer_norm_eps",
    ):
        if found.get(key) != expected[key]:
            raise ValueError(
                f"{path} has {key} {found.get(key)}; expected {expected[key]}, as the bundled embedder has"
            )


def layers_of(weights: Mapping[str, torch.Tensor]) -> int:
    """How many layers the encoder of a model has; raises ValueError where none is found."""
    found = [int(match[1]) for name in weights if (match := re.match(r"encoder\.encoder\.layer\.(\d+)\.", name))]
    if not found:
        raise ValueError(f"the weights to start from hold no encoder, but {', '.join(list(weights)[:5])}")
    return 1 + max(found)


def load(model: nn.Module, weights: Mapping[str, torch.Tensor], new: Collection[str] = ()) -> None:
    """Put weights in their places; those whose name begins with one of `new` may be missing, and stay as they are.

    Raises:
        ValueError: If another weight is missing.
    """
    known = model.state_dict()
    missing, _ = model.load_state_dict({name: weights[name] for name in known if name in weights}, strict=False)
    if lost := [name for name in missing if not name.startswith(tuple(new))]:
        raise ValueError(f"the weights to start from lack {', '.join(lost[:5])}")


def mixed(path: Path, mix: Path | None, share: float) -> dict[str, torch.Tensor]:
    """Weights of a checkpoint or folder, or their mean with those of another, which has `share` of it.

    What is learnt of one kind of text costs less of what was known of others (Wortsman et al. 2022, "Robust
    fine-tuning of zero-shot models").
    """
    weights = start_from(path)
    if mix is None:
        return weights
    others = start_from(mix)
    return {name: (1 - share) * value + share * others[name] for name, value in weights.items()}


def exported_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a model that `export_onnx` wrote in eight bits, by their names in the module, in float32.

    The exporter keeps the names of biases and embeddings; a matrix is the one whose product the bias is added to.
    """
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load(path, load_external_data=False).graph
    outside = {item.name for item in graph.initializer if item.name == WORDS_IN_GRAPH}
    stored = {item.name: torch.tensor(to_array(item)) for item in graph.initializer if item.name not in outside}
    if outside:
        stored[WORD_TABLE] = torch.tensor(np.load(place_of(path.parent, WORDS)))
    state = {name: value for name, value in stored.items() if name.endswith((".weight", ".bias"))}
    made_by = {name: node for node in graph.node for name in node.output}
    floats = {
        name.removesuffix("_quantized"): _floats(stored, name.removesuffix("_quantized"))
        for name in stored
        if name.endswith("_quantized")
    }
    state |= {name: value for name, value in floats.items() if name.endswith(".weight")}
    for node in graph.node:
        bias = next((name for name in node.input if name.endswith(".bias") and name in state), None)
        if node.op_type != "Add" or bias is None:
            continue
        # From the product upwards: rescaled, turned to floats, and only then the bias.
        (product,) = (name for name in node.input if name != bias)
        while made_by[product].op_type != "MatMulInteger":
            product = made_by[product].input[0]
        matrix = made_by[product].input[1].removesuffix("_quantized")
        state[bias.removesuffix("bias") + "weight"] = floats[matrix].T.contiguous()
    return state


def _floats(stored: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    """Eight-bit weights as floats: less their zero point, times the scale of their channel."""
    whole = stored[f"{name}_quantized"].float() - stored[f"{name}_zero_point"].float()
    return whole * stored[f"{name}_scale"]


def checksums(folder: Path, name: str) -> dict[str, str]:
    """SHA-256 of the files of a model."""
    files = [f"{name}.onnx", TOKENIZER, *([WORDS] if (folder / WORDS).exists() else [])]
    return {file: file_hash([folder / file], "what export writes") for file in files}
