"""Tools: what the page's Model Context Protocol server gives to programs, as JSON with its schema.

Gradio's server writes a value as Python does and gives it no structure.  Here each result is
the same value twice, as the protocol asks for (2025-06-18, "Structured Content"): as JSON text, and
structured, in the shape that the list of tools declares.  This file knows nothing of pages.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter


def write_json(server: Any, results: Mapping[str, Any]) -> None:
    """Have Gradio's MCP server give JSON; `results` are the types that its tools give, by their names.

    A list stands under the key `result`, for structured content is always an object.
    """
    from mcp import types

    handlers = server.mcp_server.request_handlers
    listed, called = handlers[types.ListToolsRequest], handlers[types.CallToolRequest]
    schemas = {name: _schema(result) for name, result in results.items()}

    async def list_tools(request: Any) -> Any:
        answer = await listed(request)
        for tool in answer.root.tools:
            tool.outputSchema = schemas.get(tool.name)
        return answer

    async def call_tool(request: Any) -> Any:
        answer = await called(request)
        if not answer.root.isError:
            value = json.loads(answer.root.content[0].text)
            answer.root.structuredContent = value if isinstance(value, dict) else {"result": value}
        return answer

    def texts(outputs: Sequence[Any], _: str) -> list[Any]:
        return [types.TextContent(type="text", text=json.dumps(output, ensure_ascii=False)) for output in outputs]

    server.postprocess_output_data = texts
    handlers[types.ListToolsRequest], handlers[types.CallToolRequest] = list_tools, call_tool


def _schema(result: Any) -> dict[str, Any]:
    """JSON Schema of an object with the fields of a type; a list is its only field."""
    schema = TypeAdapter(result).json_schema(mode="serialization")
    if schema.get("type") == "object":
        return schema
    defined = {key: schema.pop(key) for key in ("$defs",) if key in schema}
    return {"type": "object", "properties": {"result": schema}, "required": ["result"], **defined}
