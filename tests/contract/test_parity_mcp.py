"""One record on every transport: MCP's citations are those of `POST /v1/ask`, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from api.schemas import AnswerOut
from eval.datasets.seeds import QUESTIONS
from tests.api.mcp_service import MODES, canonical, comparable, record_of, talk, text_of
from tests.api.test_mcp_stdio import parameters
from tests.api.test_serve import Server, serving
