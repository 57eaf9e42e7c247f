"""Ask with LangChain: python chat_langchain.py http://127.0.0.1:8000 "your question"

`ChatOpenAI` drops what it does not know, annotations included; this subclass keeps them.
"""

import sys
from typing import Any

import openai
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI


class CitingChatOpenAI(ChatOpenAI):
    """`ChatOpenAI` with the citations of an answer under `response_metadata`."""

    def _create_chat_result(
        self, response: dict[str, Any] | openai.BaseModel, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        content = response if isinstance(response, dict) else response.model_dump()
        metadata = result.generations[0].message.response_metadata
        metadata["annotations"] = content["choices"][0]["message"]["annotations"]
        metadata["search_results"] = content["search_results"]
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        found = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if found is not None and "search_results" in chunk:
            metadata = found.message.response_metadata
            metadata["annotations"] = chunk["choices"][0]["delta"]["annotations"]
            metadata["search_results"] = chunk["search_results"]
        return found


address, question = sys.argv[1:]
model = CitingChatOpenAI(model="verse", base_url=f"{address}/v1", api_key="unused")

message = model.invoke(question)
print(message.content)
for annotation in message.response_metadata["annotations"]:
    cited = annotation["url_citation"]
    print(f"{cited['start_index']}-{cited['end_index']} {cited['title']} {cited['url']}")

print("--- as it comes")
for chunk in model.stream(question):
    print(chunk.content, end="")
    for result in chunk.response_metadata.get("search_results", []):
        print(f"\n“{result['snippet']}”", end="")
print()
