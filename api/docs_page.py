"""The API's description as one static page, rendered from its OpenAPI document."""

from __future__ import annotations

import json
from html import escape
from typing import Any

_ORDER = ("answers", "documents", "health")


def render_docs_page(openapi: dict[str, Any]) -> str:
    """Return HTML without scripts: every route with its parameters, bodies and responses."""
    operations = [
        (path, method, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    operations.sort(key=lambda item: _position(item[2]))
    routes = "".join(_operation(*item) for item in operations)
    schemas = "".join(
        _schema(name, schema) for name, schema in sorted(openapi["components"]["schemas"].items())
    )
    info = openapi["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} – API</title>"
        '<link rel="stylesheet" href="/static/viewer.css"><link rel="stylesheet" href="/static/docs.css"></head>'
        f'<body class="docs"><main><h1>{escape(info["title"])}</h1><p>{escape(info["description"])}</p>'
        f'<p>Version {escape(info["version"])}. The same as data: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"<h2>Routes</h2>{routes}<h2>Data</h2>{schemas}</main></body></html>"
    )


def _position(operation: dict[str, Any]) -> int:
    tags = operation.get("tags", [])
    return next((_ORDER.index(tag) for tag in tags if tag in _ORDER), len(_ORDER))


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>{escape(p['name'])}</code> ({escape(p['in'])}{', required' if p.get('required') else ''})</li>"
        for p in operation.get("parameters", [])
    )
    responses = "".join(
        f"<li><code>{escape(status)}</code> {escape(response.get('description', ''))}{_reference(response)}</li>"
        for status, response in operation["responses"].items()
    )
    body = operation.get("requestBody")
    return (
        f"<section><h3><code>{escape(method.upper())} {escape(path)}</code></h3>"
        f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>"
        + (f"<p>Body:{_reference(body)}</p>" if body else "")
        + (f"<p>Parameters</p><ul>{parameters}</ul>" if parameters else "")
        + f"<p>Responses</p><ul>{responses}</ul></section>"
    )


def _reference(part: dict[str, Any]) -> str:
    for content in part.get("content", {}).values():
        name = content.get("schema", {}).get("$ref", "").rsplit("/", maxsplit=1)[-1]
        if name:
            return f' <a href="#{escape(name, quote=True)}">{escape(name)}</a>'
    return ""


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = json.dumps(schema.get("properties", schema), indent=1, ensure_ascii=False)
    return (
        f'<section id="{escape(name, quote=True)}"><h3>{escape(name)}</h3>'
        f"<p>{escape(schema.get('description', ''))}</p><details><summary>Fields</summary>"
        f"<pre>{escape(text)}</pre></details></section>"
    )
