"""Make `assistant/data/encoder.onnx`: the shape of the bundled embedder's network, without its weights.

    python -m training.encoder

The graph names the weights as the model's own file, model.safetensors, does; `assistant/encoder.py`
hands them over when it loads it.  What PyTorch keeps as (out, in) is transposed in the graph, and
onnxruntime computes that once, when a session is made.  The operators are onnxruntime's fused ones
for BERT, so that nothing is left to its optimiser.  There is no attention mask: each text is encoded
alone, and nothing is padded.
"""

from pathlib import Path

from onnx import GraphProto, ModelProto, TensorProto, helper

TARGET = Path(__file__).parent.parent / "assistant" / "data" / "encoder.onnx"
FUSED = "com.microsoft"
LAYERS, HIDDEN, HEADS, WIDE, VOCABULARY, POSITIONS, TYPES = 6, 384, 12, 1536, 30522, 512, 2
EPSILON = 1e-12


def make_model() -> ModelProto:
    """The graph: token ids, shape (texts, tokens), to `vectors`, shape (texts, tokens, HIDDEN)."""
    graph = GraphProto(name="encoder")
    graph.input.append(helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "tokens"]))
    graph.output.append(helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", "tokens", HIDDEN]))
    hidden = embeddings(graph)
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        attended = attention(graph, f"{name}.attention", hidden)
        hidden = feed_forward(graph, name, attended, "vectors" if layer == LAYERS - 1 else f"{name}.hidden")
    operators = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(graph, opset_imports=operators, ir_version=8)


def embeddings(graph: GraphProto) -> str:
    """Words and their places; there is one text, so its type is the first, and is added to all places."""
    name = "embeddings"
    graph.initializer.append(helper.make_tensor("first", TensorProto.INT64, [1], [0]))
    kind = add(graph, "Gather", [weight(graph, f"{name}.token_type_embeddings.weight", TYPES, HIDDEN), "first"], "type")
    places = add(
        graph, "Add", [weight(graph, f"{name}.position_embeddings.weight", POSITIONS, HIDDEN), kind], "positions"
    )
    words = weight(graph, f"{name}.word_embeddings.weight", VOCABULARY, HIDDEN)
    inputs = ["ids", "", words, places, "", *scale(graph, f"{name}.LayerNorm")]
    found = add(graph, "EmbedLayerNormalization", inputs, "embedded", epsilon=EPSILON)
    graph.node[-1].output.append("lengths")  # which the operator gives as well, and nothing needs
    return found


def attention(graph: GraphProto, name: str, hidden: str) -> str:
    parts = [f"{name}.self.{part}" for part in ("query", "key", "value")]
    weights = [transposed(graph, f"{part}.weight", HIDDEN, HIDDEN) for part in parts]
    biases = [weight(graph, f"{part}.bias", HIDDEN) for part in parts]
    together = add(graph, "Concat", weights, f"{name}.weights", axis=1)
    bias = add(graph, "Concat", biases, f"{name}.biases", axis=0)
    context = add(graph, "Attention", [hidden, together, bias], f"{name}.context", num_heads=HEADS)
    dense = transposed(graph, f"{name}.output.dense.weight", HIDDEN, HIDDEN)
    projected = add(graph, "MatMul", [context, dense], f"{name}.projected")
    return add_and_norm(graph, f"{name}.output", projected, hidden, f"{name}.attended")


def feed_forward(graph: GraphProto, name: str, attended: str, out: str) -> str:
    up = transposed(graph, f"{name}.intermediate.dense.weight", WIDE, HIDDEN)
    wide = add(graph, "MatMul", [attended, up], f"{name}.wide")
    bias = weight(graph, f"{name}.intermediate.dense.bias", WIDE)
    active = add(graph, "BiasGelu", [wide, bias], f"{name}.active")
    down = transposed(graph, f"{name}.output.dense.weight", HIDDEN, WIDE)
    narrow = add(graph, "MatMul", [active, down], f"{name}.narrow")
    return add_and_norm(graph, f"{name}.output", narrow, attended, out)


def add_and_norm(graph: GraphProto, name: str, new: str, old: str, out: str) -> str:
    inputs = [new, old, *scale(graph, f"{name}.LayerNorm"), weight(graph, f"{name}.dense.bias", HIDDEN)]
    return add(graph, "SkipLayerNormalization", inputs, out, epsilon=EPSILON)


def scale(graph: GraphProto, name: str) -> list[str]:
    return [weight(graph, f"{name}.{part}", HIDDEN) for part in ("weight", "bias")]


def transposed(graph: GraphProto, name: str, *shape: int) -> str:
    return add(graph, "Transpose", [weight(graph, name, *shape)], f"{name}.transposed", perm=[1, 0])


def weight(graph: GraphProto, name: str, *shape: int) -> str:
    """A weight that the graph names and does not hold."""
    held = graph.initializer.add(name=name, data_type=TensorProto.FLOAT, dims=shape)
    held.data_location = TensorProto.EXTERNAL
    held.external_data.add(key="location", value="model.safetensors")
    return name


ONNX_OWN = {"Add", "Concat", "Gather", "MatMul", "Transpose"}


def add(graph: GraphProto, operator: str, inputs: list[str], out: str, **attributes: object) -> str:
    domain = "" if operator in ONNX_OWN else FUSED
    graph.node.append(helper.make_node(operator, inputs, [out], name=out, domain=domain, **attributes))
    return out


if __name__ == "__main__":
    TARGET.write_bytes(make_model().SerializeToString(deterministic=True))
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")
