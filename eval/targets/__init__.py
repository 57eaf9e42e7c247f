"""What can be asked: this service in process, ours by HTTP, or any OpenAI-compatible chat server.

http.py         one request: deadline, size limit, retries, and what kind of failure it was
shapes.py       the native shape; whatever else comes back is malformed
http_native.py  our HTTP routes
chat.py         a chat server; chat_record.py puts its answer into the native shape
in_process.py   the service in this process
detect.py       which of the two protocols a URL speaks
"""

from __future__ import annotations

from eval.targets.chat import ChatServer
from eval.targets.detect import detect_target
from eval.targets.http_native import NativeServer
from eval.targets.in_process import InProcess, InProcessService

__all__ = ["ChatServer", "InProcess", "InProcessService", "NativeServer", "detect_target"]
