"""What the reader's and the checker's training have in common: encoder, batches, the loop, the export.

A loop resumes from its checkpoint.  The learning rate falls to zero with the steps, or with
the time where the time given ends first, so that a slow machine sees fewer examples and still
ends well.
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import nn
from transformers import AutoModel

from assistant.embedding import _bundled_folder
from assistant.onnx_model import file_hash, open_tokenizer


class Window(Protocol):
    """One sequence of token ids in two segments."""

    ids: list[int]
    types: list[int]


W = TypeVar("W", bound=Window)


def load_encoder() -> nn.Module:
    """The bundled embedder's six layers (22.7 million parameters)."""
    return AutoModel.from_pretrained(
        str(_bundled_folder()),
        add_pooling_layer=False,
        attn_implementation="eager",
        # Dropout costs a third of the speed on a CPU, and two passes over the data do not need it.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


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
    """Train on the batches in their order; `check` is measured at each checkpoint."""
    groups = [
        {"params": [p for p in model.parameters() if p.requires_grad and p.ndim > 1]},
        {"params": [p for p in model.parameters() if p.requires_grad and p.ndim == 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=0.0, weight_decay=settings["weight_decay"], fused=True)
    step, spent, average = 0, 0.0, 0.0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
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
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
        optimiser.step()
        step += 1
        average = loss.item() if step == 1 else 0.98 * average + 0.02 * loss.item()
        if step % 50 == 0:
            log(work, f"step {step}/{len(order)} {spent:.0f} s rate {rate:.2e} loss {average:.3f}")
        if spent - saved > settings["checkpoint_seconds"]:
            save(checkpoint, model, optimiser, step, spent)
            saved = spent
            metrics(work, {"step": step, "seconds": round(spent), "loss": average, **check()})
    save(checkpoint, model, optimiser, step, time.monotonic() - began)
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


def save(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, step: int, seconds: float) -> None:
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds}
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
    for folder in (whole, work):
        load_tokenizer().save(str(folder / "tokenizer.json"), pretty=False)


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


def start_from(path: Path) -> dict[str, torch.Tensor]:
    """Weights to start from: of a checkpoint, or of a folder with an exported model, its eight bits made floats again."""
    if path.is_dir():
        return exported_weights(next(path.glob("*.onnx")))
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["model"]
    return state


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

    graph = onnx.load(path).graph
    stored = {item.name: torch.tensor(to_array(item)) for item in graph.initializer}
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


def checksums(folder: Path, *names: str) -> dict[str, str]:
    """SHA-256 of files of a folder."""
    return {name: file_hash([folder / name], "what export writes") for name in names}
